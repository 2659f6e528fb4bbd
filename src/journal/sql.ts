import pg from 'pg';

/** Runs SQL; a DataSource of TypeORM can do that too. */
export interface Sql {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- Rows are what the statement says.
  query(sql: string, parameters?: unknown[]): Promise<any>;
}

export interface SqlDatabase extends Sql {
  transaction<T>(work: (tx: Sql) => Promise<T>): Promise<T>;
}

const CONNECT_TIMEOUT_MS = 5_000;

/** A few connections without TypeORM, whose code is most of what an ingest thread would otherwise hold in memory. */
export class SqlPool implements SqlDatabase {
  private readonly pool: pg.Pool;

  constructor(databaseUrl: string, connections: number, onTrouble: (error: Error) => void) {
    this.pool = new pg.Pool({
      connectionString: databaseUrl,
      max: connections,
      application_name: 'tracehound-names',
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      options: '-c timezone=UTC -c citus.multi_shard_modify_mode=sequential',
    });
    this.pool.on('error', onTrouble);
  }

  async query(sql: string, parameters?: unknown[]): Promise<unknown[]> {
    return (await this.pool.query(sql, parameters)).rows;
  }

  async transaction<T>(work: (tx: Sql) => Promise<T>): Promise<T> {
    const client = await this.pool.connect();
    let isBroken = false;
    try {
      await client.query('begin');
      const result = await work({ query: async (sql, parameters) => (await client.query(sql, parameters)).rows });
      await client.query('commit');
      return result;
    } catch (error) {
      isBroken = !(error instanceof pg.DatabaseError);
      if (!isBroken) await client.query('rollback').catch(() => (isBroken = true));
      throw error;
    } finally {
      client.release(isBroken);
    }
  }

  async close(): Promise<void> {
    await this.pool.end();
  }
}
