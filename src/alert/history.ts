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

const MAX_SLIDERS = 20_000;

/**
 * Timelines of finer and coarser steps over the same time, and sums over stretches of them. A stretch that moves forward costs its
 * difference only. What is asked for never depends on what was asked for before.
 */
export class History {
  private readonly sliders = new Map<string, Slider>();

  /** Finest first. */
  constructor(readonly levels: readonly Timeline[]) {}

  /** The series `ids`, which `key` stands for, in [fromMs, toMs). Cheap where a key and a length are asked for ever later stretches. */
  load(key: string, ids: readonly number[], fromMs: number, toMs: number): Load {
    const pieces = this.pieces(fromMs, toMs);
    const name = `${toMs - fromMs} ${key}`;
    let slider = this.sliders.get(name);
    if (slider === undefined || !isAhead(slider.pieces, pieces)) {
      if (this.sliders.size >= MAX_SLIDERS) this.sliders.clear();
      slider = { n: 0, errors: 0, represented: 0, latency: new HistogramSum(), lengthMs: 0, pieces: [] };
      this.sliders.set(name, slider);
      for (const piece of pieces) add(slider, ids, piece, 1);
    } else {
      for (const piece of without(pieces, slider.pieces)) add(slider, ids, piece, 1);
      for (const piece of without(slider.pieces, pieces)) add(slider, ids, piece, -1);
    }
    slider.pieces = pieces;
    slider.lengthMs = toMs - Math.min(fromMs, pieces[0]?.fromMs ?? fromMs);
    return slider;
  }

  /** Share of [fromMs, toMs) of which anything is known of the tenant. */
  knownShare(fromMs: number, toMs: number): number {
    const pieces = this.pieces(fromMs, toMs);
    const known = pieces.reduce((sum, piece) => sum + piece.timeline.knownMs(piece.fromMs, piece.toMs), 0);
    return Math.min(1, known / (toMs - fromMs));
  }

  /** After steps were put again, or forgotten. */
  reset(): void {
    this.sliders.clear();
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
    timeline.each(id, fromMs, toMs, (n, errors, represented, latency) => {
      slider.n += sign * n;
      slider.errors += sign * errors;
      slider.represented += sign * represented;
      if (latency !== null) slider.latency.add(latency, sign);
    });
  }
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
