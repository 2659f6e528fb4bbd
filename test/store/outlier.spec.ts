import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import type { Outlier } from '../../src/model/outlier.js';
import { WINDOW_MS } from '../../src/model/window.js';
import { createDataSource } from '../../src/store/data-source.js';
import { OutlierStore } from '../../src/store/outlier.store.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

const AT = Date.parse('2026-03-01T12:00:00Z');
let database: TestDatabase;
let db: DataSource;
beforeAll(async () => {
  database = await createTestDatabase('outliers');
  db = await createDataSource(database.url).initialize();
  await db.runMigrations();
});
afterAll(async () => {
  await db.destroy();
  await database.drop();
});

it('puts what was noted in a range in place of what was noted before, and gives it back as it was', async () => {
  const [service] = await db.query<{ id: number }[]>(
    `insert into services (tenant_id, name) values (1, 'cart') returning id`,
  );
  const [operation] = await db.query<{ id: number }[]>(
    `insert into operations (tenant_id, service_id, kind, name) values (1, $1, 2, 'GetCart') returning id`,
    [service!.id],
  );
  const outlier = (i: number, more: Partial<Outlier> = {}): Outlier => ({
    traceId: String(i).padStart(32, 'a'),
    windowAtMs: AT + i * WINDOW_MS,
    operationId: operation!.id,
    alsoIn: 3,
    reason: 'slow',
    observed: 9.5e6,
    expected: 120_000.5,
    n: 20,
    baselineN: 3000,
    score: 7.25,
    ...more,
  });
  const store = new OutlierStore(db);
  const put = (from: number, to: number, outliers: Outlier[]) =>
    db.transaction((tx) => store.replace(tx, 1, AT + from * WINDOW_MS, AT + to * WINDOW_MS, outliers));
  await put(0, 3, [outlier(0), outlier(1), outlier(2)]);
  await put(1, 2, [outlier(1, { reason: 'failed', observed: 0.1 })]);
  await put(1, 2, [outlier(1, { reason: 'failed', observed: 0.1 })]);
  const listed = await store.list(1, { limit: 10 });
  expect(listed.map((each) => each.outlier)).toEqual([
    outlier(2),
    outlier(1, { reason: 'failed', observed: 0.1 }),
    outlier(0),
  ]);
  expect(listed[0]).toMatchObject({ service: 'cart', operation: 'GetCart', kind: 2 });
  expect(await store.list(2, { limit: 10 })).toEqual([]);
});
