import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { delayBeforeS, MAX_ATTEMPTS, retryInS } from './schedule.js';

describe('delayBeforeS', () => {
  it.each([
    { attempt: 1, least: 0, most: 0 },
    { attempt: 2, least: 4, most: 6 },
    { attempt: 3, least: 12, most: 18 },
    { attempt: 4, least: 36, most: 54 },
    { attempt: 5, least: 96, most: 144 },
    { attempt: 8, least: 2_880, most: 4_320 },
  ])('attempt $attempt: $least to $most s', ({ attempt, least, most }) => {
    fc.assert(
      fc.property(fc.uuid(), (id) => {
        const delayS = delayBeforeS(id, attempt);
        expect(delayS).toBeGreaterThanOrEqual(least);
        expect(delayS).toBeLessThanOrEqual(most);
        expect(delayBeforeS(id, attempt)).toBe(delayS);
      }),
    );
  });

  it('spreads: neighbouring ids and attempts use the whole band', () => {
    const delays = Array.from({ length: 200 }, (_, i) => delayBeforeS(`id-${i}`, 2) ?? 0);
    expect(Math.min(...delays)).toBeLessThan(4.2);
    expect(Math.max(...delays)).toBeGreaterThan(5.8);
    expect(new Set(delays.map((delay) => delay.toFixed(1))).size).toBeGreaterThan(15);
  });

  it('ends after about a day', () => {
    let totalS = 0;
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) totalS += delayBeforeS('x', attempt) ?? NaN;
    expect(totalS / 3_600).toBeGreaterThan(19);
    expect(totalS / 3_600).toBeLessThan(29);
    expect(delayBeforeS('x', MAX_ATTEMPTS + 1)).toBeNull();
  });
});

describe('retryInS', () => {
  it('waits at least as long as the receiver asked', () => expect(retryInS('x', 1, 600)).toBe(600));
  it('keeps to the schedule when the receiver asks for less', () =>
    expect(retryInS('x', 4, 1)).toBeGreaterThanOrEqual(96));
  it('gives up after the last attempt', () => expect(retryInS('x', MAX_ATTEMPTS, 1)).toBeNull());
});
