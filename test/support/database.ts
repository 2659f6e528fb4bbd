import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

const INSUFFICIENT_PRIVILEGE = '42501';

export interface TestDatabase {
  url: string;
  drop(): Promise<void>;
}

/**
 * Creates a database of its own for one test file on the server of TEST_DATABASE_URL: empty, or a copy of the database
 * `cloneFrom`, to which nobody may be connected meanwhile. `drop` removes it, open connections or not.
 */
export async function createTestDatabase(name: string, options: { cloneFrom?: string } = {}): Promise<TestDatabase> {
  const server = process.env['TEST_DATABASE_URL'];
  if (!server) throw new Error('TEST_DATABASE_URL is not set: run system tests with "npm test", which sets it');
  const readable = name.toLowerCase().replace(/[^a-z0-9]+/g, '_');
  const database = `test_${readable.slice(0, 40)}_${randomBytes(5).toString('hex')}`;
  const template = options.cloneFrom === undefined ? '' : ` TEMPLATE ${pg.escapeIdentifier(options.cloneFrom)}`;
  await run(server, `CREATE DATABASE ${database}${template}`);
  const url = new URL(server);
  url.pathname = `/${database}`;
  return { url: url.href, drop: () => drop(server, database) };
}

/** A worker of autovacuum may not be ended by this role, and ends by itself. */
async function drop(server: string, database: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await run(server, `DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
      return;
    } catch (error) {
      if (attempt === 20 || !(error instanceof pg.DatabaseError && error.code === INSUFFICIENT_PRIVILEGE)) throw error;
      await sleep(250);
    }
  }
}

async function run(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
