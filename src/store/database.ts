import { Logger } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { ConfigError } from '../config.js';
import { createDataSource } from './data-source.js';
import { isDatabaseOutage } from './outage.js';

/** For those who pass it on and know nothing else of it. */
export type { DataSource };

const WAIT_MS = 30_000;
const RETRY_MS = 1_000;
/** Any number that nobody else in the database uses for an advisory lock. */
const MIGRATION_LOCK = 7_268_324_001;

/** The database did not answer in time. */
export class DatabaseAway extends Error {}

/** Opens the database, waiting half a minute for it, and brings its schema up to date. Throws ConfigError or DatabaseAway. */
export async function openDatabase(url: string): Promise<DataSource> {
  const log = new Logger('Database');
  const where = describeDatabase(url);
  const endMs = performance.now() + WAIT_MS;
  for (let isFirst = true; ; isFirst = false) {
    const db = createDataSource(url);
    try {
      await db.initialize();
      await migrate(db, log);
      return db;
    } catch (error) {
      if (db.isInitialized) await db.destroy();
      const reason = reasonOf(error);
      if (isRefusal(error)) throw new ConfigError([`DATABASE_URL names ${where}, which refuses it: ${reason}`]);
      if (!isOutage(error)) throw error;
      if (performance.now() > endMs) {
        throw new DatabaseAway(
          `The database ${where} did not answer for ${WAIT_MS / 1000} s: ${reason}. Start it, or set DATABASE_URL to another; ` +
            '"npm start" without DATABASE_URL brings a database of its own.',
        );
      }
      if (isFirst) log.warn(`${where} does not answer yet (${reason}); waiting up to ${WAIT_MS / 1000} s for it`);
      await sleep(RETRY_MS);
    }
  }
}

/** `name at host:port`, without user and password. */
export function describeDatabase(url: string): string {
  const { hostname, port, pathname, searchParams } = new URL(url);
  const name = decodeURIComponent(pathname.slice(1)) || 'postgres';
  return `${name} at ${hostname || searchParams.get('host') || 'localhost'}:${port || '5432'}`;
}

/** Of several processes that start at once, one migrates and the others wait for it. */
async function migrate(db: DataSource, log: Logger): Promise<void> {
  const guard = db.createQueryRunner();
  try {
    await guard.query(`select pg_advisory_lock($1)`, [MIGRATION_LOCK]);
    const done = await db.runMigrations();
    if (done.length > 0) log.log(`schema brought up to date: ${done.map(({ name }) => name).join(', ')}`);
    await guard.query(`select pg_advisory_unlock($1)`, [MIGRATION_LOCK]);
  } finally {
    await guard.release();
  }
}

/** Nothing but another setting helps: wrong password, no such role, no such database, no right to it. */
function isRefusal(error: unknown): boolean {
  return ['28P01', '28000', '3D000', '42501'].includes((error as { code?: string }).code ?? '');
}

function isOutage(error: unknown): boolean {
  // A pool that waited in vain for a connection says so without a code.
  return isDatabaseOutage(error) || (error instanceof Error && !('code' in error));
}

function reasonOf(error: unknown): string {
  const { message, code, errors } = error as Error & { code?: string; errors?: Error[] };
  return message || errors?.[0]?.message || code || String(error);
}
