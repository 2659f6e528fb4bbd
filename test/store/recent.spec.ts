import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { emptyOperationBaseline } from '../../src/model/baseline.js';
import { Histogram } from '../../src/model/histogram.js';
import type { WindowMeasure } from '../../src/model/rollup.js';
import { MINUTE_MS, WINDOW_MS } from '../../src/model/window.js';
import { BaselineStore } from '../../src/store/baseline.store.js';
import { createDataSource } from '../../src/store/data-source.js';
import { EventStore } from '../../src/store/event.store.js';
import { RecentStore } from '../../src/store/recent.store.js';
import { RollupStore } from '../../src/store/rollup.store.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

const FIRST = Date.parse('2026-03-02T09:00:00Z');
const TENANT = 7;
const at = (no: number): number => FIRST + no * WINDOW_MS;

describe('what is held of recent windows and baselines', () => {
  let database: TestDatabase;
  let db: DataSource;
  let rollups: RollupStore;
  let baselines: BaselineStore;
  let operationId: number;
  const fresh = (): RecentStore => new RecentStore(db, rollups, baselines, new EventStore(db));

  beforeAll(async () => {
    database = await createTestDatabase('recent');
    db = await createDataSource(database.url).initialize();
    await db.runMigrations();
    for (const table of ['rollups', 'edge_rollups', 'event_rollups']) {
      await db.query(`create table ${table}_rest partition of ${table} default`);
    }
    const [service] = await db.query(`insert into services (tenant_id, name) values ($1, 'cart') returning id`, [
      TENANT,
    ]);
    const [operation] = await db.query(
      `insert into operations (tenant_id, service_id, kind, name) values ($1, $2, 2, 'GetCart') returning id`,
      [TENANT, service.id],
    );
    operationId = operation.id;
    rollups = new RollupStore(db);
    baselines = new BaselineStore(db, new EventStore(db));
  });
  afterAll(async () => {
    await db.destroy();
    await database.drop();
  });
  beforeEach(async () => {
    await db.query('truncate rollups, edge_rollups, event_rollups, window_totals, baselines, stage_cursors');
  });

  const measured = (windowAtMs: number, n: number): WindowMeasure => {
    const latency = new Histogram();
    latency.add(1000, n);
    return {
      windowAtMs,
      n,
      traces: n,
      sampledTraces: n,
      duplicateSpans: 0,
      rollups: [
        {
          operationId,
          windowAtMs,
          n,
          errors: 0,
          entries: n,
          durationSumUs: 1000 * n,
          maxDurationUs: 1000,
          latency,
          sampledN: n,
          failedHere: 0,
          selfTime: latency,
          shapes: new Map(),
          instances: new Map(),
          paths: null,
          slowest: [],
          failed: [],
        },
      ],
      edges: [],
      events: [],
    };
  };
  const measure = (no: number, n: number): Promise<void> =>
    db.transaction((tx) => rollups.replace(tx, TENANT, [measured(at(no), n)]));
  const learn = (throughMs: number, n: number): Promise<void> =>
    db.transaction(async (tx) => {
      const operations = new Map([[operationId, { ...emptyOperationBaseline(), n }]]);
      const changed = { operations: new Set([operationId]), edges: new Set<string>(), events: new Set<string>() };
      await baselines.save(tx, TENANT, throughMs, { operations, edges: new Map() }, changed);
      await tx.query(
        `insert into stage_cursors (tenant_id, stage, done_through) values ($1, 'baseline', $2)
         on conflict (tenant_id, stage) do update set done_through = excluded.done_through`,
        [TENANT, new Date(throughMs)],
      );
    });

  it('reads a window once, and again when it was measured again: late spans, another process', async () => {
    const [one, other] = [fresh(), fresh()];
    for (const no of [0, 1, 2]) await measure(no, 10 + no);
    const before = await one.load(TENANT, at(0), at(3));
    expect(before).toEqual(await rollups.load(TENANT, at(0), at(3)));
    await other.load(TENANT, at(0), at(3));
    await measure(1, 99);
    await measure(3, 13);
    for (const recent of [one, other]) {
      const after = await recent.load(TENANT, at(1), at(4));
      expect(after).toEqual(await rollups.load(TENANT, at(1), at(4)));
      expect(after.map(({ n }) => n)).toEqual([99, 12, 13]);
    }
    const again = await one.load(TENANT, at(0), at(4));
    expect(again[0]).toBe(before[0]);
    expect(again[1]).not.toBe(before[1]);
  });

  it('knows nothing of windows that were not measured, until they are', async () => {
    const recent = fresh();
    expect((await recent.load(TENANT, at(0), at(2))).map(({ n }) => n)).toEqual([0, 0]);
    await measure(1, 5);
    expect((await recent.load(TENANT, at(0), at(2))).map(({ n }) => n)).toEqual([0, 5]);
  });

  it('reads baselines again when more was learned, and only then', async () => {
    const recent = fresh();
    expect((await recent.normal(TENANT)).operations.size).toBe(0);
    await learn(FIRST, 30);
    const first = await recent.normal(TENANT);
    expect(first.operations.get(operationId)?.n).toBe(30);
    expect((await recent.normal(TENANT)).operations).toBe(first.operations);
    await learn(FIRST + MINUTE_MS, 60);
    expect((await recent.normal(TENANT)).operations.get(operationId)?.n).toBe(60);
    expect((await recent.normal(TENANT + 1)).operations.size).toBe(0);
  });
});
