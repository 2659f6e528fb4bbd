import type { Histogram } from '../model/histogram.js';

/** Where the tail of a distribution is compared; the last is about its largest value. */
const LEVELS = [0.5, 0.75, 0.9, 0.97, 0.99, 0.999] as const;

/** What one window holds: `k` of `n`. */
export interface Part {
  k: number;
  n: number;
}

/** A fault that began between the windows makes them differ too: so much of it is held against the evidence at most. */
const MAX_BURST = 4;
/** A few windows say little about how much windows differ: they are held against as many that differ by chance alone. */
const BURST_PRIOR = 6;

/**
 * -log10 of a bound on the chance of so many of all, when each has probability `p`: n times the Kullback-Leibler divergence (Chernoff's
 * bound), divided by the over-dispersion: that of the past or that among the windows at hand, whichever is larger, so that a burst in
 * one window counts less than the same number spread over all. 0 when there are no more than expected.
 */
export function surpriseOfShare(parts: readonly Part[], p: number, pastDispersion: number): number {
  let k = 0;
  let n = 0;
  for (const part of parts) {
    k += part.k;
    n += part.n;
  }
  if (n <= 0 || k <= n * p) return 0;
  const share = Math.min(1, k / n);
  const divergence = share * Math.log(share / p) + (share < 1 ? (1 - share) * Math.log((1 - share) / (1 - p)) : 0);
  return (n * divergence) / Math.max(pastDispersion, burst(parts, share)) / Math.LN10;
}

/** Mean squared standardised deviation of the windows from their common share, at least 1. */
function burst(parts: readonly Part[], share: number): number {
  if (share >= 1) return 1;
  let chi = 0;
  let windows = 0;
  for (const { k, n } of parts) {
    if (n === 0) continue;
    chi += (k - n * share) ** 2 / (n * share * (1 - share));
    windows++;
  }
  return Math.min(MAX_BURST, Math.max(1, (chi + BURST_PRIOR) / (windows - 1 + BURST_PRIOR)));
}

/** The same for a count of `k` where `expected` are, without an upper bound (Poisson). */
export function surpriseOfCount(k: number, expected: number, dispersion: number): number {
  if (k <= expected || expected <= 0) return 0;
  return (k * Math.log(k / expected) - k + expected) / dispersion / Math.LN10;
}

/** The same for a whole distribution that has moved up: the most surprising of several tails, less what trying several costs. */
export function surpriseOfTail(observed: readonly Histogram[], normal: Histogram, dispersion: number): number {
  let most = 0;
  for (const level of LEVELS) {
    const value = normal.quantile(level);
    if (value === null) return 0;
    const p = (normal.countAbove(value) + 0.5) / (normal.count + 1);
    const parts = observed.map((histogram) => ({ k: histogram.countAbove(value), n: histogram.count }));
    most = Math.max(most, surpriseOfShare(parts, p, dispersion));
  }
  return Math.max(0, most - Math.log10(LEVELS.length));
}

/**
 * The probability that something has changed, given the surprise and that `tried` series could have shown it by chance, one of them
 * being expected to have changed. A tail probability p overstates the odds; -1 / (e p ln p) bounds them (Sellke, Bayarri & Berger, The
 * American Statistician 55, 2001).
 */
export function certainty(surprise: number, tried: number): number {
  const logP = -surprise * Math.LN10;
  if (logP >= -1) return 0;
  const logOdds = -1 - logP - Math.log(-logP) - Math.log(Math.max(1, tried));
  return 1 / (1 + Math.exp(-logOdds));
}
