import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { benjaminiHochberg, fisherGreater, mantelHaenszelZ } from './fisher.js';

describe('fisherGreater', () => {
  // Expected values: exact rational arithmetic (Python fractions over math.comb), not this program.
  const cases: [cells: [number, number, number, number], expected: number, name: string][] = [
    [[3, 1, 1, 3], 17 / 70, 'the lady tasting tea'],
    [[10, 0, 0, 10], 5.412544112234515e-6, 'all and none: 1 / C(20, 10)'],
    [[8, 2, 1, 5], 0.024475524475524476, 'eight of ten against one of six'],
    [[192, 8, 22, 178], 1.6102419894552154e-76, 'a new version'],
    [[5, 195, 0, 200], 0.03046975120420699, 'few'],
    [[60, 140, 55, 145], 0.3293344884366702, 'as good as equal'],
    [[1, 9, 11, 3], 0.9999663480953022, 'fewer among the bad'],
    [[0, 10, 3, 7], 1, 'none among the bad'],
    [[7, 0, 7, 0], 1, 'everywhere'],
  ];
  it.each(cases)('%j: %d (%s)', (cells, expected) => {
    const p = fisherGreater(...cells);
    expect(Math.abs(p - expected)).toBeLessThan(1e-9 * expected);
  });

  it('is a probability that falls when more bad traces have the value, all margins given', () => {
    const cell = fc.integer({ min: 1, max: 200 });
    fc.assert(
      fc.property(cell, cell, cell, cell, (a, b, c, d) => {
        const p = fisherGreater(a, b, c, d);
        expect(p).toBeGreaterThanOrEqual(0);
        expect(p).toBeLessThanOrEqual(1);
        expect(fisherGreater(a + 1, b - 1, c - 1, d + 1)).toBeLessThanOrEqual(p + 1e-12);
      }),
    );
  });
});

describe('benjaminiHochberg', () => {
  it('agrees with the worked example', () => {
    // m = 5; p * m / rank: .005 * 5/1, .009 * 5/2, .05 * 5/3, .2 * 5/4, .21 * 5/5, then the least from the right: .2 * 5/4 becomes .21.
    expect(benjaminiHochberg([0.05, 0.005, 0.21, 0.2, 0.009]).map((q) => Number(q.toFixed(6)))).toEqual([
      0.083333, 0.0225, 0.21, 0.21, 0.0225,
    ]);
    expect(benjaminiHochberg([])).toEqual([]);
  });

  it('keeps the order of p, never falls below it, and does not depend on the order in which they are given', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 50 }), fc.nat(), (p, shift) => {
        const q = benjaminiHochberg(p);
        p.forEach((pi, i) => {
          expect(q[i]).toBeGreaterThanOrEqual(pi);
          expect(q[i]).toBeLessThanOrEqual(1);
          p.forEach((pj, j) => {
            if (pi < pj) expect(q[i]).toBeLessThanOrEqual(q[j]!);
          });
        });
        const by = p.length === 0 ? 0 : shift % p.length;
        const turned = benjaminiHochberg([...p.slice(by), ...p.slice(0, by)]);
        expect([...turned.slice(p.length - by), ...turned.slice(0, p.length - by)]).toEqual(q);
      }),
    );
  });
});

describe('mantelHaenszelZ', () => {
  it('sees nothing that strata explain', () => {
    // The value stands on half of the bad stratum and a tenth of the good one, evenly in each: Simpson's case.
    const strata = [
      { badWith: 90, bad: 180, having: 100, all: 200 },
      { badWith: 2, bad: 20, having: 20, all: 200 },
    ];
    expect(mantelHaenszelZ(strata)).toBe(0);
    const together = { badWith: 92, bad: 200, having: 120, all: 400 };
    expect(mantelHaenszelZ([together])).toBeGreaterThan(6);
  });

  it('is the score test of one table', () => {
    // (a - n1 m1 / N) / sqrt(n1 n2 m1 m2 / (N^2 (N - 1))) = (8 - 5.625) / sqrt(10 * 6 * 9 * 7 / (256 * 15))
    expect(mantelHaenszelZ([{ badWith: 8, bad: 10, having: 9, all: 16 }])).toBeCloseTo(2.3937, 3);
    expect(mantelHaenszelZ([{ badWith: 8, bad: 8, having: 9, all: 8 }])).toBe(0);
    expect(mantelHaenszelZ([])).toBe(0);
  });
});
