import type { Histogram } from './histogram.js';
import { binomialUpperScore } from './tail.js';

/** Sum and number of squared standardised deviations. */
export interface Dispersion {
  sum: number;
  n: number;
}

/**
 * How much more the windows of a series differ than chance alone would make them, per level: for single windows and for whole minutes
 * (neighbouring windows resemble each other, so minutes differ by more than six windows would), and in how many windows the count
 * beyond the limit was strange.
 */
export interface Spread {
  window: Dispersion[];
  minute: Dispersion[];
  /** `sum`: windows that scored STRANGE_SCORE (and VERY_STRANGE_SCORE) or more by themselves; `n`: windows looked at. */
  strange: Dispersion[];
  veryStrange: Dispersion[];
  /** One entry: squared logarithms of how far medians of windows (of minutes, where they are quiet) lay from the past's, less what chance does. */
  drift: Dispersion[];
}

/**
 * The distribution is looked at three times: did the middle move, did the tail grow, did part of it leave for where hardly anything
 * was. `tail` is the quantile whose limit is counted against, `shown` the quantile that must have moved beyond that limit.
 */
export const LEVELS = [
  { tail: 0.5, shown: 0.5 },
  { tail: 0.9, shown: 0.9 },
  { tail: 0.97, shown: 0.9 },
] as const;

export const STRANGE_SCORE = 1;
export const VERY_STRANGE_SCORE = 3;
/** What is assumed of a series of which little is known, as so many windows: one in ten is strange, one in a hundred very. */
const PRIOR_STRANGE_WINDOWS = 10;
const PRIOR_STRANGE = 0.1;
const PRIOR_VERY_STRANGE = 0.01;
/** However calm the past, windows are not taken for rarer than this. */
const MIN_STRANGE = 0.05;
const MIN_VERY_STRANGE = 0.005;

/** A single strange window must not make the detector blind. */
const MAX_CHI = 16;
/** However tight the past was, one span beyond the limit is not taken for rarer than this: tails are heavier than they look. */
export const MIN_SHARE = 0.02;
/** Spans of one window resemble each other: correlation expected of a series of which little is known, and its weight in windows. */
const PRIOR_CORRELATION = 0.02;
const PRIOR_WEIGHT = 4;

export function emptySpread(): Spread {
  const none = (): Dispersion[] => LEVELS.map(() => ({ sum: 0, n: 0 }));
  return { window: none(), minute: none(), strange: none(), veryStrange: none(), drift: [{ sum: 0, n: 0 }] };
}

/** How far from normal is plainly beyond it. */
export interface Margin {
  minAbsoluteUs: number;
  minRelative: number;
}

/** Learned windows at which the margin is twice what it comes to in the end. */
const MARGIN_WINDOWS = 36;

/**
 * What lies plainly beyond the normal value: a shift smaller than the margin is nobody's problem. What was learned from few windows may
 * itself be off, so the margin is wide at first and shrinks as 1 + 36 / windows. A series whose level wanders (`drift`, see `driftOf`)
 * is left four standard deviations of that.
 */
export function limitBeyond(normalUs: number, margin: Margin, windows: number, drift: number): number {
  const widening = 1 + MARGIN_WINDOWS / Math.max(1, windows);
  const factor = Math.max(1 + margin.minRelative * widening, Math.exp(DRIFT_SIGMAS * drift));
  return Math.max(normalUs + margin.minAbsoluteUs * widening, normalUs * factor);
}

const DRIFT_SIGMAS = 4;
/** A strange window counts as twice or half as slow at most, or it would hide the next fault. */
const MAX_DRIFT = Math.LN2;
/** Ten windows of 5 % are assumed of a series of which little is known. */
const PRIOR_DRIFT_SQ = 0.05 ** 2;
const PRIOR_DRIFT_WINDOWS = 10;

/** Adds one window's median: its squared log-distance from the past's, less the variance (pi / 2) s^2 / n that a median of n spans has. */
export function observeDrift(spread: Spread, past: Histogram, window: Histogram): void {
  const normal = past.quantile(0.5)!;
  const median = window.quantile(0.5)!;
  // From the quartiles as if log-normal: they lie 1.35 standard deviations apart.
  const deviation = Math.log(past.quantile(0.75)! / past.quantile(0.25)!) / 1.35;
  const byChance = ((Math.PI / 2) * deviation ** 2) / window.count;
  const distance = Math.min(MAX_DRIFT, Math.abs(Math.log(median / normal)));
  spread.drift[0]!.sum += distance ** 2 - byChance;
  spread.drift[0]!.n++;
}

/** Standard deviation of the logarithm of a series' level. */
export function driftOf(spread: Spread): number {
  const { sum, n } = spread.drift[0]!;
  return Math.sqrt(Math.max(0, (sum + PRIOR_DRIFT_SQ * PRIOR_DRIFT_WINDOWS) / (n + PRIOR_DRIFT_WINDOWS)));
}

/** Past share of values above a limit, (k + 1/2) / (n + 1). */
export function shareAbove(past: Histogram, limit: number): number {
  return (past.countAbove(limit) + 0.5) / (past.count + 1);
}

/**
 * Adds (k - np)^2 / (n p (1 - p) (1 + n / N)): the squared standardised deviation of a count of n from a share p that was itself learned
 * from N, capped.
 */
export function observeShare(chi: Dispersion, k: number, n: number, p: number, pastN: number): void {
  // A window may know an operation only from traces that ended in it: that says nothing of shares.
  if (n === 0) return;
  const floored = Math.max(p, MIN_SHARE);
  const variance = n * floored * (1 - floored) * (1 + n / pastN);
  chi.sum += Math.min(MAX_CHI, (k - n * p) ** 2 / variance);
  chi.n++;
}

/** Adds (k - m)^2 / (m (1 + n / N)): the same for a count without an upper bound. */
export function observeCount(chi: Dispersion, k: number, expected: number, n: number, pastN: number): void {
  if (expected <= 0) return;
  chi.sum += Math.min(MAX_CHI, (k - expected) ** 2 / (expected * (1 + n / pastN)));
  chi.n++;
}

/** Standard deviations below which the exact tail is not worth computing. */
const WORTH_A_TAIL_Z = 1;

/**
 * Score of k of n spans beyond a limit that a share of the past lies beyond, both divided by over-dispersion and by the uncertainty of a
 * share learned from `pastN`; 0 when it is nothing out of the ordinary.
 */
export function shareScore(k: number, n: number, share: number, dispersion: number, pastN: number): number {
  const p = Math.max(MIN_SHARE, share);
  const divisor = dispersion * (1 + n / pastN);
  if (k - n * p < WORTH_A_TAIL_Z * Math.sqrt(n * p * (1 - p) * divisor)) return 0;
  return binomialUpperScore(k / divisor, n / divisor, p);
}

/** Counts one window that scored so much by itself. */
export function observeStrange(spread: Spread, level: number, score: number): void {
  spread.strange[level]!.n++;
  spread.veryStrange[level]!.n++;
  if (score >= STRANGE_SCORE) spread.strange[level]!.sum++;
  if (score >= VERY_STRANGE_SCORE) spread.veryStrange[level]!.sum++;
}

/** Shares of windows that are strange, and very strange, by themselves. */
export function strangeRates(spread: Spread, level: number): { strange: number; veryStrange: number } {
  const rate = ({ sum, n }: Dispersion, prior: number): number =>
    (sum + prior * PRIOR_STRANGE_WINDOWS) / (n + PRIOR_STRANGE_WINDOWS);
  return {
    strange: Math.max(MIN_STRANGE, rate(spread.strange[level]!, PRIOR_STRANGE)),
    veryStrange: Math.max(MIN_VERY_STRANGE, rate(spread.veryStrange[level]!, PRIOR_VERY_STRANGE)),
  };
}

/** Over-dispersion factor, at least 1 (chance alone), of windows with `perWindow` spans; what is not known yet is assumed. */
export function dispersionOf(chi: Dispersion, perWindow: number): number {
  const assumed = 1.5 + PRIOR_CORRELATION * Math.max(0, perWindow - 1);
  return Math.max(1, (chi.sum + PRIOR_WEIGHT * assumed) / (chi.n + PRIOR_WEIGHT));
}

/** The same for `windows` neighbouring windows taken together: between that of one and that of a minute, and on in the same measure. */
export function pooledDispersion(spread: Spread, level: number, windows: number, perWindow: number): number {
  const one = dispersionOf(spread.window[level]!, perWindow);
  const minute = Math.max(one, dispersionOf(spread.minute[level]!, perWindow));
  return one + ((minute - one) * (windows - 1)) / 5;
}

export function fadeSpread(spread: Spread): void {
  for (const chi of Object.values(spread).flat() as Dispersion[]) fadeDispersion(chi);
  roundSpread(spread);
}

/** To the thousandth, as it is stored: whoever goes on from memory and whoever reads it come to the same. */
export function roundSpread(spread: Spread): void {
  for (const chi of Object.values(spread).flat() as Dispersion[]) {
    chi.sum = Math.round(chi.sum * 1000) / 1000;
    chi.n = Math.round(chi.n * 1000) / 1000;
  }
}

export function fadeDispersion(chi: Dispersion): void {
  chi.sum /= 2;
  chi.n /= 2;
}
