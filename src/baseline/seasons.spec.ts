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

  it.each([
    // Summer time ends on a Sunday at 03:00: two o'clock comes twice, and the second time its last minutes are no week later.
    { zone: 'Europe/Berlin', from: '2026-10-25T00:00:00Z', hours: 2, key: '1@2', day: 0 },
    { zone: 'Australia/Adelaide', from: '2026-04-04T15:30:00Z', hours: 2, key: '1@2', day: 0 },
    { zone: 'America/St_Johns', from: '2026-11-01T03:30:00Z', hours: 2, key: '1@1', day: 0 },
    // Clocks that are half an hour off, on an ordinary day.
    { zone: 'Asia/Kolkata', from: '2026-04-04T15:30:00Z', hours: 1, key: '1@21', day: 6 },
  ])('takes an hour that the clocks of $zone show twice for one', ({ zone, from, hours, key, day }) => {
    const seasons: Seasons = new Map();
    const atMs = Date.parse(from);
    const last = atMs + hours * HOUR_MS - 60_000;
    for (const [i, each] of [atMs, atMs + 30 * 60_000, last].entries()) {
      expect([...learnSeasons(seasons, minute(each, 10 + i, 1000), [1], new Set(), zone)]).toEqual([key]);
    }
    expect(seasons.get(key)![day]).toMatchObject({ weeks: 0, past: null });
    learnSeasons(seasons, minute(last + WEEK_MS, 20, 1000), [1], new Set(), zone);
    expect(seasons.get(key)![day]).toMatchObject({ weeks: 1, now: { mostN: 20 }, past: { mostN: 12 } });
  });

  it("nine o'clock on Monday is the same hour before and after the clocks change", () => {
    const seasons: Seasons = new Map();
    const learnAt = (iso: string, n: number) =>
      learnSeasons(seasons, minute(Date.parse(iso), n, 1000), [1], new Set(), 'Europe/Berlin');
    learnAt('2026-03-23T08:00:00Z', 10);
    learnAt('2026-03-30T07:00:00Z', 20);
    expect([...seasons.keys()]).toEqual(['1@9']);
    expect(seasons.get('1@9')![1]).toMatchObject({ weeks: 1, now: { mostN: 20 }, past: { mostN: 10 } });
  });

  it('learns nothing of excluded operations', () => {
    const seasons: Seasons = new Map();
    expect(learn(seasons, minute(START_MS, 10, 1000), [1]).size).toBe(0);
    expect(seasons.size).toBe(0);
  });
});
