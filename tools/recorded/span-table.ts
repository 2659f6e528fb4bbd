import { Names } from './names.js';

/** A span as a data set tells it. Ids are lower-case or upper-case hex; `parentId` is empty for a root. */
export interface SpanRow {
  traceId: string;
  spanId: string;
  parentId: string;
  service: string;
  operation: string;
  pod: string;
  startNs: bigint;
  endNs: bigint;
}

const TRACE_BYTES = 16;
const SPAN_BYTES = 8;
const ID_BYTES = TRACE_BYTES + 2 * SPAN_BYTES;
const WORDS = ID_BYTES / 4;
const SPAN_WORD = TRACE_BYTES / 4;
const PARENT_WORD = SPAN_WORD + 2;
const FREE = -1;

/**
 * Millions of spans in columns (about 60 bytes a span), found again by their ids. Times are kept as nanoseconds from
 * `baseNs`, exact for data that spans less than 104 days.
 */
export class SpanTable {
  private ids: Buffer;
  /** The same bytes, eight words a row: 4 of the trace id, 2 of the span id, 2 of the parent's. */
  private words: Int32Array;
  private startOffsets: Float64Array;
  private endOffsets: Float64Array;
  private services: Uint16Array;
  private operations: Uint32Array;
  private pods: Uint32Array;
  private slots: Int32Array;
  private size = 0;
  private base: bigint | undefined;
  readonly serviceNames = new Names(0xffff);
  readonly operationNames = new Names(0xffffffff);
  readonly podNames = new Names(0xffffffff);

  /** `capacity`, a power of two, is where it begins; it grows. */
  constructor(private capacity = 1 << 14) {
    this.ids = Buffer.alloc(capacity * ID_BYTES);
    this.words = wordsOf(this.ids);
    this.startOffsets = new Float64Array(capacity);
    this.endOffsets = new Float64Array(capacity);
    this.services = new Uint16Array(capacity);
    this.operations = new Uint32Array(capacity);
    this.pods = new Uint32Array(capacity);
    this.slots = new Int32Array(capacity * 2).fill(FREE);
  }

  get count(): number {
    return this.size;
  }

  /** The instant from which offsets count, epoch nanoseconds. */
  get baseNs(): bigint {
    return this.base ?? 0n;
  }

  /** Adds a span; false when a span with the same trace and span id is there already. */
  add(row: SpanRow): boolean {
    if (this.size === this.capacity) this.grow();
    const at = this.size;
    const id = at * ID_BYTES;
    this.ids.fill(0, id, id + ID_BYTES);
    this.ids.write(row.traceId, id, 'hex');
    this.ids.write(row.spanId, id + TRACE_BYTES, 'hex');
    this.ids.write(row.parentId, id + TRACE_BYTES + SPAN_BYTES, 'hex');
    const slot = this.slotOf(at, SPAN_WORD);
    if (this.slots[slot] !== FREE) return false;
    this.base ??= row.startNs;
    this.startOffsets[at] = offset(row.startNs - this.base);
    this.endOffsets[at] = offset(row.endNs - this.base);
    this.services[at] = this.serviceNames.number(row.service);
    this.operations[at] = this.operationNames.number(row.operation);
    this.pods[at] = this.podNames.number(row.pod);
    this.slots[slot] = at;
    this.size += 1;
    return true;
  }

  /** Nanoseconds from `baseNs`. */
  startNs(row: number): number {
    return this.startOffsets[row] ?? 0;
  }

  /** Nanoseconds from `baseNs`. */
  endNs(row: number): number {
    return this.endOffsets[row] ?? 0;
  }

  /** Number of the service among `serviceNames`. */
  service(row: number): number {
    return this.services[row] ?? 0;
  }

  /** Number of the operation's name among `operationNames`. */
  operation(row: number): number {
    return this.operations[row] ?? 0;
  }

  /** Number of the pod among `podNames`. */
  pod(row: number): number {
    return this.pods[row] ?? 0;
  }

  traceId(row: number): Uint8Array {
    return this.ids.subarray(row * ID_BYTES, row * ID_BYTES + TRACE_BYTES);
  }

  spanId(row: number): Uint8Array {
    return this.ids.subarray(row * ID_BYTES + TRACE_BYTES, row * ID_BYTES + TRACE_BYTES + SPAN_BYTES);
  }

  /** Empty for a root. */
  parentId(row: number): Uint8Array {
    const from = row * ID_BYTES + TRACE_BYTES + SPAN_BYTES;
    return this.isRoot(row) ? this.ids.subarray(from, from) : this.ids.subarray(from, from + SPAN_BYTES);
  }

  isRoot(row: number): boolean {
    const from = row * WORDS + PARENT_WORD;
    return this.words[from] === 0 && this.words[from + 1] === 0;
  }

  /** The row of the span's parent, or -1 when it is a root or its parent is not in the data. */
  parentRow(row: number): number {
    if (this.isRoot(row)) return FREE;
    return this.slots[this.slotOf(row, PARENT_WORD)] ?? FREE;
  }

  /** The row of the span with these ids (hex), or -1. */
  rowOf(traceId: string, spanId: string): number {
    if (this.size === this.capacity) this.grow();
    const id = this.size * ID_BYTES;
    this.ids.fill(0, id, id + ID_BYTES);
    this.ids.write(traceId, id, 'hex');
    this.ids.write(spanId, id + TRACE_BYTES, 'hex');
    return this.slots[this.slotOf(this.size, SPAN_WORD)] ?? FREE;
  }

  // Where the span is, or would go, that has the trace id of `row` and the span id that lies `idWord` words into that row.
  private slotOf(row: number, idWord: number): number {
    const { words, slots } = this;
    const trace = row * WORDS;
    const span = trace + idWord;
    const mask = slots.length - 1;
    let slot =
      (Math.imul(words[trace]!, 0x9e3779b1) ^
        Math.imul(words[trace + 3]!, 0x85ebca77) ^
        Math.imul(words[span]!, 0xc2b2ae3d) ^
        words[span + 1]!) &
      mask;
    for (;;) {
      const found = slots[slot]!;
      if (found === FREE) return slot;
      const other = found * WORDS;
      if (
        words[trace] === words[other] &&
        words[trace + 1] === words[other + 1] &&
        words[trace + 2] === words[other + 2] &&
        words[trace + 3] === words[other + 3] &&
        words[span] === words[other + SPAN_WORD] &&
        words[span + 1] === words[other + SPAN_WORD + 1]
      ) {
        return slot;
      }
      slot = (slot + 1) & mask;
    }
  }

  private grow(): void {
    const old = this.capacity;
    this.capacity = old * 2;
    const ids = Buffer.alloc(this.capacity * ID_BYTES);
    this.ids.copy(ids);
    this.ids = ids;
    this.words = wordsOf(ids);
    this.startOffsets = enlarge(new Float64Array(this.capacity), this.startOffsets);
    this.endOffsets = enlarge(new Float64Array(this.capacity), this.endOffsets);
    this.services = enlarge(new Uint16Array(this.capacity), this.services);
    this.operations = enlarge(new Uint32Array(this.capacity), this.operations);
    this.pods = enlarge(new Uint32Array(this.capacity), this.pods);
    this.slots = new Int32Array(this.capacity * 2).fill(FREE);
    for (let row = 0; row < this.size; row += 1) {
      this.slots[this.slotOf(row, SPAN_WORD)] = row;
    }
  }
}

function wordsOf(ids: Buffer): Int32Array {
  return new Int32Array(ids.buffer, ids.byteOffset, ids.length / 4);
}

function offset(ns: bigint): number {
  const value = Number(ns);
  if (!Number.isSafeInteger(value)) throw new Error('the data spans more than 104 days: replay its parts one by one');
  return value;
}

function enlarge<T extends Float64Array | Uint16Array | Uint32Array>(to: T, from: T): T {
  to.set(from);
  return to;
}
