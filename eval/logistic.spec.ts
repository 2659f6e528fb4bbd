import { describe, expect, it } from '@jest/globals';
import { fit } from './logistic.js';

describe('fit', () => {
  it('finds the odds by which right and wrong were made', () => {
    const rows = Array.from({ length: 4000 }, (_, i) => {
      const x = ((i % 40) - 20) / 5;
      const p = 1 / (1 + Math.exp(-(0.5 + 1.5 * x)));
      return { inputs: [x, 0] as [number, number], isRight: (i * 0.6180339887) % 1 < p, weight: 1 };
    });
    const { intercept, share, surprise } = fit(rows);
    expect(intercept).toBeCloseTo(0.5, 1);
    expect(share).toBeCloseTo(1.5, 0);
    expect(surprise).toBe(0);
  });

  it('stays finite when right and wrong are told apart entirely', () => {
    const rows = [-2, -1, 1, 2].map((x) => ({ inputs: [x, x] as [number, number], isRight: x > 0, weight: 1 }));
    for (const value of Object.values(fit(rows))) expect(Math.abs(value)).toBeLessThan(10);
  });
});
