import { HistogramSum } from '../model/histogram-sum.js';
import { HOUR_MS, MINUTE_MS } from '../model/window.js';
import type { Timeline } from './timeline.js';

/** Up to which length a window is summed from ten-second steps, and up to which from minutes; longer ones from hours. */
export const FINE_UP_TO_MS = 30 * MINUTE_MS;
export const MINUTES_UP_TO_MS = 12 * HOUR_MS;

/** What some series did together over a stretch of time. */
export interface Load {
  n: number;
  errors: number;
  /** Spans that they stand for, sampling considered. */
  represented: number;
  latency: HistogramSum;
  /** Length of the stretch as it was summed: its begin is rounded down to a step. */
  lengthMs: number;
}

interface Piece {
  timeline: Timeline;
  fromMs: number;
  toMs: number;
}

interface Slider extends Load {
  pieces: readonly Piece[];
}

/** What is asked for of one series is asked for of many: the pieces of a stretch, and what it differs from an earlier one by. */
interface Stretch {
  fromMs: number;
  toMs: number;
  pieces: readonly Piece[];
  /** From the stretch of these pieces; null: nothing can be had by difference. */
  move: { from: readonly Piece[]; by: { plus: Piece[]; minus: Piece[] } | null } | null;
}

const MAX_SLIDERS = 20_000;
/** Of one length: rules look at the same stretch one after the other, and at few of a length at an instant. */
const MAX_STRETCHES = 8;

/**
 * Timelines of finer and coarser steps over the same time, and sums over stretches of them. A stretch that moves forward costs its
 * difference only. What is asked for never depends on what was asked for before.
 */
export class History {
  /** By length, then by key. */
  private readonly sliders = new Map<number, Map<string, Slider>>();
  private sliderCount = 0;
  private readonly stretches = new Map<number, Stretch[]>();
  /** Begin and end of each level when the stretches were cut. */
  private cutFor: number[] = [];

  /** Finest first. */
  constructor(readonly levels: readonly Timeline[]) {}

  /** The series `ids`, which `key` stands for, in [fromMs, toMs). Cheap where a key and a length are asked for ever later stretches. */
  load(key: string, ids: readonly number[], fromMs: number, toMs: number): Load {
    const stretch = this.stretch(fromMs, toMs);
    const { pieces } = stretch;
    let its = this.sliders.get(toMs - fromMs);
    if (its === undefined) this.sliders.set(toMs - fromMs, (its = new Map()));
    let slider = its.get(key);
    if (slider?.pieces === pieces) return slider;
    const by = slider === undefined ? null : moveOf(stretch, slider.pieces);
    if (slider === undefined || by === null) {
      if (slider === undefined && this.sliderCount++ >= MAX_SLIDERS) {
        this.forgetSliders();
        this.sliders.set(toMs - fromMs, (its = new Map()));
      }
      slider = { n: 0, errors: 0, represented: 0, latency: new HistogramSum(), lengthMs: 0, pieces };
      its.set(key, slider);
    }
    try {
      for (const piece of by?.plus ?? pieces) add(slider, ids, piece, 1);
      for (const piece of by?.minus ?? []) add(slider, ids, piece, -1);
    } catch (error) {
      // Half a sum would be wrong for good.
      its.delete(key);
      throw error;
    }
    slider.pieces = pieces;
    slider.lengthMs = toMs - Math.min(fromMs, pieces[0]?.fromMs ?? fromMs);
    return slider;
  }

  /** Share of [fromMs, toMs) of which anything is known of the tenant. */
  knownShare(fromMs: number, toMs: number): number {
    const { pieces } = this.stretch(fromMs, toMs);
    const known = pieces.reduce((sum, piece) => sum + piece.timeline.knownMs(piece.fromMs, piece.toMs), 0);
    return Math.min(1, known / (toMs - fromMs));
  }

  /** After steps were put again, or forgotten. */
  reset(): void {
    this.forgetSliders();
    this.stretches.clear();
  }

  private forgetSliders(): void {
    this.sliders.clear();
    this.sliderCount = 0;
  }

  private stretch(fromMs: number, toMs: number): Stretch {
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
    const stretch = { fromMs, toMs, pieces: this.pieces(fromMs, toMs), move: null };
    if (ofLength.length === MAX_STRETCHES) ofLength.shift();
    ofLength.push(stretch);
    return stretch;
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

function add(slider: Slider, ids: readonly number[], { timeline, fromMs, toMs }: Piece, sign: 1 | -1): void {
  for (const id of ids) {
    timeline.each(id, fromMs, toMs, (n, errors, represented, latency, from, to) => {
      slider.n += sign * n;
      slider.errors += sign * errors;
      slider.represented += sign * represented;
      if (latency !== null) slider.latency.add(latency, sign, from, to);
    });
  }
}

/** What comes in and goes out on the way from `from`, worked out once for all series. */
function moveOf(stretch: Stretch, from: readonly Piece[]): { plus: Piece[]; minus: Piece[] } | null {
  const { pieces } = stretch;
  if (stretch.move?.from !== from) {
    const by = isAhead(from, pieces) ? { plus: without(pieces, from), minus: without(from, pieces) } : null;
    stretch.move = { from, by };
  }
  return stretch.move.by;
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
