import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { IncidentWorker } from '../../src/incident/incident.worker.js';
import type { AnomalyGroup } from '../../src/model/group.js';
import { floorHour, WINDOW_MS } from '../../src/model/window.js';
import { WINDOW_STAGES } from '../../src/pipeline.js';
import { StageRunner } from '../../src/stage-runner.js';
import { AnomalyStore } from '../../src/store/anomaly.store.js';
import { CursorStore } from '../../src/store/cursor.store.js';
import { createDataSource } from '../../src/store/data-source.js';
import { IncidentStore } from '../../src/store/incident.store.js';
import { RollupStore } from '../../src/store/rollup.store.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

const T0 = floorHour(Date.now()) - 60 * 60_000;

/** A group that nobody is known to be at fault for. */
const unclear = (windowAtMs: number): AnomalyGroup => ({
  windowAtMs,
  severity: 'warning',
  sinceMs: windowAtMs,
  affected: [
    {
      operationId: 1,
      service: 'cart',
      operation: 'GetCart',
      signal: 'calls',
      quantile: null,
      observed: 0,
      expected: 1,
      unit: 'calls_per_call',
      n: 10,
      score: 9,
      sinceMs: windowAtMs,
    },
  ],
  causes: [{ operationId: 1, service: 'cart', operation: 'GetCart', score: 0.3, evidence: [], exemplars: [] }],
  roots: [],
  exemplars: [],
});

let database: TestDatabase;
let db: DataSource;
beforeAll(async () => {
  database = await createTestDatabase('confirmed');
  db = await createDataSource(database.url).initialize();
  await db.runMigrations();
});
afterAll(async () => {
  await db.destroy();
  await database.drop();
});

it('remembers over its steps what nobody is to blame for, and opens when it shows again', async () => {
  const runner = new StageRunner(db, new CursorStore(db), { ring: async () => undefined } as never);
  const anomalies = new AnomalyStore(db);
  const worker = new IncidentWorker(runner, new RollupStore(db), anomalies, new IncidentStore(db));
  await db.query(`insert into tenant_clocks values (1, $1, $1)`, [new Date(T0)]);
  const opened: number[] = [];
  for (const [i, isUnclear] of [true, false, true, false].entries()) {
    const atMs = T0 + i * WINDOW_MS;
    await db.transaction((tx) =>
      anomalies.replaceGroups(tx, 1, atMs, atMs + WINDOW_MS, isUnclear ? [unclear(atMs)] : []),
    );
    await db.query(`update tenant_clocks set closed_through = $1`, [new Date(atMs + WINDOW_MS)]);
    for (const stage of WINDOW_STAGES.filter((each) => each !== 'incident')) {
      await db.query(
        `insert into stage_cursors (tenant_id, stage, done_through) values (1, $1, $2)
         on conflict (tenant_id, stage) do update set done_through = excluded.done_through`,
        [stage, new Date(atMs + WINDOW_MS)],
      );
    }
    await worker.run(1);
    const [count] = await db.query<{ n: string }[]>(`select count(*) as n from incidents`);
    opened.push(Number(count!.n));
  }
  expect(opened).toEqual([0, 0, 1, 1]);
});
