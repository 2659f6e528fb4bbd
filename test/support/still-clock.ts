import { jest } from '@jest/globals';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from './database.js';

/** A clock that stands still until it is set: `Date` in this process, and `now()` in the database, also where columns take it by themselves. */
export interface StillClock {
  /** Migrations have not run on it. */
  database: TestDatabase;
  /** `processMs`: by the clock of this process, if that is another. */
  set(ms: number, processMs?: number): Promise<void>;
  close(): Promise<void>;
}

const ALL_BUT_DATE = [
  'hrtime',
  'nextTick',
  'performance',
  'queueMicrotask',
  'requestAnimationFrame',
  'cancelAnimationFrame',
  'requestIdleCallback',
  'cancelIdleCallback',
  'setImmediate',
  'clearImmediate',
  'setInterval',
  'clearInterval',
  'setTimeout',
  'clearTimeout',
] as const;

/**
 * Has `now()` and `clock_timestamp()` found in `public` before that of PostgreSQL, by all who connect from then on: also by what columns take by themselves when the
 * migrations run after it.
 */
export async function replaceNow(client: pg.Client, expression: string): Promise<void> {
  for (const name of ['now', 'clock_timestamp']) {
    await client.query(`create function public.${name}() returns timestamptz language sql stable as '${expression}'`);
  }
  await client.query(`alter database ${client.database} set search_path = public, pg_catalog`);
}

/** A database of its own and this process's `Date`, both at a standstill. Timers go on as ever. */
export async function stopClock(name: string, ms: number): Promise<StillClock> {
  const database = await createTestDatabase(name);
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query(`create table still_clock (at timestamptz not null)`);
  await client.query(`insert into still_clock values ($1)`, [new Date(ms)]);
  await replaceNow(client, 'select at from public.still_clock');
  jest.useFakeTimers({ now: ms, doNotFake: [...ALL_BUT_DATE] });
  return {
    database,
    set: async (to, processMs = to) => {
      jest.setSystemTime(processMs);
      await client.query(`update still_clock set at = $1`, [new Date(to)]);
    },
    close: async () => {
      jest.useRealTimers();
      await client.end();
      await database.drop();
    },
  };
}
