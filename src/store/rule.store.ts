import { Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { DataSource, type EntityManager } from 'typeorm';
import { Rejected } from '../model/failure.js';
import type { Severity } from '../model/incident.js';
import { ANOMALY_DEFAULTS, type RuleSource, type RuleType, type RuleValues, type StoredRule } from '../model/rule.js';
import { isoUs } from './iso-time.js';
import { isUniqueViolation } from './sql-state.js';

export const MAX_RULES = 500;
/** How long a repeated request is given the answer of the first one. */
const REMEMBERED_H = 24;

const UPDATE = `
  update rules set name = $3, enabled = $4, type = $5, services = $6, min_severity = $7, channel_ids = $8, definition = $9,
         epoch = epoch + $10, source = $11, updated_at = now()
   where id = $1 and tenant_id = $2 returning *`;

interface Row {
  id: string;
  tenant_id: number;
  name: string;
  enabled: boolean;
  type: RuleType;
  services: string[];
  min_severity: Severity;
  channel_ids: string[] | null;
  definition: Record<string, unknown>;
  epoch: number;
  source: RuleSource;
}

/** A place in the list of rules. */
export interface RulePlace {
  createdAt: string;
  id: string;
}

/** Alert rules of a tenant. The default rule is made once for each tenant, at its first use; deleted, it stays away. */
@Injectable()
export class RuleStore {
  constructor(private readonly db: DataSource) {}

  /** All rules in the order of their making, the default rule first. */
  async list(tenantId: number, db: Pick<EntityManager, 'query'> = this.db): Promise<StoredRule[]> {
    await this.makeDefault(tenantId, db);
    const rows: Row[] = await db.query(`select * from rules where tenant_id = $1 order by created_at, id`, [tenantId]);
    return rows.map(toRule);
  }

  /** At most `limit` rules in the order of their making, after a place; each with its own. */
  async page(
    tenantId: number,
    limit: number,
    after: RulePlace | undefined,
    { type, enabled }: { type?: RuleType | undefined; enabled?: boolean | undefined } = {},
  ): Promise<{ rule: StoredRule; place: RulePlace }[]> {
    await this.makeDefault(tenantId, this.db);
    const rows: (Row & { place: string })[] = await this.db.query(
      `select *, ${isoUs('created_at')} as place from rules
        where tenant_id = $1 and ($3::timestamptz is null or (created_at, id) > ($3, $4::uuid))
          and ($5::text is null or type = $5) and ($6::boolean is null or enabled = $6)
        order by created_at, id limit $2`,
      [tenantId, limit, after?.createdAt ?? null, after?.id ?? null, type ?? null, enabled ?? null],
    );
    return rows.map((row) => ({ rule: toRule(row), place: { createdAt: row.place, id: row.id } }));
  }

  async get(tenantId: number, id: string): Promise<StoredRule> {
    const rows: Row[] = await this.db.query(`select * from rules where tenant_id = $1 and id = $2`, [tenantId, id]);
    return one(rows, id);
  }

  /**
   * Throws Rejected 409 for a name in use and 422 beyond MAX_RULES. A `key` that came before with the same values (`hash`) within a day gives
   * the rule that was made then, or 404 when it is gone; with other values it is 422.
   */
  async create(tenantId: number, values: RuleValues, once?: { key: string; hash: Buffer }): Promise<StoredRule> {
    await this.makeDefault(tenantId, this.db);
    return refuseTakenName(values.name, () =>
      this.db.transaction(async (tx) => {
        const id = randomUUID();
        if (once !== undefined) {
          const first = await this.firstOf(tx, tenantId, id, once);
          if (first !== id)
            return one(
              await tx.query(`select * from rules where tenant_id = $1 and id = $2`, [tenantId, first]),
              first,
            );
        }
        const rows: Row[] = await tx.query(
          `insert into rules (id, tenant_id, name, enabled, type, services, min_severity, channel_ids, definition)
           select $1, $2::int4, $3, $4, $5, $6, $7, $8, $9
           where (select count(*) from rules where tenant_id = $2::int4) < $10
           returning *`,
          [id, tenantId, ...columns(values), MAX_RULES],
        );
        if (!rows[0]) throw new Rejected('too_many', `a tenant may have ${MAX_RULES} rules; delete one first`, 422);
        return toRule(rows[0]);
      }),
    );
  }

  /**
   * Puts what `change` makes of the rule in its place, and says whether what it means has changed; `change` may throw to leave it. Nobody else
   * changes it meanwhile.
   */
  async replace(
    tenantId: number,
    id: string,
    change: (rule: StoredRule) => { values: RuleValues; isOther: boolean },
  ): Promise<StoredRule> {
    const taken = { name: id };
    return refuseTakenName(taken, () =>
      this.db.transaction(async (tx) => {
        const before = one(
          await tx.query(`select * from rules where tenant_id = $1 and id = $2 for update`, [tenantId, id]),
          id,
        );
        refuseOfFile(before);
        const { values, isOther } = change(before);
        taken.name = values.name;
        const [rows]: [Row[], number] = await tx.query(UPDATE, [
          id,
          tenantId,
          ...columns(values),
          isOther ? 1 : 0,
          'api',
        ]);
        return one(rows, id);
      }),
    );
  }

  /** `check` may throw to leave the rule where it is. */
  async delete(tenantId: number, id: string, check: (rule: StoredRule) => void = () => undefined): Promise<void> {
    await this.db.transaction(async (tx) => {
      const rule = one(
        await tx.query(`select * from rules where tenant_id = $1 and id = $2 for update`, [tenantId, id]),
        id,
      );
      refuseOfFile(rule);
      check(rule);
      await tx.query(`delete from rules where id = $1 and tenant_id = $2`, [id, tenantId]);
    });
  }

  /**
   * Makes the tenant's rules what `plan` wants of those that are there, and marks them as the file's, all at once. Of two processes one waits for the
   * other and finds nothing to do. Throws Rejected 422 beyond MAX_RULES.
   */
  async provision(
    tenantId: number,
    plan: (there: StoredRule[]) => {
      create: readonly RuleValues[];
      replace: readonly { id: string; values: RuleValues; isOther: boolean }[];
      deleteIds: readonly string[];
    },
  ): Promise<{ created: number; changed: number; deleted: number }> {
    return this.db.transaction(async (tx) => {
      await tx.query(`select from tenants where id = $1 for update`, [tenantId]);
      const there = await this.list(tenantId, tx);
      const { create, replace, deleteIds } = plan(there);
      if (there.length + create.length - deleteIds.length > MAX_RULES) {
        throw new Rejected('too_many', `a tenant may have ${MAX_RULES} rules, those of the API included`, 422);
      }
      await tx.query(`delete from rules where tenant_id = $1 and id = any($2::uuid[])`, [tenantId, deleteIds]);
      for (const { id, values, isOther } of replace) {
        await tx.query(UPDATE, [id, tenantId, ...columns(values), isOther ? 1 : 0, 'file']);
      }
      for (const values of create) {
        await tx.query(
          // By the clock and not by the transaction, so that they are listed as the file has them.
          `insert into rules (id, tenant_id, name, enabled, type, services, min_severity, channel_ids, definition, created_at, source)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, clock_timestamp(), 'file')`,
          [randomUUID(), tenantId, ...columns(values)],
        );
      }
      return { created: create.length, changed: replace.length, deleted: deleteIds.length };
    });
  }

  /** Leaves the rules of a file that is no more to whoever has the API. */
  async release(tenantId: number): Promise<void> {
    await this.db.query(`update rules set source = 'api' where tenant_id = $1 and source = 'file'`, [tenantId]);
  }

  /** The rule of the first request with this key: `id` when that is this one. A second one at the same time waits for the first. */
  private async firstOf(
    tx: EntityManager,
    tenantId: number,
    id: string,
    { key, hash }: { key: string; hash: Buffer },
  ): Promise<string> {
    await tx.query(
      `delete from idempotency_keys where tenant_id = $1 and created_at < now() - make_interval(hours => ${REMEMBERED_H})`,
      [tenantId],
    );
    await tx.query(
      `insert into idempotency_keys (tenant_id, key, body_hash, rule_id) values ($1, $2, $3, $4) on conflict do nothing`,
      [tenantId, key, hash, id],
    );
    const [row]: { rule_id: string; body_hash: Buffer }[] = await tx.query(
      `select rule_id, body_hash from idempotency_keys where tenant_id = $1 and key = $2`,
      [tenantId, key],
    );
    if (row !== undefined && !row.body_hash.equals(hash)) {
      throw new Rejected('key_reused', 'this Idempotency-Key came with another rule before; use a new one', 422);
    }
    return row?.rule_id ?? id;
  }

  private async makeDefault(tenantId: number, db: Pick<EntityManager, 'query'>): Promise<void> {
    // The tenant's mark is set by the statement that makes the rule: of two at once, one makes it.
    await db.query(
      `with first_use as (
         update tenants set default_rule_at = now() where id = $1 and default_rule_at is null returning id
       )
       insert into rules (id, tenant_id, name, services, min_severity)
       select $2::uuid, id, 'default', array['*'], 'warning' from first_use
       on conflict (tenant_id, name) do nothing`,
      [tenantId, randomUUID()],
    );
  }
}

function columns(values: RuleValues): unknown[] {
  const { name, enabled, type, services, channelIds, ...definition } = values;
  const minSeverity = values.type === 'anomaly' ? values.minSeverity : 'info';
  return [name, enabled, type, services, minSeverity, channelIds, JSON.stringify(definition)];
}

function refuseOfFile({ name, source }: StoredRule): void {
  if (source !== 'file') return;
  const message = `the rule ${name} stands in the rules file of this service (TRACEHOUND_RULES_FILE); change it there`;
  throw new Rejected('managed_by_file', message, 409);
}

function one(rows: Row[], id: string): StoredRule {
  if (!rows[0]) throw new Rejected('not_found', `there is no rule ${id}`, 404);
  return toRule(rows[0]);
}

async function refuseTakenName<T>(name: string | { name: string }, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    const taken = typeof name === 'string' ? name : name.name;
    throw new Rejected('conflict', `there is already a rule named ${taken}`, 409, 'name');
  }
}

function toRule(row: Row): StoredRule {
  return {
    ...(row.type === 'anomaly' && ANOMALY_DEFAULTS),
    ...row.definition,
    id: row.id,
    tenantId: row.tenant_id,
    name: row.name,
    enabled: row.enabled,
    type: row.type,
    services: row.services,
    channelIds: row.channel_ids,
    epoch: row.epoch,
    source: row.source,
    ...(row.type === 'anomaly' && { minSeverity: row.min_severity }),
  } as StoredRule;
}
