import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Alarm } from './score.js';
import { distinctServices, EARLY_MS, FAULT_REACH_MS, score, share, SOONEST_MS } from './score.js';

const MINUTE = 60_000;
const fault = (service: string, startMs: number, judged = true) => ({
  service,
  type: 'cpu',
  startMs,
  endMs: startMs + 180_000,
  judged,
});
const alarm = (atMs: number, toldServices: string[], over: Partial<Alarm> = {}): Alarm => ({
  incidentId: `i${atMs}`,
  kind: 'opened',
  atMs,
  toldServices,
  toldFirst: toldServices[0] ? { service: toldServices[0], operation: 'o' } : null,
  toldScore: 0.7,
  laterServices: null,
  finalServices: toldServices,
  ...over,
});

describe('score', () => {
  it('matches alarms to faults and counts what is left', () => {
    const faults = [
      fault('cart', 10 * MINUTE),
      fault('pay', 20 * MINUTE),
      fault('ad', 30 * MINUTE, false),
      fault('mail', 40 * MINUTE),
    ];
    const alarms = [
      alarm(20 * MINUTE + 50_000, ['web', 'cart', 'pay'], { kind: 'reopened' }),
      alarm(10 * MINUTE + 25_000, ['cart', 'web'], { finalServices: ['web', 'cart'] }),
      alarm(10 * MINUTE + 90_000, ['web'], { kind: 'reopened' }),
      alarm(15 * MINUTE, ['web']),
      alarm(10 * MINUTE - 1, ['cart']),
    ];
    const windows = Array.from({ length: 360 }, (_, at) => at * 10_000);
    const result = score(faults, alarms, windows);
    expect(result.results).toEqual([
      expect.objectContaining({
        noticedAfterS: 25,
        afterDataS: 25,
        noticedBy: 'opened',
        toldRank: 1,
        finalRank: 2,
        alarms: 2,
        judged: true,
      }),
      expect.objectContaining({
        noticedAfterS: 50,
        noticedBy: 'reopened',
        toldRank: 3,
        finalRank: 3,
        alarms: 1,
        judged: true,
      }),
      expect.objectContaining({ noticedAfterS: null, toldRank: null, finalRank: null, alarms: 0, judged: false }),
      expect.objectContaining({ noticedAfterS: null, toldRank: null, finalRank: null, alarms: 0, judged: true }),
    ]);
    expect(result.results[0]).toMatchObject({ firstCause: { service: 'cart', operation: 'o' }, firstScore: 0.7 });
    expect(result.noticed).toMatchObject({ k: 2, n: 3 });
    const counts = (shares: Record<1 | 3 | 5, { k: number; n: number }>) =>
      [1, 3, 5].map((at) => [shares[at as 1].k, shares[at as 1].n]);
    expect(counts(result.told.judged)).toEqual([
      [1, 3],
      [2, 3],
      [2, 3],
    ]);
    expect(counts(result.told.noticed)).toEqual([
      [1, 2],
      [2, 2],
      [2, 2],
    ]);
    expect(counts(result.final.judged)).toEqual([
      [0, 3],
      [2, 3],
      [2, 3],
    ]);
    expect(result.falseAlarms.map(({ atMs }) => atMs)).toEqual([10 * MINUTE - 1, 15 * MINUTE]);
    expect(result.quietHours).toBeCloseTo(44 / 60);
    expect(result.falsePerQuietHour).toBeCloseTo(2 / (44 / 60));
    expect(result.alarmsPerNoticedFault).toBe(1.5);
    expect(result.medianNoticedAfterS).toBe(37.5);
  });

  it.each([
    { name: 'at the start', atMs: 0, belongs: false },
    { name: 'just before half a window', atMs: SOONEST_MS - 1, belongs: false },
    { name: 'after half a window', atMs: SOONEST_MS, belongs: true },
    { name: 'just before the end of its reach', atMs: FAULT_REACH_MS - 1, belongs: true },
    { name: 'at the end of its reach', atMs: FAULT_REACH_MS, belongs: false },
  ])('an alarm $name of a fault', ({ atMs, belongs }) => {
    expect(score([fault('a', 0)], [alarm(atMs, [])], []).falseAlarms).toHaveLength(belongs ? 0 : 1);
  });

  it.each([
    { name: 'a minute before, the right service first', atMs: -EARLY_MS, told: ['a', 'b'], early: 1 },
    { name: 'more than a minute before', atMs: -EARLY_MS - 1, told: ['a'], early: 0 },
    { name: 'just before, another service first', atMs: -1, told: ['b', 'a'], early: 0 },
    { name: 'at the start', atMs: 0, told: ['a'], early: 1 },
  ])('an alarm $name is false, and early or not', ({ atMs, told, early }) => {
    const result = score([fault('a', 0)], [alarm(atMs, told)], []);
    expect(result.falseAlarms).toHaveLength(1);
    expect(result.early).toBe(early);
  });

  it('takes out windows without a span, in which nothing can be noticed', () => {
    // Windows at 0, 10 and 50 s hold spans; those at 20, 30 and 40 s do not. The fault begins at 3 s.
    const [result] = score([fault('a', 3_000)], [alarm(60_000, ['a'])], [0, 10_000, 50_000]).results;
    expect(result).toMatchObject({ noticedAfterS: 57, afterDataS: 27 });
  });

  it('gives an alarm to the later of two faults that reach it', () => {
    const { results } = score([fault('a', 0), fault('b', 200_000)], [alarm(210_000, ['b'])], []);
    expect(results.map((each) => each.alarms)).toEqual([0, 1]);
  });

  it('has no figures without faults and alarms', () => {
    expect(score([], [], [])).toMatchObject({
      noticed: { k: 0, n: 0 },
      falsePerQuietHour: null,
      alarmsPerNoticedFault: null,
      medianNoticedAfterS: null,
    });
  });
});

describe('share', () => {
  // Newcombe 1998, table I, method 3 (score, without continuity correction).
  const cases = [
    { k: 81, n: 263, low: 0.2553, high: 0.3662 },
    { k: 15, n: 148, low: 0.0624, high: 0.1605 },
    { k: 0, n: 20, low: 0, high: 0.1611 },
    { k: 1, n: 29, low: 0.0061, high: 0.1718 },
  ];
  it.each(cases)('$k of $n', ({ k, n, low, high }) => {
    expect(share(k, n).low).toBeCloseTo(low, 4);
    expect(share(k, n).high).toBeCloseTo(high, 4);
  });

  it('holds the share itself, within 0 and 1', () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.integer({ min: 1, max: 1000 }), (some, n) => {
        const k = some % (n + 1);
        const { low, high } = share(k, n);
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeLessThanOrEqual(1);
        expect(low).toBeLessThanOrEqual(k / n + 1e-12);
        expect(high).toBeGreaterThanOrEqual(k / n - 1e-12);
      }),
    );
  });
});

describe('distinctServices', () => {
  it('keeps the place of the best cause of each service', () => {
    expect(distinctServices([{ service: 'b' }, { service: 'a' }, { service: 'b' }, { service: 'c' }])).toEqual([
      'b',
      'a',
      'c',
    ]);
  });
});
