import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Posting } from '../model/posting.js';
import type { Rollup } from '../model/rollup.js';
import { measureWindow } from './measure.js';

interface Span {
  durationUs: number;
  weight: number;
  isError: boolean;
}

function rollupOf(spans: readonly Span[], states = true): Rollup {
  const posting: Posting = {
    operationId: 1,
    windowAtMs: 0,
    n: spans.length,
    durationUs: Float64Array.from(spans, ({ durationUs }) => durationUs),
    endOffsetUs: new Uint32Array(spans.length),
    flags: Uint8Array.from(spans, ({ isError }) => (isError ? 1 : 0)),
    spanTag: Uint32Array.from(spans, (_, i) => i),
    weight: states ? Float32Array.from(spans, ({ weight }) => weight) : null,
    traceId: (i) => i.toString(16).padStart(32, '0'),
  };
  return measureWindow(0, [posting], new Map(), 0).rollups[0]!;
}

const span = (weight: fc.Arbitrary<number>) =>
  fc.record({ durationUs: fc.integer({ min: 1, max: 1e7 }), weight, isError: fc.boolean() });
const spans = (weight: fc.Arbitrary<number>) => fc.array(span(weight), { minLength: 1, maxLength: 80 });
const bits = ({ latency, errors, n }: Rollup) => ({
  n,
  errors,
  latency: Buffer.from(latency.encode()).toString('hex'),
});

describe('weights', () => {
  it('change nothing when all are the same', () => {
    const same = fc.constantFrom(1, 2, 3, 7, 10, 100, 10_000);
    fc.assert(
      fc.property(spans(fc.constant(1)), same, (list, weight) => {
        const weighted = rollupOf(list.map((each) => ({ ...each, weight })));
        expect(bits(weighted)).toEqual(bits(rollupOf(list, false)));
        const failed = list.filter(({ isError }) => isError).length;
        expect(weighted.weighting).toEqual({ n: list.length * weight, errors: failed * weight, unknown: 0 });
      }),
    );
  });

  it('are absent when no span states one', () => {
    expect(rollupOf([{ durationUs: 5, weight: 0, isError: true }])).not.toHaveProperty('weighting');
    expect(rollupOf([{ durationUs: 5, weight: 0, isError: true }], false)).not.toHaveProperty('weighting');
  });

  it('scale the estimate and nothing else', () => {
    fc.assert(
      fc.property(spans(fc.constantFrom(1, 2, 5, 50)), fc.constantFrom(2, 4, 16), (list, factor) => {
        const one = rollupOf(list);
        const other = rollupOf(list.map((each) => ({ ...each, weight: each.weight * factor })));
        expect(bits(other)).toEqual(bits(one));
        expect(other.weighting!.n).toBeCloseTo(one.weighting!.n * factor, 6);
        expect(other.weighting!.errors).toBeCloseTo(one.weighting!.errors * factor, 6);
      }),
    );
  });

  it('do not depend on the order of arrival', () => {
    fc.assert(
      fc.property(spans(fc.constantFrom(0, 1, 3, 10)), (list) => {
        expect(bits(rollupOf(list.toReversed()))).toEqual(bits(rollupOf(list)));
      }),
    );
  });

  it('give quantiles and error ratio of what was sampled, and the raw n', () => {
    // 900 quick requests of which one in ten was kept, 100 slow failing ones that were all kept.
    const list = [
      ...Array.from({ length: 90 }, () => ({ durationUs: 1_000, weight: 10, isError: false })),
      ...Array.from({ length: 100 }, () => ({ durationUs: 50_000, weight: 1, isError: true })),
    ];
    const { n, errors, latency, weighting } = rollupOf(list);
    expect({ n, count: latency.count }).toEqual({ n: 190, count: 190 });
    expect(errors / n).toBeCloseTo(0.1, 2);
    expect(latency.quantile(0.88)).toBeLessThan(1_100);
    expect(latency.quantile(0.92)).toBeGreaterThan(49_000);
    expect(weighting).toEqual({ n: 1_000, errors: 100, unknown: 0 });
  });

  it('of spans that state none count once, and say so', () => {
    const list = [0, 0, 8].map((weight, i) => ({ durationUs: 1_000 * (i + 1), weight, isError: i === 2 }));
    const { errors, weighting } = rollupOf(list);
    expect(weighting).toEqual({ n: 10, errors: 8, unknown: 2 });
    expect(errors).toBe(2);
  });

  it('keep every quantile within half a span of the weighted one', () => {
    fc.assert(
      fc.property(spans(fc.constantFrom(1, 2, 5, 50, 1_000)), (list) => {
        const { latency, n } = rollupOf(list);
        expect(latency.count).toBe(n);
        const total = list.reduce((sum, { weight }) => sum + weight, 0);
        for (const { durationUs } of list) {
          // The same cut in raw and in weighted counts, at the border of a bucket.
          const above = list.filter((each) => latencyAbove(each.durationUs, durationUs));
          const due = (above.reduce((sum, { weight }) => sum + weight, 0) / total) * n;
          expect(Math.abs(latency.countAbove(durationUs) - due)).toBeLessThanOrEqual(0.5 + 1e-6);
        }
      }),
    );
  });
});

/** Whether a value lies in a bucket above another's: 32 of them an octave. */
function latencyAbove(value: number, other: number): boolean {
  const bucket = (each: number) => {
    const octave = Math.floor(Math.log2(each));
    return octave * 32 + Math.floor((each / 2 ** octave - 1) * 32);
  };
  return bucket(value) > bucket(other);
}
