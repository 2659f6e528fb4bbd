import pg from 'pg';
import { createTestDatabase } from '../support/database.js';
import { startService, type Service } from '../support/service.js';
import { QueryRows } from './query-rows.js';

/** There is a key from the start, so that no request without one is ever answered. */
export const ADMIN_KEY = `th_00000000_${'a'.repeat(43)}`;

export interface QueriedService {
  service: Service;
  db: pg.Client;
  rows: QueryRows;
  close(): Promise<void>;
}

/** A service that receives and answers but works nothing out, on a database of its own whose rows a test writes. What was opened is closed if the rest fails. */
export async function openQueriedService(name: string, env: Record<string, string> = {}): Promise<QueriedService> {
  const opened: (() => Promise<void>)[] = [];
  const close = async () => {
    for (const end of opened.splice(0).reverse()) await end();
  };
  try {
    const database = await createTestDatabase(name);
    opened.push(() => database.drop());
    const roles = { ROLES: 'ingest,api', TRACEHOUND_ADMIN_KEY: ADMIN_KEY };
    const service = await startService({ databaseUrl: database.url, env: { ...roles, ...env } });
    opened.push(async () => void (await service.stop()));
    const db = new pg.Client({ connectionString: database.url });
    opened.push(() => db.end());
    await db.connect();
    return { service, db, rows: new QueryRows(db), close };
  } catch (error) {
    await close();
    throw error;
  }
}
