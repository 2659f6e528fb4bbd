import { POSTED_ERROR, POSTED_ROOT, type Posting } from '../model/posting.js';

/**
 * Packed spans of one operation in one window of one commit: the `entries` column of `postings`.
 *
 *   u8 version = 1 | u16 segment count | per segment: i64 id, u32 hour (epoch hours)
 *   per span, 32 bytes: trace id 16 | u32 span tag | u32 position (segment index << 24 | ordinal in the segment)
 *                       | u32 flags << 24 | end offset in the window, µs | u32 duration
 *   f32 weight per span, when any span carries FLAG_WEIGHTED
 *
 * All numbers are little-endian.
 */
const VERSION = 1;
const HEAD_BYTES = 3;
const SEGMENT_BYTES = 12;
const ENTRY_BYTES = 32;
const MAX_U32 = 0xffff_ffff;
const LOW_24 = 0xff_ffff;

/** The packed duration counts milliseconds: it does not fit in 32 bits of microseconds. */
const FLAG_MILLISECONDS = 4;
/** The sender stated its sampling probability. */
const FLAG_WEIGHTED = 8;

/** Where a segment lies: its int8 id in decimal, and the epoch hour of its partition. */
export interface SegmentRef {
  id: string;
  hour: number;
}

/** A posting's spans, and where each of them lies. */
export interface PostedSpans extends Omit<Posting, 'operationId' | 'windowAtMs'> {
  segments: SegmentRef[];
  /** Index into `segments`. */
  segmentIndex: Uint8Array;
  /** Position of the span in its segment, counted from 0. */
  ordinal: Uint32Array;
}

/** The eight bytes of a span id at `at`, folded to an unsigned 32-bit number. */
export function spanTag(bytes: Uint8Array, at: number): number {
  return (littleEndian32(bytes, at) ^ littleEndian32(bytes, at + 4)) >>> 0;
}

function littleEndian32(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

/** Collects the entries of one posting while a commit is indexed. */
export class PostingBuilder {
  n = 0;
  private bytes = Buffer.allocUnsafe(8 * ENTRY_BYTES);
  private weights: number[] | null = null;

  /** Adds one span; `weight` 0 means unknown. Longer durations than 49 days are stored as 49 days. */
  add(
    source: Uint8Array,
    traceAt: number,
    tag: number,
    segmentIndex: number,
    ordinal: number,
    endOffsetUs: number,
    flags: number,
    durationUs: number,
    weight: number,
  ): void {
    const at = this.n * ENTRY_BYTES;
    if (at + ENTRY_BYTES > this.bytes.length) this.bytes = Buffer.concat([this.bytes], this.bytes.length * 2);
    const bytes = this.bytes;
    for (let i = 0; i < 16; i++) bytes[at + i] = source[traceAt + i]!;
    let duration = durationUs;
    let allFlags = flags & (POSTED_ERROR | POSTED_ROOT);
    if (duration > MAX_U32) {
      allFlags |= FLAG_MILLISECONDS;
      duration = Math.min(Math.round(duration / 1_000), MAX_U32);
    }
    if (weight > 0) {
      allFlags |= FLAG_WEIGHTED;
      this.weights ??= [];
    }
    bytes.writeUInt32LE(tag, at + 16);
    bytes.writeUInt32LE(((segmentIndex << 24) | (ordinal & LOW_24)) >>> 0, at + 20);
    bytes.writeUInt32LE(((allFlags << 24) | (endOffsetUs & LOW_24)) >>> 0, at + 24);
    bytes.writeUInt32LE(duration, at + 28);
    if (this.weights) {
      while (this.weights.length < this.n) this.weights.push(0);
      this.weights.push(weight);
    }
    this.n++;
  }

  /** The packed bytes; `segments` in the order that `add` referred to. */
  pack(segments: readonly SegmentRef[]): Buffer {
    const head = HEAD_BYTES + segments.length * SEGMENT_BYTES;
    const body = this.n * ENTRY_BYTES;
    const packed = Buffer.allocUnsafe(head + body + (this.weights ? this.n * 4 : 0));
    packed[0] = VERSION;
    packed.writeUInt16LE(segments.length, 1);
    segments.forEach((segment, i) => {
      packed.writeBigInt64LE(BigInt(segment.id), HEAD_BYTES + i * SEGMENT_BYTES);
      packed.writeUInt32LE(segment.hour, HEAD_BYTES + i * SEGMENT_BYTES + 8);
    });
    this.bytes.copy(packed, head, 0, body);
    this.weights?.forEach((weight, i) => packed.writeFloatLE(weight, head + body + i * 4));
    return packed;
  }
}

/** Reads what `PostingBuilder.pack` wrote; throws RangeError on any other bytes. Durations above 71 minutes are whole milliseconds. */
export function unpackPosting(packed: Uint8Array): PostedSpans {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  if (packed.byteLength < HEAD_BYTES || view.getUint8(0) !== VERSION)
    throw new RangeError('not a posting of version 1');
  const segmentCount = view.getUint16(1, true);
  const head = HEAD_BYTES + segmentCount * SEGMENT_BYTES;
  const n = entryCount(view, head);
  const hex = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
  const spans: PostedSpans = {
    n,
    segments: [],
    segmentIndex: new Uint8Array(n),
    ordinal: new Uint32Array(n),
    durationUs: new Float64Array(n),
    endOffsetUs: new Uint32Array(n),
    flags: new Uint8Array(n),
    spanTag: new Uint32Array(n),
    weight: null,
    traceId: (i) => hex.toString('hex', head + i * ENTRY_BYTES, head + i * ENTRY_BYTES + 16),
  };
  for (let i = 0; i < segmentCount; i++) {
    const at = HEAD_BYTES + i * SEGMENT_BYTES;
    spans.segments.push({ id: view.getBigInt64(at, true).toString(), hour: view.getUint32(at + 8, true) });
  }
  for (let i = 0; i < n; i++) {
    const at = head + i * ENTRY_BYTES;
    const position = view.getUint32(at + 20, true);
    const end = view.getUint32(at + 24, true);
    const flags = end >>> 24;
    spans.spanTag[i] = view.getUint32(at + 16, true);
    spans.segmentIndex[i] = position >>> 24;
    spans.ordinal[i] = position & LOW_24;
    spans.endOffsetUs[i] = end & LOW_24;
    spans.flags[i] = flags & (POSTED_ERROR | POSTED_ROOT);
    spans.durationUs[i] = view.getUint32(at + 28, true) * (flags & FLAG_MILLISECONDS ? 1_000 : 1);
    if ((flags & FLAG_WEIGHTED) !== 0) {
      spans.weight ??= new Float32Array(n);
      spans.weight[i] = view.getFloat32(head + n * ENTRY_BYTES + i * 4, true);
    }
  }
  return spans;
}

/** Entries of 32 bytes, or of 36 when any is weighted: the flags say which, so count what the flags allow. */
function entryCount(view: DataView, head: number): number {
  const rest = view.byteLength - head;
  if (rest >= 0 && rest % ENTRY_BYTES === 0 && !anyWeighted(view, head, rest / ENTRY_BYTES)) return rest / ENTRY_BYTES;
  const wide = ENTRY_BYTES + 4;
  if (rest > 0 && rest % wide === 0 && anyWeighted(view, head, rest / wide)) return rest / wide;
  throw new RangeError(`a posting of ${view.byteLength} bytes holds no whole number of entries`);
}

function anyWeighted(view: DataView, head: number, n: number): boolean {
  for (let i = 0; i < n; i++) {
    if (view.getUint32(head + i * ENTRY_BYTES + 24, true) & (FLAG_WEIGHTED << 24)) return true;
  }
  return false;
}
