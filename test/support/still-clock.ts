import { jest } from '@jest/globals';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from './database.js';

/** A clock that stands still until it is set: `Date` in this process, and `now()` in the database, also where columns take it by themselves. */
export interface StillClock {
  /** Migrations have not run on it. */
  database: TestDatabase;
  set(ms: number): Promise<void>;
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

/** A database of its own whose `now()` is found before that of PostgreSQL, and this process's `Date`. Timers go on as ever. */
export async function stopClock(name: string, ms: number): Promise<StillClock> {
  const database = await createTestDatabase(name);
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query(`create table still_clock (at timestamptz not null)`);
  await client.query(`insert into still_clock values ($1)`, [new Date(ms)]);
  await client.query(
    `create function public.now() returns timestamptz language sql stable as 'select at from public.still_clock'`,
  );
  await client.query(`alter database ${new URL(database.url).pathname.slice(1)} set search_path = public, pg_catalog`);
  jest.useFakeTimers({ now: ms, doNotFake: [...ALL_BUT_DATE] });
  return {
    database,
    set: async (to) => {
      jest.setSystemTime(to);
      await client.query(`update still_clock set at = $1`, [new Date(to)]);
    },
    close: async () => {
      jest.useRealTimers();
      await client.end();
      await database.drop();
    },
  };
}
