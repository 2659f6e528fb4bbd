import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { Histogram } from '../../src/model/histogram.js';
import { emptyRollup, type WindowMeasure } from '../../src/model/rollup.js';
import { HOUR_MS, MINUTE_MS, WINDOW_MS, windowsBetween } from '../../src/model/window.js';
import { CompactionStore } from '../../src/store/compaction.store.js';
import { LoadStore } from '../../src/store/load.store.js';
import { ReopenedStore } from '../../src/store/reopened.store.js';
import { RollupStore } from '../../src/store/rollup.store.js';
import { createOneOperation, type OneOperation } from '../support/one-operation.js';

const FIRST = Date.parse('2026-03-02T09:00:00Z');
const TENANT = 7;

describe('minutes and hours of rollups', () => {
  let world: OneOperation;
  let db: DataSource;
  let compactions: CompactionStore;
  let rollups: RollupStore;
  let loads: LoadStore;
  let operationId: number;
  beforeAll(async () => {
    world = await createOneOperation('compaction');
    ({ db, operationId } = world);
    compactions = new CompactionStore(db);
    rollups = new RollupStore(db);
    loads = new LoadStore(db, compactions);
  });
  afterAll(() => world.drop());
  beforeEach(async () => {
    await db.query(
      'truncate rollups, edge_rollups, window_totals, minute_rollups, hour_rollups, compactions, tenant_clocks, stage_cursors, reopened_windows',
    );
    await db.query(`insert into tenant_clocks values ($1, $2, $3)`, [
      TENANT,
      new Date(FIRST),
      new Date(FIRST + HOUR_MS * 9),
    ]);
    await db.query(`insert into stage_cursors (tenant_id, stage, done_through) values ($1, 'measure', $2)`, [
      TENANT,
      new Date(FIRST),
    ]);
  });

  /** Each window holds as many spans as its place in the minute (from 1) says, of as many milliseconds; the first fails. */
  const window = (windowAtMs: number, times = 1): WindowMeasure => {
    const n = ((windowAtMs % MINUTE_MS) / WINDOW_MS + 1) * times;
    const latency = new Histogram();
    latency.add(1_000 * n, n);
    const rollup = { ...emptyRollup(operationId, windowAtMs), n, errors: 1, latency };
    const totals = { n, traces: 0, sampledTraces: 0, duplicateSpans: 0 };
    return { windowAtMs, ...totals, rollups: [rollup], edges: [] };
  };
  /** What the measure stage does in its transaction. */
  const measure = (fromMs: number, toMs: number): Promise<void> =>
    db.transaction(async (tx) => {
      await rollups.replace(
        tx,
        TENANT,
        windowsBetween(fromMs, toMs).map((atMs) => window(atMs)),
      );
      await compactions.compact(tx, TENANT, fromMs, toMs);
      await tx.query(`update stage_cursors set done_through = $2 where tenant_id = $1`, [TENANT, new Date(toMs)]);
    });
  const stored = (table: string): Promise<{ at: Date; n: string; errors: string }[]> =>
    db.query(`select window_at as at, n, error_count as errors from ${table} order by window_at`);

  it('are written when they are over, whatever the steps, and again to the same', async () => {
    for (let atMs = FIRST; atMs < FIRST + 3 * MINUTE_MS; atMs += 4 * WINDOW_MS)
      await measure(atMs, atMs + 4 * WINDOW_MS);
    const minutes = await stored('minute_rollups');
    expect(minutes).toEqual([0, 1, 2].map((i) => ({ at: new Date(FIRST + i * MINUTE_MS), n: '21', errors: '6' })));
    await measure(FIRST, FIRST + 3 * MINUTE_MS);
    expect(await stored('minute_rollups')).toEqual(minutes);
    expect(await stored('hour_rollups')).toEqual([]);
  });

  it('an hour follows from its minutes, and is left out when its first minutes were never compacted', async () => {
    const start = FIRST + 30 * MINUTE_MS;
    await db.query(`update stage_cursors set done_through = $1`, [new Date(start)]);
    await measure(start, start + 90 * MINUTE_MS + WINDOW_MS);
    expect(await stored('hour_rollups')).toEqual([{ at: new Date(FIRST + HOUR_MS), n: '1260', errors: '360' }]);
  });

  it('a window that is measured again changes its minute and its hour', async () => {
    await measure(FIRST, FIRST + HOUR_MS);
    await db.query(`insert into reopened_windows (tenant_id, window_at, late_spans) values ($1, $2, 1)`, [
      TENANT,
      new Date(FIRST),
    ]);
    const reopened = new ReopenedStore(db, rollups, compactions);
    const [due] = await reopened.before(TENANT, FIRST + WINDOW_MS);
    await db.query(`update reopened_windows set changes = changes + 1`);
    await reopened.replaceNow(TENANT, due!, window(FIRST, 11));
    // Something came while it was measured: it is to be measured once more.
    expect(await reopened.before(TENANT, FIRST + WINDOW_MS)).toEqual([{ windowAtMs: FIRST, changes: '2' }]);
    await reopened.replaceNow(TENANT, { windowAtMs: FIRST, changes: '2' }, window(FIRST, 11));
    expect(await reopened.before(TENANT, FIRST + WINDOW_MS)).toEqual([]);
    expect((await stored('minute_rollups'))[0]).toMatchObject({ n: '31' });
    expect((await stored('minute_rollups'))[1]).toMatchObject({ n: '21' });
    expect(await stored('hour_rollups')).toMatchObject([{ n: '1270' }]);
  });

  it.each([
    { name: 'across all lengths', from: FIRST + 50_000, to: FIRST + 3 * HOUR_MS + 70_000 },
    { name: 'within a minute', from: FIRST + 10_000, to: FIRST + 40_000 },
    { name: 'whole hours', from: FIRST + HOUR_MS, to: FIRST + 2 * HOUR_MS },
  ])('a period reads the same from them as from windows: $name', async ({ from, to }) => {
    await measure(FIRST, FIRST + 3 * HOUR_MS + 2 * MINUTE_MS);
    const read = async () => {
      const { operations } = await loads.operations(TENANT, undefined, { from: new Date(from), to: new Date(to) }, 10);
      const all = new Histogram();
      for (const { histogram } of operations[0]!.latencies) all.merge(Histogram.decode(histogram));
      const { n, errors, latencies } = operations[0]!;
      return { n, errors, latency: Buffer.from(all.encode()).toString('hex'), rows: latencies.length };
    };
    const coarse = await read();
    await db.query('truncate compactions');
    const fine = await read();
    expect(coarse).toEqual({ ...fine, rows: coarse.rows });
    expect(fine.rows).toBe((to - from) / WINDOW_MS);
    if (to - from > MINUTE_MS) expect(coarse.rows).toBeLessThan(fine.rows / 5);
  });

  it('one operation is read step by step, in minutes, hours or odd steps', async () => {
    await measure(FIRST, FIRST + 2 * HOUR_MS);
    const of = async (stepMs: number) => {
      const period = { from: new Date(FIRST), to: new Date(FIRST + 2 * HOUR_MS) };
      return (await loads.operation(TENANT, operationId, period, stepMs))!.steps.map(({ n, errors }) => [n, errors]);
    };
    expect(await of(HOUR_MS)).toEqual([
      [1260, 360],
      [1260, 360],
    ]);
    expect((await of(MINUTE_MS)).slice(0, 2)).toEqual([
      [21, 6],
      [21, 6],
    ]);
    expect((await of(30_000)).slice(0, 2)).toEqual([
      [6, 3],
      [15, 3],
    ]);
    expect(await loads.operation(TENANT, operationId + 1, {}, MINUTE_MS)).toBeNull();
    await expect(loads.operation(TENANT, operationId, { from: new Date(FIRST) }, WINDOW_MS / 10)).rejects.toThrow(
      'steps',
    );
  });
});
