import { POSTED_ERROR, POSTED_ROOT } from '../model/posting.js';
import { ENTRY_BYTES, FLAG_MILLISECONDS, FLAG_WEIGHTED, HEAD_BYTES, LOW_24, MAX_U32 } from './posting-layout.js';
import { OPERATION_BYTES, SEGMENT_BYTES, SHARED_HEAD_BYTES, SHARED_VERSION, VERSION } from './posting-layout.js';
import type { SegmentRef } from './posting-layout.js';

/** What a packed posting is to hold. */
export interface PostingPlan {
  /** In the order that entries refer to. */
  segments: readonly SegmentRef[];
  n: number;
  /** Whether any span states its weight. */
  isWeighted: boolean;
  /** Null: of one operation. Else whose entries stand there, one operation after another, at most 255 each. */
  operations: readonly { id: number; n: number }[] | null;
}

/** Size of the packed bytes. */
export function packedBytes({ segments, n, isWeighted, operations }: PostingPlan): number {
  const head = operations ? SHARED_HEAD_BYTES + operations.length * OPERATION_BYTES : HEAD_BYTES;
  return head + segments.length * SEGMENT_BYTES + n * (ENTRY_BYTES + (isWeighted ? 4 : 0));
}

/** Packs one posting into bytes that hold `packedBytes` from `at` on. Every entry must be put, in any order. */
export class PostingWriter {
  private readonly entriesAt: number;
  private readonly weightsAt: number;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly view: DataView,
    at: number,
    { segments, n, isWeighted, operations }: PostingPlan,
  ) {
    view.setUint8(at, operations ? SHARED_VERSION : VERSION);
    view.setUint16(at + 1, segments.length, true);
    if (operations) view.setUint16(at + 3, operations.length, true);
    let next = at + (operations ? SHARED_HEAD_BYTES : HEAD_BYTES);
    for (const { id, hour } of segments) {
      view.setBigInt64(next, BigInt(id), true);
      view.setUint32(next + 8, hour, true);
      next += SEGMENT_BYTES;
    }
    for (const operation of operations ?? []) {
      view.setInt32(next, operation.id, true);
      view.setUint8(next + 4, operation.n);
      next += OPERATION_BYTES;
    }
    this.entriesAt = next;
    this.weightsAt = isWeighted ? next + n * ENTRY_BYTES : -1;
  }

  /** Puts entry `i`; `weight` 0 means unknown. Longer durations than 49 days are stored as 49 days. */
  put(
    i: number,
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
    const { bytes, view } = this;
    const at = this.entriesAt + i * ENTRY_BYTES;
    for (let k = 0; k < 16; k++) bytes[at + k] = source[traceAt + k]!;
    let duration = durationUs;
    let allFlags = flags & (POSTED_ERROR | POSTED_ROOT);
    if (duration > MAX_U32) {
      allFlags |= FLAG_MILLISECONDS;
      duration = Math.min(Math.round(duration / 1_000), MAX_U32);
    }
    if (weight > 0) allFlags |= FLAG_WEIGHTED;
    view.setUint32(at + 16, tag, true);
    view.setUint32(at + 20, (segmentIndex << 24) | (ordinal & LOW_24), true);
    view.setUint32(at + 24, (allFlags << 24) | (endOffsetUs & LOW_24), true);
    view.setUint32(at + 28, duration, true);
    if (this.weightsAt >= 0) view.setFloat32(this.weightsAt + i * 4, weight, true);
  }
}

/** One posting by itself, with the entries that `put` puts. */
export function packPosting(plan: PostingPlan, put: (writer: PostingWriter) => void): Buffer {
  const bytes = Buffer.alloc(packedBytes(plan));
  put(new PostingWriter(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, plan));
  return bytes;
}
