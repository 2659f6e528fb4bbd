import type { SpanTable } from './span-table.js';

/** Calls `visit` for each span of a wanted trace (by 32 hex digits) with its position, its trace id and what is kept for that trace. */
export function eachWanted<T>(
  { n, bytes, traceAt }: SpanTable,
  wanted: ReadonlyMap<string, T>,
  visit: (i: number, traceId: string, kept: T) => void,
): void {
  // Four bytes tell most spans of other traces apart without a string.
  const ends = new Set<number>();
  for (const traceId of wanted.keys()) ends.add(parseInt(traceId.slice(24), 16) | 0);
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const only = ends.size === 1 ? [...ends][0]! : null;
  for (let i = 0; i < n; i++) {
    const at = traceAt[i]! + 12;
    const end = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
    if (only === null ? !ends.has(end) : end !== only) continue;
    const traceId = buffer.toString('hex', at - 12, at + 4);
    const kept = wanted.get(traceId);
    if (kept !== undefined) visit(i, traceId, kept);
  }
}
