import type { DataSource } from 'typeorm';
import { createDataSource } from '../../src/store/data-source.js';
import { createTestDatabase } from './database.js';

const MEASURED_BY_TIME = ['rollups', 'edge_rollups', 'event_rollups', 'minute_rollups'];

/** A database of its own in which one tenant has one operation, and rollups of any time have a place. */
export interface OneOperation {
  db: DataSource;
  tenantId: number;
  operationId: number;
  drop(): Promise<void>;
}

export async function createOneOperation(name: string): Promise<OneOperation> {
  const tenantId = 7;
  const database = await createTestDatabase(name);
  const db = await createDataSource(database.url).initialize();
  await db.runMigrations();
  for (const table of MEASURED_BY_TIME) await db.query(`create table ${table}_rest partition of ${table} default`);
  const [{ id }] = await db.query<[{ id: number }]>(
    `with cart as (insert into services (tenant_id, name) values ($1, 'cart') returning id)
     insert into operations (tenant_id, service_id, kind, name) select $1, id, 2, 'GetCart' from cart returning id`,
    [tenantId],
  );
  const drop = async (): Promise<void> => {
    await db.destroy();
    await database.drop();
  };
  return { db, tenantId, operationId: id, drop };
}
