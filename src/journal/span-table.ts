import type { AttributeTerms } from './attribute-terms.js';

export const SPAN_ERROR = 1;
/** An attribute value of the span is nested deeper than allowed. */
export const SPAN_TOO_DEEP = 2;
/** The span ended before it started: it is taken to end at its start. */
export const SPAN_ENDS_EARLY = 4;
/** More attributes (its events' and links' included), events or links than allowed, or a longer name. */
export const SPAN_TOO_MANY_ATTRIBUTES = 8;
export const SPAN_TOO_MANY_EVENTS = 16;
export const SPAN_TOO_MANY_LINKS = 32;
export const SPAN_NAME_TOO_LONG = 64;
/** The span has events. */
export const SPAN_HAS_EVENTS = 128;

/** A ResourceSpans message and what its resource says. */
export interface ResourceRange {
  from: number;
  to: number;
  /** Bytes of the string attribute service.name; serviceAt is -1 when there is none. */
  serviceAt: number;
  serviceTo: number;
  tooDeep: boolean;
}

/** A ScopeSpans message. */
export interface ScopeRange {
  from: number;
  to: number;
  tooDeep: boolean;
}

export interface NameRange {
  at: number;
  to: number;
  /** Of its bytes. */
  hash: number;
}

/** Gives memory for the columns of tables, and takes it back. */
export interface SpanMemory {
  /** At least `size` bytes that hold anything, at the beginning of their ArrayBuffer. */
  take(size: number): Buffer;
  give(memory: Buffer): void;
}

const BYTES_A_SPAN = 2 * 8 + 9 * 4 + 2;
export const NEW_MEMORY: SpanMemory = { take: (size) => Buffer.allocUnsafeSlow(size), give: () => undefined };

/** Spans of one message as columns, in the order in which they lie in it. Offsets point into `bytes`. */
export class SpanTable {
  n = 0;
  readonly resources: ResourceRange[] = [];
  readonly scopes: ScopeRange[] = [];
  /** Distinct span names (a name may stand here more than once). */
  readonly names: NameRange[] = [];
  /** The span message itself, without tag and length. */
  from!: Int32Array;
  to!: Int32Array;
  /** -1: not 16 bytes. */
  traceAt!: Int32Array;
  /** -1: not 8 bytes. */
  spanIdAt!: Int32Array;
  /** -1: a root; -2: neither 0 nor 8 bytes. */
  parentAt!: Int32Array;
  name!: Int32Array;
  resource!: Int32Array;
  scope!: Int32Array;
  kind!: Uint8Array;
  flags!: Uint8Array;
  startUs!: Float64Array;
  /** Never before startUs. */
  endUs!: Float64Array;
  /** 1 / sampling probability, 0 where unknown. */
  weight!: Float32Array;
  /** What the attributes say; null when nobody asked. */
  terms: AttributeTerms | null = null;
  /** Null: given back. */
  private memory: Buffer | null;

  constructor(
    readonly bytes: Uint8Array,
    capacity: number,
    private readonly source = NEW_MEMORY,
  ) {
    this.memory = this.layOut(capacity);
  }

  /** Makes room for one more span and returns its index. */
  next(): number {
    if (this.n === this.from.length) this.resize(Math.max(16, this.n * 2));
    return this.n++;
  }

  /** Removes the spans whose entry in `keep` is 0; the order of the others stays. */
  retain(keep: Uint8Array): void {
    let kept = 0;
    for (let i = 0; i < this.n; i++) {
      if (keep[i] === 0) continue;
      if (kept !== i) for (const column of this.columns()) column[kept] = column[i]!;
      kept++;
    }
    this.n = kept;
  }

  /** Gives the columns' memory back; they must not be read after. */
  release(): void {
    if (this.memory === null) return;
    this.source.give(this.memory);
    this.terms?.release();
    this.memory = null;
    this.n = 0;
  }

  private columns() {
    return [
      this.from,
      this.to,
      this.traceAt,
      this.spanIdAt,
      this.parentAt,
      this.name,
      this.resource,
      this.scope,
      this.kind,
      this.flags,
      this.startUs,
      this.endUs,
      this.weight,
    ];
  }

  private resize(capacity: number): void {
    const before = this.columns();
    const { memory } = this;
    this.memory = this.layOut(capacity);
    const columns = this.columns();
    before.forEach((column, i) => columns[i]!.set(column.subarray(0, this.n)));
    if (memory) this.source.give(memory);
  }

  /** The widest columns first, so that each begins where its numbers may. */
  private layOut(capacity: number): Buffer {
    const taken = this.source.take(capacity * BYTES_A_SPAN);
    const memory = taken.buffer as ArrayBuffer;
    let at = 0;
    const take = (width: number) => {
      at += width * capacity;
      return at - width * capacity;
    };
    const ints = () => new Int32Array(memory, take(4), capacity);
    this.startUs = new Float64Array(memory, take(8), capacity);
    this.endUs = new Float64Array(memory, take(8), capacity);
    this.from = ints();
    this.to = ints();
    this.traceAt = ints();
    this.spanIdAt = ints();
    this.parentAt = ints();
    this.name = ints();
    this.resource = ints();
    this.scope = ints();
    this.weight = new Float32Array(memory, take(4), capacity);
    this.kind = new Uint8Array(memory, take(1), capacity);
    this.flags = new Uint8Array(memory, take(1), capacity);
    return taken;
  }
}
