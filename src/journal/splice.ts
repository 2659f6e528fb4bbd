import { LEN, WireReader, varintBytes } from './wire.js';

/** Encoded pieces of a message, in order; null when nothing is left of it. */
type Pieces = Uint8Array[] | null;

/**
 * An ExportTraceServiceRequest without the spans whose entry in `keep` is 0, counted as `scan` counts them; scopes and resources that have
 * no span left go with them, everything else stays byte for byte. The bytes must be such as `scan` accepts. The same for log records
 * (`scanLogs`), which lie under the same field numbers.
 */
export function keepSpans(bytes: Uint8Array, keep: Uint8Array): Buffer {
  let span = 0;
  const spanPieces = (from: number, to: number): Pieces => (keep[span++] === 0 ? null : [bytes.subarray(from, to)]);
  const scopePieces = (from: number, to: number): Pieces => filter(bytes, from, to, 2, spanPieces);
  const resourcePieces = (from: number, to: number): Pieces => filter(bytes, from, to, 2, scopePieces);
  return Buffer.concat(filter(bytes, 0, bytes.length, 1, resourcePieces) ?? []);
}

/** The message in [from, to) with field `field` replaced by what `child` makes of it; null when no such field is left. */
function filter(
  bytes: Uint8Array,
  from: number,
  to: number,
  field: number,
  child: (from: number, to: number) => Pieces,
): Pieces {
  const reader = new WireReader(bytes, from);
  const pieces: Uint8Array[] = [];
  let kept = 0;
  while (reader.pos < to) {
    const at = reader.pos;
    const tag = reader.tag(to);
    if (tag !== ((field << 3) | LEN)) {
      reader.skip(tag & 7, to);
      pieces.push(bytes.subarray(at, reader.pos));
      continue;
    }
    const end = reader.length(to);
    const inner = child(reader.pos, end);
    reader.pos = end;
    if (!inner) continue;
    kept++;
    const size = inner.reduce((sum, piece) => sum + piece.length, 0);
    pieces.push(varintBytes(tag), varintBytes(size), ...inner);
  }
  return kept === 0 ? null : pieces;
}
