const MAX_CODE_POINTS = 255;
const HASH_DIGITS = 8;
const CONTROLS = /[\u0000-\u001f\u007f-\u009f]/g;

/**
 * A sender's name as a column can hold it: valid UTF-8 without control characters (each becomes U+FFFD), at most 255 code points. A longer
 * name is cut and ends in ~ and eight hex digits of its hash, so that different long names stay different.
 */
export function columnName(bytes: Uint8Array, at: number, to: number): string {
  const name = Buffer.from(bytes.buffer, bytes.byteOffset + at, to - at)
    .toString('utf8')
    .replace(CONTROLS, '\ufffd');
  if (name.length <= MAX_CODE_POINTS) return name;
  const points = Array.from(name);
  if (points.length <= MAX_CODE_POINTS) return name;
  return `${points.slice(0, MAX_CODE_POINTS - HASH_DIGITS - 1).join('')}~${hash(name)}`;
}

/** FNV-1a over UTF-16 code units. */
function hash(text: string): string {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return (value >>> 0).toString(16).padStart(HASH_DIGITS, '0');
}
