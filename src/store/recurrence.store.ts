import { Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';
import { DataSource, type EntityManager } from 'typeorm';
import { Rejected } from '../model/failure.js';
import type { Recurrence } from '../model/recurrence.js';
import { markStale } from './routing.store.js';

type Queries = Pick<EntityManager, 'query'>;

const COLUMNS = `id, key, rule_id as "ruleId", labels, severity, strength, mute, held,
  array(select extract(epoch from b)::float8 * 1000 from unnest(begins) b) as "beginsMs"`;
const MOST = 1_000;

/** What keeps coming back, as people look at it. */
@Injectable()
export class RecurrenceStore {
  constructor(private readonly db: DataSource) {}

  /** Those that are muted at `nowMs`, the last to end first. */
  async muted(tenantId: number, nowMs: number, db: Queries = this.db): Promise<(Recurrence & { id: string })[]> {
    return db.query(
      `select ${COLUMNS} from recurrences
        where tenant_id = $1 and mute is not null and (mute ->> 'untilMs')::float8 > $2
        order by (mute ->> 'untilMs')::float8 desc, id limit ${MOST}`,
      [tenantId, nowMs],
    );
  }

  /** Has it told again, and counted from the beginning. Throws Rejected 404 when it is not muted. */
  async lift(tenantId: number, id: string, nowMs: number): Promise<void> {
    await this.db.transaction(async (tx) => {
      await markStale(tx, tenantId);
      const [, lifted]: [unknown[], number] = await tx.query(
        `update recurrences set mute = null, begins = '{}', held = 0
          where tenant_id = $1 and id = $2 and mute is not null and (mute ->> 'untilMs')::float8 > $3`,
        [tenantId, id, nowMs],
      );
      if (lifted === 0) throw new Rejected('not_found', `no alerts are muted under ${id}`, 404, 'id');
    });
  }
}

/** Those of these keys that are known. */
export async function knownRecurrences(
  tx: Queries,
  tenantId: number,
  keys: readonly string[],
): Promise<Map<string, Recurrence>> {
  if (keys.length === 0) return new Map();
  const rows: (Recurrence & { id: string })[] = await tx.query(
    `select ${COLUMNS} from recurrences where tenant_id = $1 and id = any ($2::uuid[])`,
    [tenantId, keys.map((key) => recurrenceId(tenantId, key))],
  );
  return new Map(rows.map(({ id: _id, ...recurrence }) => [recurrence.key, recurrence]));
}

export async function saveRecurrences(
  tx: Queries,
  tenantId: number,
  recurrences: readonly Recurrence[],
): Promise<void> {
  if (recurrences.length === 0) return;
  await tx.query(
    `insert into recurrences as r (tenant_id, id, key, rule_id, labels, begins, severity, strength, mute, held, last_at)
     select $1, n.id, n.key, n."ruleId", n.labels, begun.all, n.severity, n.strength, nullif(n.mute, 'null'), n.held, begun.last
       from jsonb_to_recordset($2::jsonb) as n (id uuid, key text, "ruleId" uuid, labels jsonb, "beginsMs" float8[], severity text,
                                                strength float8, mute jsonb, held int4)
       cross join lateral (
         select array_agg(to_timestamp(ms / 1000.0) order by ms) as all, to_timestamp(max(ms) / 1000.0) as last
           from unnest(n."beginsMs") ms) begun
     on conflict (tenant_id, id) do update
        set labels = excluded.labels, begins = excluded.begins, severity = excluded.severity, strength = excluded.strength,
            mute = excluded.mute, held = excluded.held, last_at = excluded.last_at`,
    [tenantId, JSON.stringify(recurrences.map((each) => ({ id: recurrenceId(tenantId, each.key), ...each })))],
  );
}

/** The same for the same key: a version 8 UUID. */
function recurrenceId(tenantId: number, key: string): string {
  const bytes = createHash('sha256').update(`recurrence ${tenantId} ${key}`).digest();
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}
