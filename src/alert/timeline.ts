/** What one series did in one step. Latency as `Histogram.encode` writes it; null where nobody asks for it. */
export interface StepRow {
  id: number;
  n: number;
  errors: number;
  /** Spans that it stands for, sampling considered. */
  represented: number;
  latency: Uint8Array | null;
}

/** What one series did in many steps, column by column, in any order; latencies lie one behind the other. */
export interface StepColumns {
  id: number;
  atMs: Float64Array;
  n: Float64Array;
  errors: Float64Array;
  represented: Float64Array;
  latency: { bytes: Uint8Array; lengths: Uint32Array } | null;
}

interface Column {
  n: Float64Array;
  errors: Float64Array;
  represented: Float64Array;
  latency: (Uint8Array | null)[];
  /** Histograms that came together: where in `bytes` each step's begins and ends. Millions of views of them would cost more than they hold. */
  packed: { bytes: Uint8Array; from: Uint32Array; to: Uint32Array } | null;
}

/** What `each` tells of a step; its latency stands at [from, to) of `latency`. */
export type StepVisitor = (
  n: number,
  errors: number,
  represented: number,
  latency: Uint8Array | null,
  from: number,
  to: number,
) => void;

const FIRST_ROOM = 64;

/** Series in steps of one length, oldest first, without a gap: a step of which nothing is known is there too. */
export class Timeline {
  private readonly columns = new Map<number, Column>();
  private known: Uint8Array;
  private steps = 0;

  constructor(
    readonly stepMs: number,
    private startMs: number,
    private room = FIRST_ROOM,
  ) {
    this.known = new Uint8Array(room);
  }

  get fromMs(): number {
    return this.startMs;
  }

  get toMs(): number {
    return this.startMs + this.steps * this.stepMs;
  }

  /** Makes the steps up to `toMs`, of which nothing is known as long as nothing is put there. */
  extend(toMs: number): void {
    const steps = Math.max(this.steps, Math.floor((toMs - this.startMs) / this.stepMs));
    if (steps > this.room) this.grow(Math.max(steps, 2 * this.room));
    this.steps = steps;
  }

  markKnown(atMs: number, isKnown = true): void {
    this.known[this.indexOf(atMs)] = isKnown ? 1 : 0;
  }

  put(atMs: number, { id, n, errors, represented, latency }: StepRow): void {
    const i = this.indexOf(atMs);
    if (i < 0 || i >= this.steps) return;
    let column = this.columns.get(id);
    if (column === undefined) this.columns.set(id, (column = this.newColumn()));
    column.n[i] = n;
    column.errors[i] = errors;
    column.represented[i] = represented;
    column.latency[i] = latency;
  }

  /** Puts all that a series did, once, into a timeline that is not extended any more: for a replay. */
  putAll({ id, atMs, n, errors, represented, latency }: StepColumns): void {
    const column = this.newColumn(0);
    this.columns.set(id, column);
    if (latency !== null) {
      column.packed = { bytes: latency.bytes, from: new Uint32Array(this.room), to: new Uint32Array(this.room) };
    }
    let from = 0;
    for (let k = 0; k < atMs.length; k++) {
      const length = latency?.lengths[k] ?? 0;
      const i = this.indexOf(atMs[k]!);
      if (i >= 0 && i < this.steps) {
        column.n[i] = n[k]!;
        column.errors[i] = errors[k]!;
        column.represented[i] = represented[k]!;
        if (column.packed !== null) {
          column.packed.from[i] = from;
          column.packed.to[i] = from + length;
        }
      }
      from += length;
    }
  }

  /** Empties a step, so that it can be put again. */
  clear(atMs: number): void {
    const i = this.indexOf(atMs);
    for (const column of this.columns.values()) {
      column.n[i] = column.errors[i] = column.represented[i] = 0;
      column.latency[i] = null;
    }
  }

  /** Calls `visit` for the steps of a series in [fromMs, toMs) in which it did something. */
  each(id: number, fromMs: number, toMs: number, visit: StepVisitor): void {
    const column = this.columns.get(id);
    if (column === undefined) return;
    const { n, errors, represented, latency, packed } = column;
    const to = Math.min(this.steps, this.indexOf(toMs));
    for (let i = Math.max(0, this.indexOf(fromMs)); i < to; i++) {
      if (n[i] === 0) continue;
      if (packed !== null) visit(n[i]!, errors[i]!, represented[i]!, packed.bytes, packed.from[i]!, packed.to[i]!);
      else {
        const bytes = latency[i] ?? null;
        visit(n[i]!, errors[i]!, represented[i]!, bytes, 0, bytes?.length ?? 0);
      }
    }
  }

  /** How much of [fromMs, toMs), in milliseconds, something is known of. */
  knownMs(fromMs: number, toMs: number): number {
    let steps = 0;
    const to = Math.min(this.steps, this.indexOf(toMs));
    for (let i = Math.max(0, this.indexOf(fromMs)); i < to; i++) steps += this.known[i]!;
    return steps * this.stepMs;
  }

  /** Forgets what lies before, now and then, since it costs a copy. Says whether it did. */
  forgetBefore(ms: number): boolean {
    const gone = this.indexOf(ms);
    if (gone < this.room / 2) return false;
    this.startMs += gone * this.stepMs;
    this.steps = Math.max(0, this.steps - gone);
    this.known.copyWithin(0, gone);
    this.known.fill(0, this.room - gone);
    for (const [id, column] of this.columns) {
      for (const values of [column.n, column.errors, column.represented]) {
        values.copyWithin(0, gone);
        values.fill(0, this.room - gone);
      }
      column.latency = [...column.latency.slice(gone), ...new Array<null>(gone).fill(null)];
      if (column.n.every((n) => n === 0)) this.columns.delete(id);
    }
    return true;
  }

  private indexOf(ms: number): number {
    return Math.floor((ms - this.startMs) / this.stepMs);
  }

  private newColumn(latencies = this.room): Column {
    const { room } = this;
    return {
      n: new Float64Array(room),
      errors: new Float64Array(room),
      represented: new Float64Array(room),
      latency: new Array<Uint8Array | null>(latencies).fill(null),
      packed: null,
    };
  }

  private grow(room: number): void {
    const wider = (values: Float64Array): Float64Array => {
      const copy = new Float64Array(room);
      copy.set(values);
      return copy;
    };
    const known = new Uint8Array(room);
    known.set(this.known);
    this.known = known;
    for (const column of this.columns.values()) {
      column.n = wider(column.n);
      column.errors = wider(column.errors);
      column.represented = wider(column.represented);
      for (let i = column.latency.length; i < room; i++) column.latency.push(null);
    }
    this.room = room;
  }
}
