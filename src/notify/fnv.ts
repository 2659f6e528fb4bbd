/** FNV-1a over UTF-16 units, 32 bits, with the finalizer of MurmurHash3, since FNV mixes a last character badly. */
export function fnv32(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** 16 hexadecimal digits from a text: short, and the same for the same text. */
export function shortHash(text: string): string {
  return [text, `${text}\u0000`].map((each) => fnv32(each).toString(16).padStart(8, '0')).join('');
}
