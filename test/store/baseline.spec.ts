import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { learn } from '../../src/baseline/learn.js';
import { learnSeasons } from '../../src/baseline/seasons.js';
import type { Baselines } from '../../src/model/baseline.js';
import { Histogram } from '../../src/model/histogram.js';
import { DEFAULT_POLICY } from '../../src/model/policy.js';
import type { WindowMeasure } from '../../src/model/rollup.js';
import type { Seasons } from '../../src/model/season.js';
import { emptySpread } from '../../src/model/spread.js';
import { WINDOW_MS } from '../../src/model/window.js';
import { BaselineStore } from '../../src/store/baseline.store.js';
import { EventStore } from '../../src/store/event.store.js';
import { createDataSource } from '../../src/store/data-source.js';
import { SeasonStore } from '../../src/store/season.store.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import type { Config } from '../../src/config.js';

const TENANT = 7;
/** Eight in the morning in Berlin, seven in UTC. */
const EIGHT_MS = Date.parse('2026-03-02T07:00:00Z');

const windows = Array.from({ length: 24 }, (_, i): WindowMeasure => {
  const windowAtMs = EIGHT_MS + i * WINDOW_MS;
  const latency = new Histogram();
  for (let k = 0; k < 9; k++) latency.add(10_000 * (k + 1) * (i % 5 === 0 ? 3 : 1));
  return {
    windowAtMs,
    n: 9,
    traces: 9,
    sampledTraces: 9,
    duplicateSpans: 0,
    rollups: [
      {
        operationId: 1,
        windowAtMs,
        n: 9,
        errors: i % 2,
        entries: 9,
        durationSumUs: 0,
        maxDurationUs: 0,
        latency,
        sampledN: 9,
        shapes: new Map(),
        instances: new Map(),
        paths: null,
        failedHere: 0,
        selfTime: latency,
        slowest: [],
        failed: [],
      },
    ],
    edges: [{ callerId: 1, calleeId: 2, windowAtMs, calls: 9, errors: 0, gap: latency }],
  };
});

describe('what is normal, stored', () => {
  let database: TestDatabase;
  let db: DataSource;
  beforeAll(async () => {
    database = await createTestDatabase('baselines');
    db = await createDataSource(database.url).initialize();
    await db.runMigrations();
  });
  afterAll(async () => {
    await db.destroy();
    await database.drop();
  });

  it('comes back as it was, spreads to the thousandth', async () => {
    const store = new BaselineStore(db, new EventStore(db));
    const known: Baselines = { operations: new Map(), edges: new Map() };
    const changed = learn(known, windows, new Set(), DEFAULT_POLICY);
    await store.save(db.manager, TENANT, EIGHT_MS, known, changed);
    const loaded = await store.load(TENANT, EIGHT_MS);
    const numbers = (baselines: Pick<Baselines, 'operations' | 'edges'>): unknown =>
      JSON.parse(
        JSON.stringify([[...baselines.operations], [...baselines.edges]], (_, value: unknown) =>
          value instanceof Histogram
            ? Buffer.from(value.encode()).toString('hex')
            : typeof value === 'number'
              ? Math.round(value * 1000) / 1000
              : value,
        ),
      );
    expect(numbers(loaded)).toEqual(numbers(known));
    expect(loaded.operations.get(1)!.latencySpread.window[0]!.n).toBeGreaterThan(0);
  });

  it('reads rows of before spreads were kept', async () => {
    await db.query(`update baselines set state = state - 'latencySpread' - 'selfTimeSpread' where operation_id = 1`);
    await db.query(`update edge_baselines set state = state - 'gapSpread' where caller_id = 1`);
    const loaded = await new BaselineStore(db, new EventStore(db)).load(TENANT, EIGHT_MS);
    expect(loaded.operations.get(1)).toMatchObject({ n: 216, latencySpread: emptySpread() });
    expect(loaded.edges.get('1>2')).toMatchObject({ calls: 216, gapSpread: emptySpread() });
  });

  it('finds every hour that a time touches, also where hours begin at a quarter', async () => {
    // Ten past to twenty past ten in UTC: in Kathmandu five to four, and five past four.
    const fromMs = Date.parse('2026-03-02T10:10:00Z');
    const store = new SeasonStore(db, { timeZone: 'Asia/Kathmandu' } as Config);
    const during = windows.slice(0, 2).map((window, i) => ({ ...window, windowAtMs: fromMs + i * 9 * 60_000 }));
    const seasons: Seasons = new Map();
    const changed = learnSeasons(seasons, during, [], new Set(), store.timeZone);
    expect([...changed]).toEqual(['1@15', '1@16']);
    await store.save(db.manager, TENANT, seasons, changed);
    const loaded = await store.load(TENANT, fromMs, fromMs + 10 * 60_000);
    expect([...loaded.keys()].toSorted()).toEqual(['1@15', '1@16']);
  });

  it('keeps the hours of the week by the clocks of the zone', async () => {
    const store = new SeasonStore(db, { timeZone: 'Europe/Berlin' } as Config);
    const seasons: Seasons = new Map();
    const changed = learnSeasons(seasons, windows, [], new Set(), store.timeZone);
    await store.save(db.manager, TENANT, seasons, changed);
    const loaded = await store.load(TENANT, EIGHT_MS, EIGHT_MS + WINDOW_MS);
    expect([...loaded.keys()]).toEqual(['1@8']);
    expect(loaded.get('1@8')![1]).toMatchObject({
      startMs: EIGHT_MS,
      weeks: 0,
      past: null,
      now: { leastN: 9, mostN: 9 },
    });
    expect((await store.load(TENANT, EIGHT_MS + 3_600_000, EIGHT_MS + 3_610_000)).size).toBe(0);
  });
});
