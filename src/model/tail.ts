import { gammaln } from 'simple-statistics';

const MAX_SCORE = 300;

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

/** -log10 of the upper tail of the standard normal distribution at z; 0.3 at z = 0, never negative. */
export function normalUpperScore(z: number): number {
  if (z <= 0) return 0;
  if (z < 5) return -Math.log10(0.5 * erfc(z / Math.SQRT2));
  // Mills' ratio: phi(z)/z (1 - 1/z^2 + 3/z^4), where erfc runs out of digits.
  const series = 1 - 1 / z ** 2 + 3 / z ** 4;
  return capped((z * z) / (2 * Math.LN10) + Math.log10(z * Math.sqrt(2 * Math.PI)) - Math.log10(series));
}

function capped(score: number): number {
  return Math.min(MAX_SCORE, Math.max(0, score));
}

/** Complementary error function; Numerical Recipes in C, 2nd ed., §6.2 (erfcc), relative error below 1.2e-7. */
function erfc(x: number): number {
  const t = 1 / (1 + 0.5 * x);
  const poly =
    -1.26551223 +
    t *
      (1.00002368 +
        t *
          (0.37409196 +
            t *
              (0.09678418 +
                t *
                  (-0.18628806 +
                    t * (0.27886807 + t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277))))))));
  return t * Math.exp(-x * x + poly);
}

/** ln I_x(a, b) by Lentz's continued fraction (Numerical Recipes §6.4), in logarithms so that tiny tails keep their digits. */
function logBetaRegularised(x: number, a: number, b: number): number {
  const front = gammaln(a + b) - gammaln(a) - gammaln(b) + a * Math.log(x) + b * Math.log1p(-x);
  if (x < (a + 1) / (a + b + 2)) return front + Math.log(betaFraction(x, a, b) / a);
  const upper = Math.exp(front + Math.log(betaFraction(1 - x, b, a) / b));
  return Math.log1p(-Math.min(upper, 1 - 1e-16));
}

function betaFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  const clamp = (v: number): number => (Math.abs(v) < tiny ? tiny : v);
  let c = 1;
  let d = 1 / clamp(1 - ((a + b) * x) / (a + 1));
  let h = d;
  for (let m = 1; m <= 500; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / clamp(1 + even * d);
    c = clamp(1 + even / c);
    h *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / clamp(1 + odd * d);
    c = clamp(1 + odd / c);
    const step = d * c;
    h *= step;
    if (Math.abs(step - 1) < 1e-12) break;
  }
  return h;
}
