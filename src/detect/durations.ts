import type { Finding } from '../model/anomaly.js';
import { Histogram } from '../model/histogram.js';
import type { Policy } from '../model/policy.js';
import {
  dispersionOf,
  driftOf,
  LEVELS,
  limitBeyond,
  pooledDispersion,
  shareAbove,
  shareScore,
  type Spread,
  STRANGE_SCORE,
  strangeRates,
  VERY_STRANGE_SCORE,
} from '../model/spread.js';
import { binomialUpperScore } from '../model/tail.js';
import { notYetJudged } from './evidence.js';

/** Durations of one series in one window; windows in which it was silent are left out. */
export interface DurationWindow {
  windowAtMs: number;
  durations: Histogram;
}

/** What is normal for a series of durations. */
export interface DurationBaseline {
  windows: number;
  durations: Histogram;
  spread: Spread;
}

/** How many of the newest windows are taken together: a strong effect shows in two, a weak one or few spans need more. */
const LENGTHS = [2, 3, 6, 12] as const;
/** A deviation that one window alone makes up is not one: without its strongest window this much must remain. */
const REST_SCORE = 2;
/** So many windows must be strange by themselves that, given how often such windows were seen, it is rarer than this. */
const WINDOWS_SCORE = 3.5;
/** Ways in which the same series is tried, each at its share of the probability. */
const TRIALS = Math.log10(LEVELS.length * LENGTHS.length);

interface Candidate {
  level: number;
  limit: number;
  share: number;
  windows: DurationWindow[];
  score: number;
  restScore: number;
  windowsScore: number;
}

/**
 * Durations upwards. Spans plainly beyond the baseline's median, upper decile and 97th percentile are counted over the newest 2, 3, 6
 * and 12 windows and held against the binomial tail with the baseline's own share, the count divided by past over-dispersion and by the
 * baseline's own uncertainty. The best of these, the number of trials charged, is the score; null when there is nothing to look at.
 * `waits` tells whether the durations are waiting by design.
 */
export function judgeDurations(
  series: Pick<Finding, 'signal' | 'operationId' | 'callerId'>,
  atMs: number,
  recent: readonly DurationWindow[],
  baseline: DurationBaseline,
  waits: () => boolean,
  policy: Policy,
): Finding | null {
  const newest = recent.at(-1);
  if (newest === undefined || newest.windowAtMs !== atMs || baseline.durations.count === 0) return null;
  if (!isBeyond(newest.durations, baseline, policy)) return null;
  const found = LEVELS.map((_, level) => {
    const best = bestOf(level, recent, baseline, policy);
    return best === null ? null : judgeLevel({ ...series, windowAtMs: atMs }, best, baseline, policy);
  }).filter((finding) => finding !== null);
  if (found.length === 0) return null;
  const strongest = found.reduce((a, b) => (strength(b) > strength(a) ? b : a));
  return strongest.raised && waits() ? { ...strongest, raised: false, reason: 'waits_by_design' } : strongest;
}

/** A series whose newest window holds no more beyond any limit than is normal has nothing to say, whatever was before. */
function isBeyond(newest: Histogram, baseline: DurationBaseline, policy: Policy): boolean {
  return LEVELS.some(({ tail }) => {
    const limit = limitOf(tail, baseline, policy);
    const above = newest.countAbove(limit);
    return above > 0 && above > newest.count * shareAbove(baseline.durations, limit);
  });
}

function limitOf(tail: number, baseline: DurationBaseline, policy: Policy): number {
  const normal = baseline.durations.quantile(tail)!;
  return limitBeyond(normal, policy.latency, baseline.windows, driftOf(baseline.spread));
}

function strength(finding: Finding): number {
  return (finding.raised ? 1000 : 0) + finding.score;
}

function judgeLevel(
  series: Pick<Finding, 'signal' | 'operationId' | 'callerId' | 'windowAtMs'>,
  best: Candidate,
  baseline: DurationBaseline,
  policy: Policy,
): Finding {
  const { limit, share, windows, score } = best;
  const { shown } = LEVELS[best.level]!;
  const expected = baseline.durations.quantile(shown)!;
  const deviating = windows.filter(({ durations }) => durations.countAbove(limit) > durations.count * share);
  const pooled = deviating.reduce((sum, window) => sum.merge(window.durations), new Histogram());
  const observed = pooled.quantile(shown) ?? 0;
  const isNewest = deviating.at(-1)?.windowAtMs === series.windowAtMs;
  const finding: Finding = {
    ...series,
    raised: false,
    reason: 'not_significant',
    direction: 'up',
    quantile: shown,
    observed,
    expected,
    unit: 'us',
    n: pooled.count,
    baselineN: baseline.durations.count,
    score,
    sinceMs: deviating[0]?.windowAtMs ?? series.windowAtMs,
  };
  const learning = notYetJudged(baseline.windows, baseline.durations.count, policy);
  if (learning !== null) return { ...finding, reason: learning };
  if (score < policy.windowScore) return finding;
  if (observed - expected < policy.latency.minAbsoluteUs) return { ...finding, reason: 'small_absolute_effect' };
  if (observed <= limit) return { ...finding, reason: 'small_relative_effect' };
  if (best.restScore < REST_SCORE || best.windowsScore < WINDOWS_SCORE || !isNewest) {
    return { ...finding, reason: 'not_persistent' };
  }
  return { ...finding, raised: true, reason: 'raised' };
}

function bestOf(
  level: number,
  recent: readonly DurationWindow[],
  baseline: DurationBaseline,
  policy: Policy,
): Candidate | null {
  const pastN = baseline.durations.count;
  const limit = limitOf(LEVELS[level]!.tail, baseline, policy);
  const share = shareAbove(baseline.durations, limit);
  const above = recent.map((window) => window.durations.countAbove(limit));
  let best: Candidate | null = null;
  for (const length of LENGTHS) {
    const from = recent.length - length;
    if (from < 0) break;
    let k = 0;
    let n = 0;
    let strongest = from;
    const excess = (i: number): number => above[i]! - recent[i]!.durations.count * share;
    for (let i = from; i < recent.length; i++) {
      k += above[i]!;
      n += recent[i]!.durations.count;
      if (excess(i) > excess(strongest)) strongest = i;
    }
    const dispersion = pooledDispersion(baseline.spread, level, length, n / length);
    const score = shareScore(k, n, share, dispersion, pastN) - TRIALS;
    if (score <= (best?.score ?? 0)) continue;
    const restN = n - recent[strongest]!.durations.count;
    const restScore = restN === 0 ? 0 : shareScore(k - above[strongest]!, restN, share, dispersion, pastN);
    const windows = recent.slice(from);
    const windowsScore = scoreOfWindows(level, windows, above.slice(from), share, baseline);
    best = { level, limit, share, windows, score, restScore, windowsScore };
  }
  return best;
}

/**
 * How improbable it is that so many windows are strange by themselves, given how many were in the past: spans of one window may be slow
 * together for a reason that has nothing to do with the next window, however many they are.
 */
function scoreOfWindows(
  level: number,
  windows: readonly DurationWindow[],
  above: readonly number[],
  share: number,
  baseline: DurationBaseline,
): number {
  const scores = windows.map(({ durations }, i) => {
    const dispersion = dispersionOf(baseline.spread.window[level]!, durations.count);
    return shareScore(above[i]!, durations.count, share, dispersion, baseline.durations.count);
  });
  const rates = strangeRates(baseline.spread, level);
  const atLeast = (score: number): number => scores.filter((each) => each >= score).length;
  return Math.max(
    binomialUpperScore(atLeast(STRANGE_SCORE), windows.length, rates.strange),
    binomialUpperScore(atLeast(VERY_STRANGE_SCORE), windows.length, rates.veryStrange),
  );
}
