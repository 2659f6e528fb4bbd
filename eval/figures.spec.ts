import { describe, expect, it } from '@jest/globals';
import type { DatasetResult } from './evaluate.js';
import { givenSums, quantile, ranking, streamSums } from './figures.js';

describe('ranking', () => {
  it('counts places, and what was not named as the last of all', () => {
    const { as, meanRank } = ranking([1, 3, 5, 6, null], 20);
    expect([as[1], as[3], as[5]].map(({ k, n }) => [k, n])).toEqual([
      [1, 5],
      [2, 5],
      [3, 5],
    ]);
    expect(meanRank).toBe((1 + 3 + 5 + 6 + 20) / 5);
  });

  it('has no mean of nothing', () => {
    expect(ranking([], 20)).toMatchObject({ meanRank: null, as: { 1: { k: 0, n: 0 } } });
  });
});

describe('quantile', () => {
  const values = [50, 10, 30, 20, 40];
  it.each([
    { q: 0.5, expected: 30 },
    { q: 0.95, expected: 50 },
    { q: 0.2, expected: 10 },
    { q: 0.21, expected: 20 },
    { q: 1, expected: 50 },
  ])('$q', ({ q, expected }) => {
    expect(quantile(values, q)).toBe(expected);
  });

  it('is null of nothing', () => {
    expect(quantile([], 0.5)).toBeNull();
  });
});

describe('sums', () => {
  const fault = (type: string, judged: boolean, told: number | null, later: number | null, given: number | null) => ({
    stream: {
      fault: { service: 's', type, startMs: 0, endMs: 1 },
      judged,
      noticedAfterS: told === null && later === null ? null : 10,
      afterDataS: null,
      noticedBy: null,
      firstCause: null,
      firstScore: null,
      toldRank: told,
      laterRank: later,
      finalRank: later,
      alarms: 1,
    },
    given: { fault: { service: 's', type, startMs: 0, endMs: 1 }, judged, rank: given, first: null },
  });
  const faults = [
    fault('slow', true, 1, 1, 1),
    fault('slow', true, 4, 2, 1),
    fault('gone', true, null, null, 3),
    fault('gone', false, null, null, null),
  ];
  const result = {
    services: 10,
    given: faults.map((each) => each.given),
    stream: { results: faults.map((each) => each.stream) },
  } as DatasetResult;

  it('adds up judged faults only, all together and by type, each column by itself', () => {
    const short = streamSums(result.stream, result.services).map(({ name, n, told, later, final, noticed }) => ({
      name,
      n,
      told: told.as[1].k,
      later: later.as[3].k,
      final: final.as[1].k,
      noticed: noticed.k,
      meanTold: told.meanRank,
    }));
    expect(short).toEqual([
      { name: 'all', n: 3, told: 1, later: 2, final: 1, noticed: 2, meanTold: 5 },
      { name: 'gone', n: 1, told: 0, later: 0, final: 0, noticed: 0, meanTold: 10 },
      { name: 'slow', n: 2, told: 1, later: 2, final: 1, noticed: 2, meanTold: 2.5 },
    ]);
    expect(givenSums(result).map(({ name, n, given }) => [name, n, given.as[1].k, given.as[3].k])).toEqual([
      ['all', 3, 2, 3],
      ['gone', 1, 0, 1],
      ['slow', 2, 2, 2],
    ]);
  });
});
