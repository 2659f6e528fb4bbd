import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { MINUTE_MS, WINDOW_MS } from '../../src/model/window.js';
import { PIPELINE, type StageSpec, type WindowStage } from '../../src/pipeline.js';
import { CursorStore } from '../../src/store/cursor.store.js';
import { createDataSource } from '../../src/store/data-source.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

const FIRST = Date.parse('2026-03-02T09:00:00Z');
const TENANT = 7;
const spec = (stage: WindowStage): StageSpec => PIPELINE.find((each) => each.stage === stage)!;

describe('CursorStore', () => {
  let database: TestDatabase;
  let db: DataSource;
  let cursors: CursorStore;
  beforeAll(async () => {
    database = await createTestDatabase('cursors');
    db = await createDataSource(database.url).initialize();
    await db.runMigrations();
    cursors = new CursorStore(db);
  });
  afterAll(async () => {
    await db.destroy();
    await database.drop();
  });
  beforeEach(async () => {
    await db.query('truncate stage_cursors, tenant_clocks, reopened_windows');
  });

  const closeThrough = (ms: number): Promise<unknown> =>
    db.query(
      `insert into tenant_clocks values ($1, to_timestamp($2 / 1000.0), to_timestamp($3 / 1000.0))
       on conflict (tenant_id) do update set closed_through = excluded.closed_through`,
      [TENANT, FIRST, ms],
    );
  const work = async (stage: WindowStage, owner = 'a', steps = 12): Promise<[number, number] | null> => {
    const claim = await cursors.claim(spec(stage), TENANT, owner, 60, steps);
    if (claim === null) return null;
    await db.transaction((tx) => cursors.advance(tx, claim, owner));
    await cursors.release(TENANT, stage, owner);
    return [claim.fromMs - FIRST, claim.toMs - FIRST];
  };

  it('has no work for a tenant without spans', async () => {
    expect(await cursors.claim(spec('measure'), TENANT, 'a', 60, 12)).toBeNull();
    expect(await cursors.due()).toEqual([]);
  });

  it('hands out closed windows in order, a bounded number at a time', async () => {
    await closeThrough(FIRST + 5 * WINDOW_MS);
    expect(await work('measure', 'a', 3)).toEqual([0, 3 * WINDOW_MS]);
    expect(await work('measure', 'b', 3)).toEqual([3 * WINDOW_MS, 5 * WINDOW_MS]);
    expect(await work('measure')).toBeNull();
  });

  it('lets one worker in at a time, and another once the lease is over', async () => {
    await closeThrough(FIRST + 5 * WINDOW_MS);
    const first = (await cursors.claim(spec('measure'), TENANT, 'a', 60, 12))!;
    expect(await cursors.claim(spec('measure'), TENANT, 'b', 60, 12)).toBeNull();
    expect(await cursors.due()).toEqual([]);
    await db.query(`update stage_cursors set leased_until = now() - interval '1 second'`);
    expect(await cursors.due()).toEqual([{ job: 'measure', tenantId: TENANT }]);
    expect(await work('measure', 'b')).toEqual([0, 5 * WINDOW_MS]);
    // The first worker wakes up late: nothing of what it does is committed.
    await expect(
      db.transaction(async (tx) => {
        await tx.query(`insert into reopened_windows values ($1, now(), 1)`, [TENANT]);
        await cursors.advance(tx, first, 'a');
      }),
    ).rejects.toThrow('lost the lease');
    expect(await db.query('select * from reopened_windows')).toEqual([]);
  });

  it('waits for no lease that a clock gave which has been set back since', async () => {
    await closeThrough(FIRST + 5 * WINDOW_MS);
    expect(await cursors.claim(spec('measure'), TENANT, 'a', 60, 12)).not.toBeNull();
    await db.query(`update stage_cursors set leased_until = leased_until + interval '1 hour'`);
    expect(await cursors.due()).toEqual([{ job: 'measure', tenantId: TENANT }]);
    expect(await work('measure', 'b')).toEqual([0, 5 * WINDOW_MS]);
  });

  it('never gives the same window to two workers that ask at once', async () => {
    await closeThrough(FIRST + 40 * WINDOW_MS);
    const taken: [number, number][] = [];
    const worker = async (owner: string): Promise<void> => {
      for (let idle = 0; idle < 20;) {
        const range = await work('measure', owner, 1);
        if (range === null) idle++;
        else taken.push(range);
      }
    };
    await Promise.all(['a', 'b', 'c'].map(worker));
    expect(taken.map(([from]) => from).toSorted((x, y) => x - y)).toEqual(
      Array.from({ length: 40 }, (_, i) => i * WINDOW_MS),
    );
  });

  it('walks all stages to the end, judging no window before what it relies on was learned', async () => {
    const end = FIRST + 10 * MINUTE_MS;
    await closeThrough(end);
    for (let round = 0; round < 200; round++) {
      for (const { stage } of PIPELINE) {
        await work(stage);
        const done = (await cursors.progress(TENANT))!;
        expect(done.detect).toBeLessThanOrEqual(done.baseline + 2 * MINUTE_MS);
        expect(done.baseline).toBeLessThanOrEqual(Math.max(FIRST, done.incident - MINUTE_MS));
      }
    }
    const done = (await cursors.progress(TENANT))!;
    expect(done).toMatchObject({ measure: end, detect: end, rank: end, incident: end, baseline: end - MINUTE_MS });
    expect(await cursors.due()).toEqual([]);
  });

  it('rings for windows that late spans opened again, when no step has come for long', async () => {
    await db.query(`insert into reopened_windows values ($1, now(), 3)`, [TENANT]);
    expect(await cursors.due()).toEqual([]);
    await db.query(`update reopened_windows set marked_at = now() - interval '61 seconds'`);
    expect(await cursors.due()).toEqual([{ job: 'measure', tenantId: TENANT }]);
  });
});
