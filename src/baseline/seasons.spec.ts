import { describe, expect, it } from '@jest/globals';
import { Histogram } from '../model/histogram.js';
import type { Rollup, WindowMeasure } from '../model/rollup.js';
import { type Seasons, seasonKey } from '../model/season.js';
import { HOUR_MS, WINDOW_MS } from '../model/window.js';
import { learnSeasons } from './seasons.js';

const WEEK_MS = 168 * HOUR_MS;
/** A Thursday, 00:00 UTC. */
const START_MS = 0;

function minute(atMs: number, n: number, medianUs: number): WindowMeasure[] {
  return Array.from({ length: 6 }, (_, i) => {
    const windowAtMs = atMs + i * WINDOW_MS;
    const latency = new Histogram();
    latency.add(medianUs, n);
    const rollup: Rollup = {
      operationId: 1,
      windowAtMs,
      n,
      errors: 0,
      entries: n,
      durationSumUs: 0,
      maxDurationUs: 0,
      latency,
      sampledN: 0,
      shapes: new Map(),
      instances: new Map(),
      paths: null,
      failedHere: 0,
      selfTime: new Histogram(),
      slowest: [],
      failed: [],
    };
    const rollups = n === 0 ? [] : [rollup];
    return { windowAtMs, n: 1, traces: 1, sampledTraces: 1, duplicateSpans: 0, rollups, edges: [] };
  });
}
const learn = (seasons: Seasons, windows: WindowMeasure[], excluded: number[] = []) =>
  learnSeasons(seasons, windows, [1], new Set(excluded), 'UTC');
const thursday = (seasons: Seasons) => seasons.get(seasonKey(1, 0))![4]!;

describe('learnSeasons', () => {
  it('keeps the extremes of an hour, silence of an entry among them', () => {
    const seasons: Seasons = new Map();
    const changed = learn(seasons, [
      ...minute(START_MS, 10, 1000),
      ...minute(START_MS + 60_000, 0, 0),
      ...minute(START_MS + 120_000, 40, 8000),
    ]);
    expect([...changed]).toEqual(['1@0']);
    expect(thursday(seasons)).toMatchObject({ startMs: 0, weeks: 0, past: null, now: { leastN: 0, mostN: 40 } });
    expect(thursday(seasons).now.p50Us / 8000).toBeCloseTo(1, 1);
  });

  it('puts a week behind it when the hour comes round, newer weeks weighing more', () => {
    const seasons: Seasons = new Map();
    for (const [week, n] of [10, 20, 40, 40].entries()) learn(seasons, minute(START_MS + week * WEEK_MS, n, 1000));
    expect(thursday(seasons)).toMatchObject({ weeks: 3, now: { mostN: 40 }, past: { mostN: 27.5 } });
  });

  it('learns nothing of excluded operations', () => {
    const seasons: Seasons = new Map();
    expect(learn(seasons, minute(START_MS, 10, 1000), [1]).size).toBe(0);
    expect(seasons.size).toBe(0);
  });
});
