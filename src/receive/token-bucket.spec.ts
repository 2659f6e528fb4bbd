import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { TokenBucket } from './token-bucket.js';

describe('TokenBucket', () => {
  it('lets a burst through, then the rate', () => {
    const bucket = new TokenBucket(100, 2, 0);
    expect(bucket.waitMs(100, 2, 0)).toBe(0);
    bucket.spend(200);
    expect(bucket.waitMs(100, 2, 0)).toBe(1);
    expect(bucket.waitMs(100, 2, 10)).toBe(0);
    bucket.spend(51);
    expect(bucket.waitMs(100, 2, 10)).toBeCloseTo(500);
    expect(bucket.waitMs(100, 2, 511)).toBe(0);
  });

  it('keeps no more than a burst, however long nothing came', () => {
    const bucket = new TokenBucket(100, 2, 0);
    expect(bucket.waitMs(100, 2, 1e9)).toBe(0);
    bucket.spend(300);
    expect(bucket.waitMs(100, 2, 1e9)).toBeCloseTo(1_000);
  });

  it('takes a request larger than a burst, and no other until that is paid for', () => {
    const bucket = new TokenBucket(10, 1, 0);
    expect(bucket.waitMs(10, 1, 0)).toBe(0);
    bucket.spend(1_000);
    expect(bucket.waitMs(10, 1, 98_000)).toBeGreaterThan(0);
    expect(bucket.waitMs(10, 1, 99_001)).toBe(0);
  });

  it('has no limit at a rate of 0, and begins with nothing spent when there is one again', () => {
    const bucket = new TokenBucket(0, 5, 0);
    bucket.spend(1e12);
    expect(bucket.waitMs(0, 5, 1)).toBe(0);
    expect(bucket.waitMs(10, 5, 1_000)).toBe(0);
  });

  it('never gives more than burst and rate allow, one request beyond at most', () => {
    const step = fc.record({ afterMs: fc.nat(2_000), cost: fc.integer({ min: 1, max: 500 }) });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000 }), fc.array(step, { maxLength: 60 }), (perSecond, steps) => {
        const bucket = new TokenBucket(perSecond, 3, 0);
        let nowMs = 0;
        let given = 0;
        let largest = 0;
        for (const { afterMs, cost } of steps) {
          nowMs += afterMs;
          if (bucket.waitMs(perSecond, 3, nowMs) > 0) continue;
          bucket.spend(cost);
          given += cost;
          largest = Math.max(largest, cost);
        }
        expect(given).toBeLessThanOrEqual(perSecond * (3 + nowMs / 1_000) + largest + 1e-6);
      }),
    );
  });
});
