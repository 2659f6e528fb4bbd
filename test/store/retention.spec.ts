import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { createDataSource } from '../../src/store/data-source.js';
import { RetentionStore } from '../../src/store/retention.store.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

const NOW = Date.parse('2026-03-31T12:00:00Z');
let database: TestDatabase;
let db: DataSource;
beforeAll(async () => {
  database = await createTestDatabase('retention');
  db = await createDataSource(database.url).initialize();
  await db.runMigrations();
});
afterAll(async () => {
  await db.destroy();
  await database.drop();
});

it('ends verdicts that are older than 30 days, unless the journal still holds their hour', async () => {
  const windows = ['2026-03-30T00:00:10Z', '2026-02-01T00:00:10Z', '2022-08-22T04:59:50Z'];
  await db.query(`insert into journal_hours (hour) values ('2022-08-22T04:00:00Z')`);
  for (const at of windows) {
    await db.query(`insert into window_totals values (1, $1, 5, 1, 1, 0)`, [at]);
    await db.query(`insert into anomalies values (1, $1, 'latency', 1, 0, true, 'raised', '{}')`, [at]);
    await db.query(`insert into anomaly_groups values (1, $1, 0, '{}')`, [at]);
  }
  expect(await new RetentionStore(db).prune(NOW)).toBe(3);
  for (const table of ['window_totals', 'anomalies', 'anomaly_groups']) {
    const rows = await db.query<{ window_at: Date }[]>(`select window_at from ${table} order by window_at`);
    expect(rows.map((row) => row.window_at.toISOString())).toEqual([
      '2022-08-22T04:59:50.000Z',
      '2026-03-30T00:00:10.000Z',
    ]);
  }
  expect(await new RetentionStore(db).prune(NOW)).toBe(0);
});
