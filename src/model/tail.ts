import { gammaln } from 'simple-statistics';

const MAX_SCORE = 300;
/** Series and continued fractions end where they change this little; the longest take about the square root of the counts. */
const PRECISION = 1e-12;
const MOST_TERMS = 5_000;
const TINY = 1e-300;

/**
 * -log10 P(X >= k) for X binomial(n, p), capped at 300. k and n may be fractions (counts divided by an over-dispersion factor):
 * the tail is the regularised incomplete beta function I_p(k, n - k + 1).
 */
export function binomialUpperScore(k: number, n: number, p: number): number {
  if (k <= 0 || n <= 0 || p >= 1) return 0;
  if (p <= 0) return MAX_SCORE;
  if (k > n) return binomialUpperScore(n, n, p);
  return capped(-logBetaRegularised(p, k, n - k + 1) / Math.LN10);
}

/** -log10 P(X <= k) for X binomial(n, p), capped at 300. */
export function binomialLowerScore(k: number, n: number, p: number): number {
  return binomialUpperScore(n - k, n, 1 - p);
}

/**
 * -log10 of the combined chance of independent tests with these natural logarithms of probabilities (0: nothing seen), by Fisher's method: -2 times their sum
 * has a chi-square distribution with twice as many degrees of freedom as tests.
 */
export function fisherScore(logs: readonly number[]): number {
  const s = -logs.reduce((sum, log) => sum + log, 0);
  if (logs.length === 0 || s <= 0) return 0;
  // The upper tail for 2m degrees of freedom is e^-s (1 + s + s²/2! + … + s^(m-1)/(m-1)!).
  let term = 1;
  let series = 1;
  for (let i = 1; i < logs.length; i++) series += term *= s / i;
  return capped((s - Math.log(series)) / Math.LN10);
}

/**
 * -log10 P(X >= k) for X Poisson with this mean, capped at 300. Both may be fractions: the tail is the regularised incomplete gamma function
 * P(k, mean).
 */
export function poissonUpperScore(k: number, mean: number): number {
  if (k <= 0) return 0;
  if (mean <= 0) return MAX_SCORE;
  return capped(-(mean < k + 1 ? logGammaSeries(k, mean) : logOneLess(logGammaFraction(k, mean))) / Math.LN10);
}

/** -log10 P(X <= k) for X Poisson with this mean, capped at 300: Q(k + 1, mean). */
export function poissonLowerScore(k: number, mean: number): number {
  if (mean <= 0 || k < 0) return 0;
  const a = k + 1;
  return capped(-(mean < a + 1 ? logOneLess(logGammaSeries(a, mean)) : logGammaFraction(a, mean)) / Math.LN10);
}

function capped(score: number): number {
  return Math.min(MAX_SCORE, Math.max(0, score));
}

/** ln P(a, x) by its series, for x < a + 1; Numerical Recipes §6.2, in logarithms so that tiny tails keep their digits. */
function logGammaSeries(a: number, x: number): number {
  let term = 1;
  let sum = 1;
  for (let n = 1; n <= MOST_TERMS && term > sum * PRECISION; n++) sum += term *= x / (a + n);
  return a * Math.log(x) - x - gammaln(a + 1) + Math.log(sum);
}

/** ln Q(a, x) by Lentz's continued fraction, for x >= a + 1. */
function logGammaFraction(a: number, x: number): number {
  let b = x + 1 - a;
  let c = 1 / TINY;
  let d = 1 / b;
  let h = d;
  for (let n = 1; n <= MOST_TERMS; n++) {
    const an = -n * (n - a);
    b += 2;
    d = 1 / awayFromZero(an * d + b);
    c = awayFromZero(b + an / c);
    const step = d * c;
    h *= step;
    if (Math.abs(step - 1) < PRECISION) break;
  }
  return a * Math.log(x) - x - gammaln(a) + Math.log(h);
}

/** ln(1 - e^log). */
function logOneLess(log: number): number {
  return Math.log1p(-Math.min(Math.exp(log), 1 - 1e-16));
}

function awayFromZero(value: number): number {
  return Math.abs(value) < TINY ? TINY : value;
}

/** ln I_x(a, b) by Lentz's continued fraction (Numerical Recipes §6.4), in logarithms so that tiny tails keep their digits. */
function logBetaRegularised(x: number, a: number, b: number): number {
  const front = gammaln(a + b) - gammaln(a) - gammaln(b) + a * Math.log(x) + b * Math.log1p(-x);
  if (x < (a + 1) / (a + b + 2)) return front + Math.log(betaFraction(x, a, b) / a);
  return logOneLess(front + Math.log(betaFraction(1 - x, b, a) / b));
}

function betaFraction(x: number, a: number, b: number): number {
  let c = 1;
  let d = 1 / awayFromZero(1 - ((a + b) * x) / (a + 1));
  let h = d;
  for (let m = 1; m <= MOST_TERMS; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / awayFromZero(1 + even * d);
    c = awayFromZero(1 + even / c);
    h *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / awayFromZero(1 + odd * d);
    c = awayFromZero(1 + odd / c);
    const step = d * c;
    h *= step;
    if (Math.abs(step - 1) < PRECISION) break;
  }
  return h;
}
