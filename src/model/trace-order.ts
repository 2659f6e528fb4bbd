/**
 * 32 well-mixed bits of a trace id: FNV-1a over its right half (where W3C asks for randomness), finished by MurmurHash3's mixer. Not the bits
 * themselves: consistent head sampling keeps ids by those, so that a choice by them would pass over all thinned-out traces.
 */
export function traceHash(traceId: string): number {
  let hash = 0x811c9dc5;
  for (let i = 16; i < traceId.length; i++) hash = Math.imul(hash ^ traceId.charCodeAt(i), 0x01000193);
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** An order of trace ids that has nothing to do with time, sender or sampling, the same everywhere. */
export function byTraceHash(a: string, b: string): number {
  return traceHash(a) - traceHash(b) || (a < b ? -1 : a > b ? 1 : 0);
}
