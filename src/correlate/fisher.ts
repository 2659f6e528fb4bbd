import { gammaln } from 'simple-statistics';

/**
 * One-sided exact test of Fisher (1935): the probability that, with all margins given, at least `badWith` of the bad traces would have the
 * value by chance. Arguments are the cells of the 2x2 table.
 */
export function fisherGreater(badWith: number, badWithout: number, goodWith: number, goodWithout: number): number {
  const bad = badWith + badWithout;
  const having = badWith + goodWith;
  const all = bad + goodWith + goodWithout;
  const most = Math.min(having, bad);
  if (badWith <= Math.max(0, having - (goodWith + goodWithout))) return 1;
  let term = Math.exp(choose(having, badWith) + choose(all - having, bad - badWith) - choose(all, bad));
  let sum = term;
  for (let x = badWith; x < most; x++) {
    term *= ((having - x) * (bad - x)) / ((x + 1) * (all - having - bad + x + 1));
    sum += term;
  }
  return Math.min(1, sum);
}

/** Natural logarithm of the number of ways to choose k of n. */
function choose(n: number, k: number): number {
  return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1);
}

/** The q-value of each p-value: Benjamini and Hochberg (1995), step-up, over all that are given. */
export function benjaminiHochberg(p: readonly number[]): number[] {
  const order = p.map((_, i) => i).sort((a, b) => p[b]! - p[a]!);
  const q = new Array<number>(p.length);
  let least = 1;
  order.forEach((i, position) => {
    least = Math.min(least, p[i]! * (p.length / (p.length - position)));
    q[i] = least;
  });
  return q;
}

/** One stratum of traces: a 2x2 table. */
export interface Stratum {
  badWith: number;
  bad: number;
  having: number;
  all: number;
}

/**
 * One-sided z of Cochran, Mantel and Haenszel (1959): whether bad traces still have the value more often when traces are compared within
 * strata only. 0 when no stratum allows a comparison.
 */
export function mantelHaenszelZ(strata: readonly Stratum[]): number {
  let excess = 0;
  let variance = 0;
  for (const { badWith, bad, having, all } of strata) {
    if (all < 2) continue;
    excess += badWith - (bad * having) / all;
    variance += (bad * (all - bad) * having * (all - having)) / (all * all * (all - 1));
  }
  return variance > 0 ? excess / Math.sqrt(variance) : 0;
}
