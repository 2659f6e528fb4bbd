import type { HistogramSum } from '../model/histogram-sum.js';

/** What one series did in one step. Latency as `Histogram.encode` writes it; null where nobody asks for it. */
export interface StepRow {
  id: number;
  n: number;
  errors: number;
  /** Spans that it stands for, sampling considered. */
  represented: number;
  latency: Uint8Array | null;
}

/** What one series did in many steps, column by column, in any order; a step's latency stands at [from, to) of `bytes`. */
export interface StepColumns {
  id: number;
  atMs: Float64Array;
  n: Float64Array;
  errors: Float64Array;
  represented: Float64Array;
  latency: { bytes: Uint8Array; from: Uint32Array; to: Uint32Array } | null;
}

interface Column {
  n: Float64Array;
  errors: Float64Array;
  represented: Float64Array;
  latency: (Uint8Array | null)[];
  /** Histograms that came together: where in `bytes` each step's begins and ends. Millions of views of them would cost more than they hold. */
  packed: { bytes: Uint8Array; from: Uint32Array; to: Uint32Array } | null;
  sums: Sums | null;
}

/** What some series did together in some steps. */
export interface Counts {
  n: number;
  errors: number;
  /** Spans that they stand for, sampling considered. */
  represented: number;
}

/** Sums of a column from its begin: what lies between two steps is a difference. Built as far as it was asked for. */
interface Sums extends Record<keyof Counts, Float64Array> {
  /** Steps that are summed. */
  steps: number;
}

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
    if (column.sums !== null && i < column.sums.steps) column.sums.steps = i;
  }

  /** Puts all that a series did, once, into a timeline that is not extended any more: for a replay. */
  putAll({ id, atMs, n, errors, represented, latency }: StepColumns): void {
    const column = this.newColumn(0);
    this.columns.set(id, column);
    if (latency !== null) {
      column.packed = { bytes: latency.bytes, from: new Uint32Array(this.room), to: new Uint32Array(this.room) };
    }
    for (let k = 0; k < atMs.length; k++) {
      const i = this.indexOf(atMs[k]!);
      if (i < 0 || i >= this.steps) continue;
      column.n[i] = n[k]!;
      column.errors[i] = errors[k]!;
      column.represented[i] = represented[k]!;
      if (column.packed === null) continue;
      column.packed.from[i] = latency!.from[k]!;
      column.packed.to[i] = latency!.to[k]!;
    }
  }

  /** Empties a step, so that it can be put again. */
  clear(atMs: number): void {
    const i = this.indexOf(atMs);
    for (const column of this.columns.values()) {
      column.n[i] = column.errors[i] = column.represented[i] = 0;
      column.latency[i] = null;
      if (column.sums !== null && i < column.sums.steps) column.sums.steps = i;
    }
  }

  /** Adds to `counts` what a series did in [fromMs, toMs). However long that is, it costs two looks once it was summed up to there. */
  addCounts(id: number, fromMs: number, toMs: number, counts: Counts): void {
    const column = this.columns.get(id);
    if (column === undefined) return;
    const from = Math.max(0, this.indexOf(fromMs));
    const to = Math.min(this.steps, this.indexOf(toMs));
    if (from >= to) return;
    const { n, errors, represented } = this.summed(column, to);
    counts.n += n[to]! - n[from]!;
    counts.errors += errors[to]! - errors[from]!;
    counts.represented += represented[to]! - represented[from]!;
  }

  /** Adds to `sum` (or takes away, -1) the latencies of a series in [fromMs, toMs). */
  addLatency(id: number, fromMs: number, toMs: number, sum: HistogramSum, sign: 1 | -1): void {
    const column = this.columns.get(id);
    if (column === undefined) return;
    const { latency, packed } = column;
    const to = Math.min(this.steps, this.indexOf(toMs));
    for (let i = Math.max(0, this.indexOf(fromMs)); i < to; i++) {
      if (packed !== null) {
        if (packed.from[i] !== packed.to[i]) sum.add(packed.bytes, sign, packed.from[i], packed.to[i]);
      } else if (latency[i]) sum.add(latency[i]!, sign);
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
      // Sums begin anew, or fractions of what is forgotten would be left in them for good.
      column.sums = null;
      if (column.n.every((n) => n === 0)) this.columns.delete(id);
    }
    return true;
  }

  private summed(column: Column, steps: number): Sums {
    let { sums } = column;
    if (sums === null || sums.n.length <= this.room) {
      const room = this.room + 1;
      sums = {
        n: new Float64Array(room),
        errors: new Float64Array(room),
        represented: new Float64Array(room),
        steps: 0,
      };
      column.sums = sums;
    }
    for (; sums.steps < steps; sums.steps++) {
      const i = sums.steps;
      sums.n[i + 1] = sums.n[i]! + column.n[i]!;
      sums.errors[i + 1] = sums.errors[i]! + column.errors[i]!;
      sums.represented[i + 1] = sums.represented[i]! + column.represented[i]!;
    }
    return sums;
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
      sums: null,
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
