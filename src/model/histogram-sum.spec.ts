import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Histogram } from './histogram.js';
import { HistogramSum } from './histogram-sum.js';

const values = fc.array(fc.oneof(fc.nat(100), fc.nat(1e9), fc.constant(1e14)), { maxLength: 30 });
const QUANTILES = [0, 0.001, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1];

function histogramOf(all: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const value of all) histogram.add(value);
  return histogram;
}

describe('HistogramSum', () => {
  it('is what is left after taking away, with the quantiles of a histogram', () => {
    fc.assert(
      fc.property(values, values, fc.nat(1e9), (stays, goes, limit) => {
        const sum = new HistogramSum();
        sum.add(histogramOf(stays).encode(), 1);
        sum.add(histogramOf(goes).encode(), 1);
        sum.add(histogramOf(goes).encode(), -1);
        const expected = histogramOf(stays);
        expect(sum.count).toBe(expected.count);
        expect(sum.countAbove(limit)).toBe(expected.countAbove(limit));
        expect(QUANTILES.map((q) => sum.quantile(q))).toEqual(QUANTILES.map((q) => expected.quantile(q)));
      }),
    );
  });
});
