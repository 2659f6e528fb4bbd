import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Histogram } from './histogram.js';

const values = fc.array(fc.oneof(fc.integer({ min: 0, max: 5e9 }), fc.double({ min: 0, max: 1e15, noNaN: true })), {
  minLength: 1,
  maxLength: 300,
});
const of = (xs: number[]): Histogram => {
  const h = new Histogram();
  for (const x of xs) h.add(x);
  return h;
};
const hex = (h: Histogram): string => Buffer.from(h.encode()).toString('hex');

describe('Histogram', () => {
  it('returns every quantile within 1/64 of the exact one', () => {
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (xs, q) => {
        const sorted = xs.toSorted((a, b) => a - b);
        const exact = sorted[Math.max(0, Math.ceil(q * xs.length) - 1)]!;
        const got = of(xs).quantile(q)!;
        expect(Math.abs(got - exact)).toBeLessThanOrEqual(exact < 1 ? 1 : exact / 64 + 1e-9);
      }),
    );
  });

  it('merges parts to the whole, in any order', () => {
    fc.assert(
      fc.property(values, values, values, (a, b, c) => {
        const whole = hex(of([...a, ...b, ...c]));
        expect(hex(of(a).merge(of(b)).merge(of(c)))).toBe(whole);
        expect(hex(of(c).merge(of(b).merge(of(a))))).toBe(whole);
      }),
    );
  });

  it('survives encoding', () => {
    fc.assert(
      fc.property(values, (xs) => {
        const h = of(xs);
        const back = Histogram.decode(h.encode());
        expect(hex(back)).toBe(hex(h));
        expect(back.count).toBe(xs.length);
      }),
    );
  });

  it('refuses bytes it did not write', () => {
    expect(() => Histogram.decode(Uint8Array.from([9]))).toThrow('format 9');
    expect(() => Histogram.decode(Uint8Array.from([1, 0x80]))).toThrow('too early');
  });

  it.each([
    { name: 'nothing above the largest', xs: [10, 20, 30], value: 30, above: 0 },
    { name: 'two above ten', xs: [10, 20, 30], value: 10, above: 2 },
    { name: 'all above zero', xs: [10, 20, 30], value: 0, above: 3 },
    { name: 'empty', xs: [], value: 5, above: 0 },
  ])('counts above: $name', ({ xs, value, above }) => {
    expect(of(xs).countAbove(value)).toBe(above);
  });

  it('sums what lies beyond a threshold', () => {
    expect(of([100, 200, 1000]).excessOver(150)).toBeCloseTo(50 + 850, -2);
    expect(of([]).excessOver(0)).toBe(0);
  });

  it('has no quantile when empty, and takes bad numbers as zero', () => {
    expect(of([]).quantile(0.5)).toBeNull();
    expect(of([NaN, -5]).quantile(0.5)).toBe(0.5);
  });

  it('fades by halves, and few values do not vanish', () => {
    const h = of([7, 7, 7, 900]);
    h.halve();
    expect(h.count).toBe(2);
    const sparse = of(Array.from({ length: 64 }, (_, i) => 2 ** (i / 4)));
    sparse.halve();
    expect(sparse.count).toBe(32);
  });
});
