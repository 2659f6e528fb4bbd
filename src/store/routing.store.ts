import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { Rejected } from '../model/failure.js';
import type { Inhibition, Matcher, MuteTime, Routing, Silence, TimeInterval } from '../model/routing.js';

/** All that says who is told and who is not, as one moment sees it. `routing` is null while nobody has made a tree. */
export interface RoutingRules {
  routing: Routing | null;
  /** Those that are not over. */
  silences: Silence[];
  inhibitions: Inhibition[];
  muteTimes: MuteTime[];
}

interface RoutingRow {
  version: number;
  document: Omit<Routing, 'version'> | null;
}

interface SilenceRow {
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
    const inhibitions: (Omit<Inhibition, 'equal'> & { equal: string[] })[] = await db.query(
      `select id, name, source, target, equal from inhibitions where tenant_id = $1 order by created_at, id`,
      [tenantId],
    );
    const muteTimes: { name: string; intervals: TimeInterval[] }[] = await db.query(
      `select name, intervals from mute_times where tenant_id = $1 order by name`,
      [tenantId],
    );
    return { routing: await this.tree(tenantId, db), silences: silences.map(silenceOf), inhibitions, muteTimes };
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
