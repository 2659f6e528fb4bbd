import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { binomialLowerScore, binomialUpperScore, fisherScore, poissonLowerScore, poissonUpperScore } from './tail.js';

/** Sum of the binomial terms, in logarithms of factorials added up one by one. */
function exactUpper(k: number, n: number, p: number): number {
  let logFactorials = [0];
  for (let i = 1; i <= n; i++) logFactorials = [...logFactorials, logFactorials[i - 1]! + Math.log(i)];
  let sum = 0;
  for (let i = k; i <= n; i++) {
    sum += Math.exp(
      logFactorials[n]! - logFactorials[i]! - logFactorials[n - i]! + i * Math.log(p) + (n - i) * Math.log1p(-p),
    );
  }
  return sum;
}

describe('binomial tails', () => {
  it('equal the sum of the terms', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 120 }),
        fc.nat(120),
        fc.double({ min: 0.001, max: 0.999, noNaN: true }),
        (n, k, p) => {
          fc.pre(k <= n);
          const want = Math.min(300, Math.max(0, -Math.log10(Math.min(1, exactUpper(k, n, p)))));
          expect(binomialUpperScore(k, n, p)).toBeCloseTo(want, 5);
          expect(binomialLowerScore(n - k, n, 1 - p)).toBeCloseTo(want, 5);
        },
      ),
    );
  });

  it.each([
    { name: 'all of ten coins', score: binomialUpperScore(10, 10, 0.5), want: 3.0103 },
    { name: 'no k', score: binomialUpperScore(0, 10, 0.5), want: 0 },
    { name: 'fractions of counts are allowed', score: binomialUpperScore(7.5, 9.2, 0.1), want: 6.0 },
    { name: 'far tails are capped', score: binomialUpperScore(5000, 5000, 0.001), want: 300 },
  ])('$name', ({ score, want }) => expect(Math.abs(score - want)).toBeLessThan(0.35));
});

describe('Poisson tails', () => {
  it('are what binomial tails come to when many have a small chance each', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.double({ min: 0.01, max: 300, noNaN: true }), (k, mean) => {
        expect(poissonUpperScore(k, mean)).toBeCloseTo(binomialUpperScore(k, 1e10, mean / 1e10), 3);
        expect(poissonLowerScore(k, mean)).toBeCloseTo(binomialLowerScore(k, 1e10, mean / 1e10), 3);
      }),
    );
  });

  it.each([
    { name: 'none where 31 were due is e^-31', score: poissonLowerScore(0, 31), want: 31 / Math.LN10 },
    // The terms added up, in logarithms.
    { name: 'few where many were due', score: poissonLowerScore(4, 31), want: 8.82 },
    { name: 'twice as many', score: poissonUpperScore(60, 30), want: 6.034 },
    { name: 'a few more of many', score: poissonUpperScore(5301, 5000), want: 4.895 },
    { name: 'about as many as due', score: poissonUpperScore(30, 30), want: 0.28 },
    { name: 'nothing where nothing is due', score: poissonLowerScore(0, 0), want: 0 },
    { name: 'something where nothing is due', score: poissonUpperScore(1, 0), want: 300 },
    { name: 'a huge count', score: poissonUpperScore(1_050_000, 1_000_000), want: 300 },
    { name: 'a count of which half is gone', score: poissonLowerScore(500_000, 1_000_000), want: 300 },
  ])('$name', ({ score, want }) => expect(score).toBeCloseTo(want, 2));
});

describe("Fisher's method", () => {
  it.each([
    // Upper tails of the chi-square distribution, from tables.
    { name: 'one test is itself', logs: [Math.log(0.001)], want: 3 },
    { name: 'chi-square 9.488 with 4 degrees of freedom is 5 %', logs: [-2.372, -2.372], want: -Math.log10(0.05) },
    { name: 'chi-square 29.588 with 10 degrees of freedom is 0.1 %', logs: [-14.794, 0, 0, 0, 0], want: 3 },
    { name: 'nothing seen', logs: [0, 0, 0], want: 0 },
    { name: 'no tests', logs: [], want: 0 },
    { name: 'far tails are capped', logs: [-5000], want: 300 },
  ])('$name', ({ logs, want }) => expect(fisherScore(logs)).toBeCloseTo(want, 2));
});
