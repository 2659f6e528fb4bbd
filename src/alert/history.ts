import { HistogramSum } from '../model/histogram-sum.js';
import { HOUR_MS, MINUTE_MS } from '../model/window.js';
import type { Counts, Timeline } from './timeline.js';

/** Up to which length a window is summed from ten-second steps, and up to which from minutes; longer ones from hours. */
export const FINE_UP_TO_MS = 30 * MINUTE_MS;
export const MINUTES_UP_TO_MS = 12 * HOUR_MS;

interface Piece {
  timeline: Timeline;
  fromMs: number;
  toMs: number;
}

interface Slider {
  pieces: readonly Piece[];
  sum: HistogramSum;
}

/** A stretch of time that is asked for of many series: worked out once for all of them. */
export class Stretch {
  /** How it differs from an earlier one; `by` is null when nothing can be had by difference. */
  private move: { from: readonly Piece[]; by: { plus: Piece[]; minus: Piece[] } | null } | null = null;

  constructor(
    readonly fromMs: number,
    readonly toMs: number,
    private readonly pieces: readonly Piece[],
    private readonly sliders: Sliders,
  ) {}

  /** Its length as it is summed, in milliseconds: its begin is rounded down to a step. */
  get lengthMs(): number {
    return this.toMs - Math.min(this.fromMs, this.pieces[0]?.fromMs ?? this.fromMs);
  }

  /** Share of it of which anything is known of the tenant. */
  get knownShare(): number {
    const known = this.pieces.reduce((sum, { timeline, fromMs, toMs }) => sum + timeline.knownMs(fromMs, toMs), 0);
    return Math.min(1, known / (this.toMs - this.fromMs));
  }

  /** What the series `ids` did in it. */
  counts(ids: readonly number[]): Counts {
    const counts: Counts = { n: 0, errors: 0, represented: 0 };
    for (const { timeline, fromMs, toMs } of this.pieces) {
      for (let i = 0; i < ids.length; i++) timeline.addCounts(ids[i]!, fromMs, toMs, counts);
    }
    return counts;
  }

  /**
   * Latencies of the series `ids`, which `key` stands for. Cheap where a key and a length are asked for ever later stretches; valid until they are
   * asked for the next one.
   */
  latency(key: string, ids: readonly number[]): HistogramSum {
    const { pieces } = this;
    const its = this.sliders.of(this.toMs - this.fromMs);
    let slider = its.get(key);
    if (slider?.pieces === pieces) return slider.sum;
    const by = slider === undefined ? null : this.moveFrom(slider.pieces);
    if (slider === undefined || by === null) {
      slider = { pieces, sum: new HistogramSum() };
      this.sliders.add(this.toMs - this.fromMs, key, slider);
    }
    try {
      for (const piece of by?.plus ?? pieces) add(slider.sum, ids, piece, 1);
      for (const piece of by?.minus ?? []) add(slider.sum, ids, piece, -1);
    } catch (error) {
      // Half a sum would be wrong for good.
      its.delete(key);
      throw error;
    }
    slider.pieces = pieces;
    return slider.sum;
  }

  /** What comes in and goes out on the way from `from`, worked out once for all series. */
  private moveFrom(from: readonly Piece[]): { plus: Piece[]; minus: Piece[] } | null {
    const { pieces } = this;
    if (this.move?.from !== from) {
      const by = isAhead(from, pieces) ? { plus: without(pieces, from), minus: without(from, pieces) } : null;
      this.move = { from, by };
    }
    return this.move.by;
  }
}

/** Sums of latencies that move on with time, by the length of their stretch and by key. */
class Sliders {
  private readonly byLength = new Map<number, Map<string, Slider>>();
  private count = 0;

  of(lengthMs: number): Map<string, Slider> {
    let its = this.byLength.get(lengthMs);
    if (its === undefined) this.byLength.set(lengthMs, (its = new Map()));
    return its;
  }

  add(lengthMs: number, key: string, slider: Slider): void {
    if (!this.of(lengthMs).has(key) && this.count++ >= MAX_SLIDERS) this.clear();
    this.of(lengthMs).set(key, slider);
  }

  clear(): void {
    this.byLength.clear();
    this.count = 0;
  }
}

const MAX_SLIDERS = 20_000;
/** Of one length: rules look at the same stretch one after the other, and at few of a length at an instant. */
const MAX_STRETCHES = 8;

/** Timelines of finer and coarser steps over the same time, and sums over stretches of them. What is asked for never depends on what was asked for before. */
export class History {
  private readonly sliders = new Sliders();
  private readonly stretches = new Map<number, Stretch[]>();
  /** Begin and end of each level when the stretches were cut. */
  private cutFor: number[] = [];

  /** Finest first. */
  constructor(readonly levels: readonly Timeline[]) {}

  /** The stretch [fromMs, toMs), to be asked for what series did in it. */
  over(fromMs: number, toMs: number): Stretch {
    const { levels, cutFor } = this;
    for (let i = 0; i < levels.length; i++) {
      if (levels[i]!.fromMs === cutFor[2 * i] && levels[i]!.toMs === cutFor[2 * i + 1]) continue;
      this.cutFor = levels.flatMap((level) => [level.fromMs, level.toMs]);
      this.stretches.clear();
      break;
    }
    let ofLength = this.stretches.get(toMs - fromMs);
    if (ofLength === undefined) this.stretches.set(toMs - fromMs, (ofLength = []));
    for (const known of ofLength) if (known.toMs === toMs) return known;
    const stretch = new Stretch(fromMs, toMs, this.pieces(fromMs, toMs), this.sliders);
    if (ofLength.length === MAX_STRETCHES) ofLength.shift();
    ofLength.push(stretch);
    return stretch;
  }

  /** After steps were put again, or forgotten. */
  reset(): void {
    this.sliders.clear();
    this.stretches.clear();
  }

  /** Coarse steps first, as coarse as the length asks for, then what is left at the end in ever finer ones. */
  private pieces(fromMs: number, toMs: number): Piece[] {
    const lengthMs = toMs - fromMs;
    const wanted = lengthMs <= FINE_UP_TO_MS ? 10_000 : lengthMs <= MINUTES_UP_TO_MS ? MINUTE_MS : HOUR_MS;
    let level = this.levels.findIndex(({ stepMs }) => stepMs >= wanted);
    if (level === -1) level = this.levels.length - 1;
    const pieces: Piece[] = [];
    let at = floor(fromMs, this.levels[level]?.stepMs ?? 1);
    for (; level >= 0; level--) {
      const timeline = this.levels[level]!;
      const from = Math.max(at, timeline.fromMs);
      const to = Math.min(floor(toMs, timeline.stepMs), timeline.toMs);
      if (to <= from) continue;
      pieces.push({ timeline, fromMs: from, toMs: to });
      at = to;
    }
    return pieces;
  }
}

function add(sum: HistogramSum, ids: readonly number[], { timeline, fromMs, toMs }: Piece, sign: 1 | -1): void {
  for (const id of ids) timeline.addLatency(id, fromMs, toMs, sum, sign);
}

/** Whether `next` can be had from `last` by its difference: every piece of `last` is still there to be taken away. */
function isAhead(last: readonly Piece[], next: readonly Piece[]): boolean {
  return (
    next.length > 0 &&
    last.every(({ timeline, fromMs, toMs }) => fromMs >= timeline.fromMs && fromMs <= toMs) &&
    last.some((piece) =>
      next.some((other) => other.timeline === piece.timeline && other.fromMs < piece.toMs && piece.fromMs < other.toMs),
    )
  );
}

/** What of `pieces` no piece of `others` covers. */
function without(pieces: readonly Piece[], others: readonly Piece[]): Piece[] {
  return pieces.flatMap((piece) => {
    const other = others.find(({ timeline }) => timeline === piece.timeline);
    if (other === undefined) return [piece];
    const { timeline, fromMs, toMs } = piece;
    return [
      { timeline, fromMs, toMs: Math.min(toMs, other.fromMs) },
      { timeline, fromMs: Math.max(fromMs, other.toMs), toMs },
    ].filter((rest) => rest.fromMs < rest.toMs);
  });
}

function floor(ms: number, stepMs: number): number {
  return Math.floor(ms / stepMs) * stepMs;
}
