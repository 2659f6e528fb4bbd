import { Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { DataSource, type EntityManager } from 'typeorm';
import { Rejected } from '../model/failure.js';
import type { Severity } from '../model/incident.js';
import type { Rule } from '../model/rule.js';
import { isUniqueViolation } from './sql-state.js';

const MAX_RULES = 500;

export type RuleValues = Pick<Rule, 'name' | 'enabled' | 'services' | 'minSeverity' | 'channelIds'>;

interface Row {
  id: string;
  tenant_id: number;
  name: string;
  enabled: boolean;
  services: string[];
  min_severity: Severity;
  channel_ids: string[] | null;
}

/** Alert rules of a tenant. The default rule is made once for each tenant, at its first use; deleted, it stays away. */
@Injectable()
export class RuleStore {
  constructor(private readonly db: DataSource) {}

  /** All rules in the order of their making, the default rule first. */
  async list(tenantId: number, db: Pick<EntityManager, 'query'> = this.db): Promise<Rule[]> {
    await this.makeDefault(tenantId, db);
    const rows: Row[] = await db.query(`select * from rules where tenant_id = $1 order by created_at, id`, [tenantId]);
    return rows.map(toRule);
  }

  async get(tenantId: number, id: string): Promise<Rule> {
    const rows: Row[] = await this.db.query(`select * from rules where tenant_id = $1 and id = $2`, [tenantId, id]);
    return one(rows, id);
  }

  /** Throws Rejected 409 for a name in use and 422 beyond MAX_RULES. */
  async create(tenantId: number, values: RuleValues): Promise<Rule> {
    await this.makeDefault(tenantId, this.db);
    const rows: Row[] = await refuseTakenName(values.name, () =>
      this.db.query(
        `insert into rules (id, tenant_id, name, enabled, services, min_severity, channel_ids)
         select $1, $2::int4, $3, $4, $5, $6, $7
         where (select count(*) from rules where tenant_id = $2::int4) < $8
         returning *`,
        [randomUUID(), tenantId, ...columns(values), MAX_RULES],
      ),
    );
    if (!rows[0]) throw new Rejected('too_many', `a tenant may have ${MAX_RULES} rules; delete one first`, 422);
    return toRule(rows[0]);
  }

  async replace(tenantId: number, id: string, values: RuleValues): Promise<Rule> {
    const [rows]: [Row[], number] = await refuseTakenName(values.name, () =>
      this.db.query(
        `update rules set name = $3, enabled = $4, services = $5, min_severity = $6, channel_ids = $7, updated_at = now()
         where id = $1 and tenant_id = $2 returning *`,
        [id, tenantId, ...columns(values)],
      ),
    );
    return one(rows, id);
  }

  async delete(tenantId: number, id: string): Promise<void> {
    const [rows]: [Row[], number] = await this.db.query(
      `delete from rules where id = $1 and tenant_id = $2 returning *`,
      [id, tenantId],
    );
    one(rows, id);
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
  return [values.name, values.enabled, values.services, values.minSeverity, values.channelIds];
}

function one(rows: Row[], id: string): Rule {
  if (!rows[0]) throw new Rejected('not_found', `there is no rule ${id}`, 404);
  return toRule(rows[0]);
}

async function refuseTakenName<T>(name: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (isUniqueViolation(error)) throw new Rejected('conflict', `there is already a rule named ${name}`, 409, 'name');
    throw error;
  }
}

function toRule(row: Row): Rule {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    name: row.name,
    enabled: row.enabled,
    services: row.services,
    minSeverity: row.min_severity,
    channelIds: row.channel_ids,
  };
}
