import { Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { DataSource, type EntityManager } from 'typeorm';
import { Rejected } from '../model/failure.js';
import type { Inhibition, Matcher, MuteTime, Routing, Silence } from '../model/routing.js';
import { isUniqueViolation } from './sql-state.js';

/** All that says who is told and who is not, as one moment sees it. `routing` is null while nobody has made a tree. */
export interface RoutingRules {
  routing: Routing | null;
  /** Those that are not over. */
  silences: Silence[];
  inhibitions: Inhibition[];
  muteTimes: MuteTime[];
}

const MAX_MUTE_TIMES = 200;
const MAX_INHIBITIONS = 500;

interface RoutingRow {
  version: number;
  document: Omit<Routing, 'version'> | null;
}

export interface SilenceRow {
  id: string;
  matchers: Matcher[];
  starts_at: Date;
  ends_at: Date;
  created_by: string;
  comment: string;
  updated_at: Date;
}

type Queries = Pick<EntityManager, 'query'>;

/** A tenant's routing tree, and all rules that routing follows. */
@Injectable()
export class RoutingStore {
  constructor(private readonly db: DataSource) {}

  async rules(tenantId: number, nowMs: number, db: Queries = this.db): Promise<RoutingRules> {
    const silences: SilenceRow[] = await db.query(
      `select * from silences where tenant_id = $1 and ends_at > $2 order by starts_at, id`,
      [tenantId, new Date(nowMs)],
    );
    return {
      routing: await this.tree(tenantId, db),
      silences: silences.map(silenceOf),
      inhibitions: await this.inhibitions(tenantId, db),
      muteTimes: await this.muteTimes(tenantId, db),
    };
  }

  /** The oldest first. */
  inhibitions(tenantId: number, db: Queries = this.db): Promise<Inhibition[]> {
    return db.query(
      `select id, name, source, target, equal from inhibitions where tenant_id = $1 order by created_at, id`,
      [tenantId],
    );
  }

  /** By name. */
  muteTimes(tenantId: number, db: Queries = this.db): Promise<MuteTime[]> {
    return db.query(`select name, intervals from mute_times where tenant_id = $1 order by name`, [tenantId]);
  }

  /** The tree that somebody made; null: nobody has. */
  async tree(tenantId: number, db: Queries = this.db): Promise<Routing | null> {
    const rows: RoutingRow[] = await db.query(`select version, document from routing where tenant_id = $1`, [tenantId]);
    const row = rows[0];
    return row?.document ? { ...row.document, version: row.version } : null;
  }

  /** Of the tree, also when there is none any more: a deleted one leaves its number behind. */
  async version(tenantId: number): Promise<number> {
    const rows: RoutingRow[] = await this.db.query(`select version from routing where tenant_id = $1`, [tenantId]);
    return rows[0]?.version ?? 0;
  }

  /**
   * Puts a tree in the place of the last, or with null the default one. Throws Rejected 412 when `expected` is given and is not the version
   * that stands. Returns the new version.
   */
  async replace(
    tenantId: number,
    document: Omit<Routing, 'version'> | null,
    expected: number | null,
    by: string,
  ): Promise<number> {
    return this.db.transaction(async (tx) => {
      await lockRouting(tx, tenantId);
      const [row]: { version: number }[] = await tx.query(`select version from routing where tenant_id = $1`, [
        tenantId,
      ]);
      if (expected !== null && row?.version !== expected) {
        const message = `the routes are at version ${row?.version ?? 0} by now; read them again and repeat the change`;
        throw new Rejected('precondition_failed', message, 412);
      }
      const [[updated]]: [{ version: number }[], number] = await tx.query(
        `update routing set version = version + 1, document = $2, updated_at = now(), updated_by = $3
         where tenant_id = $1 returning version`,
        [tenantId, document === null ? null : JSON.stringify(document), by],
      );
      return updated!.version;
    });
  }

  /** Makes it or changes it. Throws Rejected 422 beyond MAX_MUTE_TIMES. */
  async putMuteTime(tenantId: number, { name, intervals }: MuteTime): Promise<void> {
    await this.db.transaction(async (tx) => {
      await markStale(tx, tenantId);
      const rows: unknown[] = await tx.query(
        `insert into mute_times (tenant_id, name, intervals)
         select $1::int4, $2::text, $3::jsonb
         where (select count(*) from mute_times where tenant_id = $1::int4 and name <> $2::text) < $4
         on conflict (tenant_id, name) do update set intervals = excluded.intervals, updated_at = now() returning name`,
        [tenantId, name, JSON.stringify(intervals), MAX_MUTE_TIMES],
      );
      if (rows.length === 0) {
        throw new Rejected('too_many', `a tenant may have ${MAX_MUTE_TIMES} mute times; delete one first`, 422);
      }
    });
  }

  async deleteMuteTime(tenantId: number, name: string): Promise<void> {
    await this.deleted(tenantId, `delete from mute_times where tenant_id = $1 and name = $2`, name, 'mute time');
  }

  /** Throws Rejected 409 for a name in use and 422 beyond MAX_INHIBITIONS. */
  async createInhibition(tenantId: number, values: Omit<Inhibition, 'id'>): Promise<Inhibition> {
    const id = randomUUID();
    const { name, source, target, equal } = values;
    return this.db.transaction(async (tx) => {
      await markStale(tx, tenantId);
      const rows: { id: string }[] = await refuseTakenName(name, () =>
        tx.query(
          `insert into inhibitions (tenant_id, id, name, source, target, equal)
           select $1::int4, $2, $3, $4, $5, $6 where (select count(*) from inhibitions where tenant_id = $1::int4) < $7 returning id`,
          [tenantId, id, name, JSON.stringify(source), JSON.stringify(target), equal, MAX_INHIBITIONS],
        ),
      );
      if (!rows[0])
        throw new Rejected('too_many', `a tenant may have ${MAX_INHIBITIONS} inhibitions; delete one first`, 422);
      return { id, ...values };
    });
  }

  async replaceInhibition(tenantId: number, inhibition: Inhibition): Promise<void> {
    const { id, name, source, target, equal } = inhibition;
    await this.db.transaction(async (tx) => {
      await markStale(tx, tenantId);
      const [, changed]: [unknown[], number] = await refuseTakenName(name, () =>
        tx.query(
          `update inhibitions set name = $3, source = $4, target = $5, equal = $6, updated_at = now() where tenant_id = $1 and id = $2`,
          [tenantId, id, name, JSON.stringify(source), JSON.stringify(target), equal],
        ),
      );
      if (changed === 0) throw new Rejected('not_found', `there is no inhibition ${id}`, 404);
    });
  }

  async deleteInhibition(tenantId: number, id: string): Promise<void> {
    await this.deleted(tenantId, `delete from inhibitions where tenant_id = $1 and id = $2`, id, 'inhibition');
  }

  private async deleted(tenantId: number, sql: string, name: string, what: string): Promise<void> {
    await this.db.transaction(async (tx) => {
      const [, deleted]: [unknown[], number] = await tx.query(sql, [tenantId, name]);
      if (deleted === 0) throw new Rejected('not_found', `there is no ${what} ${name}`, 404);
      await markStale(tx, tenantId);
    });
  }
}

async function refuseTakenName<T>(name: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (isUniqueViolation(error))
      throw new Rejected('conflict', `there is already an inhibition named ${name}`, 409, 'name');
    throw error;
  }
}

/** Makes whoever routes for the tenant, or changes how, wait for each other until the transaction ends. */
export async function lockRouting(tx: Queries, tenantId: number): Promise<void> {
  await tx.query(`insert into routing (tenant_id) values ($1) on conflict do nothing`, [tenantId]);
  await tx.query(`select from routing where tenant_id = $1 for update`, [tenantId]);
}

/** Notes that what is held back may be due, or the other way round: the next one who routes looks at every group again. */
export async function markStale(db: Queries, tenantId: number): Promise<void> {
  await db.query(
    `insert into routing (tenant_id, is_stale) values ($1, true) on conflict (tenant_id) do update set is_stale = true`,
    [tenantId],
  );
}

export function silenceOf(row: SilenceRow): Silence {
  return {
    id: row.id,
    matchers: row.matchers,
    startsAtMs: row.starts_at.getTime(),
    endsAtMs: row.ends_at.getTime(),
    createdBy: row.created_by,
    comment: row.comment,
    updatedAtMs: row.updated_at.getTime(),
  };
}
