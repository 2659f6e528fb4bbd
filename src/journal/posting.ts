import { POSTED_ERROR, POSTED_ROOT, type Posting } from '../model/posting.js';
import { ENTRY_BYTES, FLAG_MILLISECONDS, FLAG_WEIGHTED, HEAD_BYTES, LOW_24 } from './posting-layout.js';
import { OPERATION_BYTES, SEGMENT_BYTES, SHARED_HEAD_BYTES, SHARED_VERSION, VERSION } from './posting-layout.js';
import type { SegmentRef } from './posting-layout.js';

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

/** Spans of one operation, out of a row of postings. */
export interface OperationSpans {
  operationId: number;
  spans: PostedSpans;
}

/** A row of postings, as it is stored. */
export interface PackedRow {
  /** Below zero: shared by several operations. */
  operationId: number;
  windowAtMs: number;
  entries: Uint8Array;
}

/** The entries of one operation within a row. */
interface Part {
  operationId: number;
  view: DataView;
  entriesAt: number;
  n: number;
  weightsAt: number;
}

/** The columns that every reader wants. */
type Columns = Omit<Posting, 'operationId' | 'windowAtMs' | 'traceId'>;

/**
 * Reads the entries of a row (posting-layout.ts), of the wanted operations alone where several share it; throws RangeError on any other bytes.
 * Durations above 71 minutes are whole milliseconds.
 */
export function unpackRow(
  { operationId, entries }: Pick<PackedRow, 'operationId' | 'entries'>,
  wanted: ReadonlySet<number> | null = null,
): OperationSpans[] {
  const { segments, parts } = partsOf(operationId, entries, wanted);
  return parts.map((part) => {
    const { view, entriesAt, n } = part;
    const bytes = Buffer.from(entries.buffer, entries.byteOffset, entries.byteLength);
    const spans: PostedSpans = {
      ...emptyColumns(n),
      segments,
      segmentIndex: new Uint8Array(n),
      ordinal: new Uint32Array(n),
      traceId: (i) => bytes.toString('hex', entriesAt + i * ENTRY_BYTES, entriesAt + i * ENTRY_BYTES + 16),
    };
    fill(spans, part, 0);
    for (let i = 0; i < n; i++) {
      const position = view.getUint32(entriesAt + i * ENTRY_BYTES + 20, true);
      spans.segmentIndex[i] = position >>> 24;
      spans.ordinal[i] = position & LOW_24;
    }
    return { operationId: part.operationId, spans };
  });
}

/** The spans of many rows, put together by window and operation and in that order. Throws as `unpackRow`. */
export function gatherRows(rows: readonly PackedRow[]): Posting[] {
  const windows = new Map<number, Map<number, { n: number; parts: Part[] }>>();
  for (const { operationId, windowAtMs, entries } of rows) {
    let operations = windows.get(windowAtMs);
    if (!operations) windows.set(windowAtMs, (operations = new Map()));
    for (const part of partsOf(operationId, entries, null).parts) {
      const gathered = operations.get(part.operationId);
      if (gathered) {
        gathered.n += part.n;
        gathered.parts.push(part);
      } else operations.set(part.operationId, { n: part.n, parts: [part] });
    }
  }
  const postings: Posting[] = [];
  for (const [windowAtMs, operations] of [...windows].sort(byNumber)) {
    for (const [operationId, { n, parts }] of [...operations].sort(byNumber)) {
      postings.push({ operationId, windowAtMs, ...gathered(n, parts) });
    }
  }
  return postings;
}

const byNumber = (a: readonly [number, unknown], b: readonly [number, unknown]) => a[0] - b[0];

function gathered(n: number, parts: readonly Part[]): Omit<Posting, 'operationId' | 'windowAtMs'> {
  const traceIds = Buffer.allocUnsafe(n * 16);
  const columns = emptyColumns(n);
  let from = 0;
  for (const part of parts) {
    const { view, entriesAt } = part;
    for (let i = 0; i < part.n; i++) {
      const at = view.byteOffset + entriesAt + i * ENTRY_BYTES;
      traceIds.set(new Uint8Array(view.buffer, at, 16), (from + i) * 16);
    }
    fill(columns, part, from);
    from += part.n;
  }
  return { ...columns, traceId: (i) => traceIds.toString('hex', i * 16, i * 16 + 16) };
}

function emptyColumns(n: number): Columns {
  return {
    n,
    durationUs: new Float64Array(n),
    endOffsetUs: new Uint32Array(n),
    flags: new Uint8Array(n),
    spanTag: new Uint32Array(n),
    weight: null,
  };
}

/** Writes the columns of a part's spans from index `from` on. */
function fill(columns: Columns, { view, entriesAt, n, weightsAt }: Part, from: number): void {
  for (let i = 0; i < n; i++) {
    const at = entriesAt + i * ENTRY_BYTES;
    const end = view.getUint32(at + 24, true);
    const flags = end >>> 24;
    columns.spanTag[from + i] = view.getUint32(at + 16, true);
    columns.endOffsetUs[from + i] = end & LOW_24;
    columns.flags[from + i] = flags & (POSTED_ERROR | POSTED_ROOT);
    columns.durationUs[from + i] = view.getUint32(at + 28, true) * (flags & FLAG_MILLISECONDS ? 1_000 : 1);
    if ((flags & FLAG_WEIGHTED) !== 0) {
      columns.weight ??= new Float32Array(columns.n);
      columns.weight[from + i] = view.getFloat32(weightsAt + i * 4, true);
    }
  }
}

function partsOf(
  operationId: number,
  packed: Uint8Array,
  wanted: ReadonlySet<number> | null,
): { segments: SegmentRef[]; parts: Part[] } {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const version = packed.byteLength < HEAD_BYTES ? 0 : view.getUint8(0);
  if (version === SHARED_VERSION && packed.byteLength >= SHARED_HEAD_BYTES) return sharedParts(view, wanted);
  if (version !== VERSION) throw new RangeError('not a posting');
  const segmentCount = view.getUint16(1, true);
  const entriesAt = HEAD_BYTES + segmentCount * SEGMENT_BYTES;
  const n = entryCount(view, entriesAt);
  return {
    segments: readSegments(view, HEAD_BYTES, segmentCount),
    parts: [{ operationId, view, entriesAt, n, weightsAt: entriesAt + n * ENTRY_BYTES }],
  };
}

function sharedParts(view: DataView, wanted: ReadonlySet<number> | null): { segments: SegmentRef[]; parts: Part[] } {
  const segmentCount = view.getUint16(1, true);
  const operationCount = view.getUint16(3, true);
  const operationsAt = SHARED_HEAD_BYTES + segmentCount * SEGMENT_BYTES;
  const entriesAt = operationsAt + operationCount * OPERATION_BYTES;
  if (entriesAt > view.byteLength) throw wrongSize(view);
  let all = 0;
  for (let i = 0; i < operationCount; i++) all += view.getUint8(operationsAt + i * OPERATION_BYTES + 4);
  const weightsAt = entriesAt + all * ENTRY_BYTES;
  if (view.byteLength !== weightsAt && view.byteLength !== weightsAt + all * 4) throw wrongSize(view);
  const parts: Part[] = [];
  let before = 0;
  for (let i = 0; i < operationCount; i++) {
    const operationId = view.getInt32(operationsAt + i * OPERATION_BYTES, true);
    const n = view.getUint8(operationsAt + i * OPERATION_BYTES + 4);
    if (wanted === null || wanted.has(operationId)) {
      const at = { entriesAt: entriesAt + before * ENTRY_BYTES, weightsAt: weightsAt + before * 4 };
      parts.push({ operationId, view, n, ...at });
    }
    before += n;
  }
  return { segments: parts.length === 0 ? [] : readSegments(view, SHARED_HEAD_BYTES, segmentCount), parts };
}

function readSegments(view: DataView, from: number, count: number): SegmentRef[] {
  if (from + count * SEGMENT_BYTES > view.byteLength) throw wrongSize(view);
  return Array.from({ length: count }, (_, i) => ({
    id: view.getBigInt64(from + i * SEGMENT_BYTES, true).toString(),
    hour: view.getUint32(from + i * SEGMENT_BYTES + 8, true),
  }));
}

/** Entries of 32 bytes, or of 36 when any is weighted: the flags say which, so count what the flags allow. */
function entryCount(view: DataView, head: number): number {
  const rest = view.byteLength - head;
  if (rest >= 0 && rest % ENTRY_BYTES === 0 && !anyWeighted(view, head, rest / ENTRY_BYTES)) return rest / ENTRY_BYTES;
  const wide = ENTRY_BYTES + 4;
  if (rest > 0 && rest % wide === 0 && anyWeighted(view, head, rest / wide)) return rest / wide;
  throw wrongSize(view);
}

function anyWeighted(view: DataView, head: number, n: number): boolean {
  for (let i = 0; i < n; i++) {
    if (view.getUint32(head + i * ENTRY_BYTES + 24, true) & (FLAG_WEIGHTED << 24)) return true;
  }
  return false;
}

function wrongSize({ byteLength }: DataView): RangeError {
  return new RangeError(`a posting of ${byteLength} bytes holds no whole number of entries`);
}
