import { describe, expect, it } from '@jest/globals';
import { fitLogistic, leaveOneOut, type Prediction, reliability } from './reliability.js';

const some = (score: number, right: number, n: number): Prediction[] =>
  Array.from({ length: n }, (_, i) => ({ score, isRight: i < right }));

describe('reliability', () => {
  it('compares what was said with what came, by tenths', () => {
    const result = reliability([...some(0.25, 1, 4), ...some(0.82, 4, 4), ...some(1, 1, 2)])!;
    expect(result.n).toBe(10);
    expect(result.bins.map(({ from, n, meanScore, right }) => [from, n, meanScore, right.k])).toEqual([
      [0.2, 4, 0.25, 1],
      [0.8, 4, 0.82, 4],
      [0.9, 2, 1, 1],
    ]);
    // 0.4 × 0 + 0.4 × 0.18 + 0.2 × 0.5
    expect(result.error).toBeCloseTo(0.172);
    // (3 × 0.25² + 0.75² + 4 × 0.18² + 0 + 1) / 10
    expect(result.brier).toBeCloseTo((3 * 0.0625 + 0.5625 + 4 * 0.0324 + 1) / 10);
  });

  it('is nothing of nothing', () => {
    expect(reliability([])).toBeNull();
  });
});

describe('fitLogistic', () => {
  it('finds the map behind the scores', () => {
    // Said 20 % and 60 %, right 50 % and 90 %.
    const map = fitLogistic([...some(0.2, 500, 1000), ...some(0.6, 900, 1000)]);
    expect(map(0.2)).toBeCloseTo(0.5, 1);
    expect(map(0.6)).toBeCloseTo(0.9, 1);
    expect(map(0.4)).toBeGreaterThan(map(0.2));
  });

  it('stays finite when scores part right from wrong', () => {
    const map = fitLogistic([...some(0.1, 0, 10), ...some(0.9, 10, 10)]);
    expect(map(0.9)).toBeGreaterThan(0.85);
    expect(map(0.9)).toBeLessThan(1);
    expect(map(0.1)).toBeLessThan(0.15);
  });
});

describe('leaveOneOut', () => {
  it('never fits on what it tests', () => {
    const honest = { name: 'a', predictions: some(0.7, 70, 100) };
    const boaster = { name: 'b', predictions: some(0.7, 10, 100) };
    const [a, b] = leaveOneOut([honest, boaster]);
    expect(a!.own.error).toBeCloseTo(0);
    // Fitted on the boaster, 0.7 means about 0.1: sixty points off for the honest one.
    expect(a!.fittedElsewhere.error).toBeCloseTo(0.6, 1);
    expect(b!.own.error).toBeCloseTo(0.6);
    expect(b!.fittedElsewhere.error).toBeCloseTo(0.6, 1);
  });

  it('has nothing to say of one system alone', () => {
    expect(leaveOneOut([{ name: 'a', predictions: some(0.5, 1, 2) }])).toEqual([]);
  });
});
