import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Histogram } from '../model/histogram.js';
import { certainty, surpriseOfShare, surpriseOfTail } from './surprise.js';

const spread = (from: number, to: number, n: number): Histogram => {
  const histogram = new Histogram();
  for (let i = 0; i < n; i++) histogram.add(from + ((to - from) * i) / n);
  return histogram;
};

describe('surprise', () => {
  it.each([
    { name: 'as expected', parts: [{ k: 5, n: 50 }], p: 0.1, from: 0, to: 0 },
    { name: 'all of ten, one in a thousand each', parts: [{ k: 10, n: 10 }], p: 0.001, from: 29.9, to: 30.1 },
    { name: 'nothing seen', parts: [], p: 0.1, from: 0, to: 0 },
  ])('of a share: $name', ({ parts, p, from, to }) => {
    const surprise = surpriseOfShare(parts, p, 1);
    expect(surprise).toBeGreaterThanOrEqual(from);
    expect(surprise).toBeLessThanOrEqual(to);
  });

  it('is less for a burst in one window than for the same number spread over all, and for a past that scattered', () => {
    const spreadOut = Array.from({ length: 10 }, () => ({ k: 3, n: 10 }));
    const burst = spreadOut.map((_, i) => (i < 3 ? { k: 10, n: 10 } : { k: 0, n: 10 }));
    expect(surpriseOfShare(burst, 0.05, 1)).toBeLessThan(surpriseOfShare(spreadOut, 0.05, 1) / 2);
    expect(surpriseOfShare(spreadOut, 0.05, 4)).toBeLessThan(surpriseOfShare(spreadOut, 0.05, 1) / 2);
  });

  it('of a distribution: sees a tail beyond anything past, and nothing in a distribution that is faster', () => {
    const normal = spread(1000, 2000, 500);
    expect(surpriseOfTail([spread(50_000, 60_000, 4)], normal, 1)).toBeGreaterThan(8);
    expect(surpriseOfTail([spread(500, 900, 400)], normal, 1)).toBe(0);
    expect(surpriseOfTail([spread(500, 900, 400)], new Histogram(), 1)).toBe(0);
  });

  it('makes a certainty that grows with surprise, shrinks with the number tried and stays a probability', () => {
    expect(certainty(0, 1)).toBe(0);
    expect(certainty(3, 1000)).toBeLessThan(0.1);
    expect(certainty(12, 1000)).toBeGreaterThan(0.99);
    fc.assert(
      fc.property(fc.double({ min: 0, max: 300, noNaN: true }), fc.nat(1e6), (surprise, tried) => {
        const at = certainty(surprise, tried);
        expect(at).toBeGreaterThanOrEqual(0);
        expect(at).toBeLessThanOrEqual(1);
        expect(certainty(surprise + 1, tried)).toBeGreaterThanOrEqual(at);
        expect(certainty(surprise, tried + 1)).toBeLessThanOrEqual(at);
      }),
    );
  });
});
