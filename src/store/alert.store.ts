import { Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';
import { DataSource, type EntityManager } from 'typeorm';
import type { Alert, AlertState, AlertTransition } from '../model/alert.js';
import type { Instance, Memory } from '../model/alert-memory.js';
import type { Notice } from '../model/notice.js';
import { epochMs } from './epoch-ms.js';

/** The columns of an `Alert`, in the names of the model. */
export const ALERT_COLUMNS = `
  id, tenant_id as "tenantId", rule_id as "ruleId", incident_id as "incidentId", state, labels, annotations, figures, exemplars,
  ${epochMs('active_at')} as "activeAtMs", ${epochMs('fired_at')} as "firedAtMs", ${epochMs('ends_at')} as "endsAtMs",
  generator_url as "generatorUrl", sequence`;

/** Alerts, and every change of their state: what routing works on. */
@Injectable()
export class AlertStore {
  constructor(private readonly db: DataSource) {}

  /** The alerts that rules have of an incident. */
  async ofIncident(tenantId: number, incidentId: string, db: Pick<EntityManager, 'query'> = this.db): Promise<Alert[]> {
    return db.query(`select ${ALERT_COLUMNS} from alerts where tenant_id = $1 and incident_id = $2 order by id`, [
      tenantId,
      incidentId,
    ]);
  }

  /** Alerts of rules of which something is remembered between evaluations. */
  async remembered(tenantId: number): Promise<Instance[]> {
    const rows: (Alert & { memory: Memory; epoch: number })[] = await this.db.query(
      `select ${ALERT_COLUMNS}, memory, rule_epoch as epoch from alerts where tenant_id = $1 and memory is not null order by id`,
      [tenantId],
    );
    return rows.map(({ memory, epoch, ...alert }) => ({ alert, memory, epoch }));
  }

  /** How far those of the alerts have come that are there. */
  async standing(
    tenantId: number,
    ids: readonly string[],
  ): Promise<Map<string, { sequence: number; state: AlertState }>> {
    if (ids.length === 0) return new Map();
    const rows: { id: string; sequence: number; state: AlertState }[] = await this.db.query(
      `select id, sequence, state from alerts where tenant_id = $1 and id = any($2::uuid[])`,
      [tenantId, ids],
    );
    return new Map(rows.map(({ id, sequence, state }) => [id, { sequence, state }]));
  }

  /** Transitions of the alerts of a rule, newest first. */
  async history(tenantId: number, ruleId: string, limit: number, before: Date | undefined): Promise<AlertTransition[]> {
    const rows: (Omit<AlertTransition, 'atMs'> & { atMs: string })[] = await this.db.query(
      `select t.alert_id as "alertId", t.sequence, extract(epoch from t.at) * 1000 as "atMs", t.from_state as "from", t.to_state as "to",
              t.reason, t.snapshot
         from alert_transitions t
        where t.tenant_id = $1 and t.snapshot ->> 'ruleId' = $2 and ($4::timestamptz is null or t.at < $4)
        order by t.at desc, t.alert_id, t.sequence desc limit $3`,
      [tenantId, ruleId, limit, before ?? null],
    );
    return rows.map((row) => ({ ...row, atMs: Number(row.atMs) }));
  }

  /** The states of the alerts of a rule as they were at an instant, by alert; one that had none is missing. */
  async statesAt(tenantId: number, ruleId: string, at: Date): Promise<Map<string, AlertState>> {
    const rows: { id: string; state: AlertState }[] = await this.db.query(
      `select distinct on (alert_id) alert_id as id, to_state as state from alert_transitions
        where tenant_id = $1 and snapshot ->> 'ruleId' = $2 and at <= $3 order by alert_id, sequence desc`,
      [tenantId, ruleId, at],
    );
    return new Map(rows.map(({ id, state }) => [id, state]));
  }

  /** When alerts of these rules began to fire in [from, to], by rule. */
  async fired(tenantId: number, ruleIds: readonly string[], from: Date, to: Date): Promise<Map<string, number[]>> {
    const rows: { rule: string; at: number[] }[] = await this.db.query(
      `select snapshot ->> 'ruleId' as rule, array_agg((extract(epoch from at) * 1000)::float8) as at from alert_transitions
        where tenant_id = $1 and at >= $2 and at <= $3 and to_state = 'firing' and from_state <> 'firing' and from_state <> 'recovering'
          and snapshot ->> 'ruleId' = any($4)
        group by 1`,
      [tenantId, from, to, ruleIds],
    );
    return new Map(rows.map(({ rule, at }) => [rule, at]));
  }

  /** Writes what an evaluation made of alerts; what need not be remembered has no memory. */
  async saveEvaluated(
    tx: EntityManager,
    tenantId: number,
    instances: readonly { alert: Alert; memory: Memory | null; epoch: number }[],
    transitions: readonly AlertTransition[],
  ): Promise<void> {
    if (instances.length === 0) return;
    await this.save(
      tx,
      instances.map(({ alert }) => alert),
    );
    await tx.query(
      `update alerts a set memory = v.memory, rule_epoch = v.epoch
         from unnest($2::uuid[], $3::jsonb[], $4::int4[]) v (id, memory, epoch)
        where a.tenant_id = $1 and a.id = v.id`,
      [
        tenantId,
        instances.map(({ alert }) => alert.id),
        instances.map(({ memory }) => (memory === null ? null : JSON.stringify(memory))),
        instances.map(({ epoch }) => epoch),
      ],
    );
    await this.addTransitions(tx, tenantId, transitions, null);
  }

  /** Writes transitions, and the alerts as they stand after them; a transition that is there already stays as it was. */
  async apply(
    tx: EntityManager,
    tenantId: number,
    transitions: readonly AlertTransition[],
    notice: Notice | null,
  ): Promise<void> {
    if (transitions.length === 0) return;
    await this.save(
      tx,
      transitions.map(({ snapshot }) => snapshot),
    );
    await this.addTransitions(tx, tenantId, transitions, notice);
  }

  private async addTransitions(
    tx: EntityManager,
    tenantId: number,
    transitions: readonly AlertTransition[],
    notice: Notice | null,
  ): Promise<void> {
    if (transitions.length === 0) return;
    await tx.query(
      `insert into alert_transitions (tenant_id, alert_id, sequence, at, from_state, to_state, reason, snapshot, notice)
       select $1, *, $9::jsonb from unnest($2::uuid[], $3::int4[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::jsonb[])
       on conflict do nothing`,
      [
        tenantId,
        transitions.map(({ alertId }) => alertId),
        transitions.map(({ sequence }) => sequence),
        transitions.map(({ atMs }) => new Date(atMs)),
        transitions.map(({ from }) => from),
        transitions.map(({ to }) => to),
        transitions.map(({ reason }) => reason),
        transitions.map(({ snapshot }) => JSON.stringify(snapshot)),
        notice === null ? null : JSON.stringify(notice),
      ],
    );
  }

  private async save(tx: EntityManager, alerts: readonly Alert[]): Promise<void> {
    // Of several steps of one alert the last one stands.
    const last = [...new Map(alerts.map((alert) => [alert.id, alert])).values()];
    await tx.query(
      `insert into alerts as a (id, tenant_id, rule_id, incident_id, state, labels, annotations, figures, exemplars,
                                active_at, fired_at, ends_at, generator_url, sequence)
       select * from unnest($1::uuid[], $2::int4[], $3::uuid[], $4::uuid[], $5::text[], $6::jsonb[], $7::jsonb[], $8::jsonb[],
                            $9::jsonb[], $10::timestamptz[], $11::timestamptz[], $12::timestamptz[], $13::text[], $14::int4[])
       on conflict (tenant_id, id) do update
          set state = excluded.state, labels = excluded.labels, annotations = excluded.annotations, figures = excluded.figures,
              exemplars = excluded.exemplars, active_at = excluded.active_at, fired_at = excluded.fired_at,
              ends_at = excluded.ends_at, generator_url = excluded.generator_url, sequence = excluded.sequence,
              updated_at = now()
        where a.sequence <= excluded.sequence`,
      [
        last.map(({ id }) => id),
        last.map(({ tenantId }) => tenantId),
        last.map(({ ruleId }) => ruleId),
        last.map(({ incidentId }) => incidentId),
        last.map(({ state }) => state),
        last.map(({ labels }) => JSON.stringify(labels)),
        last.map(({ annotations }) => JSON.stringify(annotations)),
        last.map(({ figures }) => (figures === null ? null : JSON.stringify(figures))),
        last.map(({ exemplars }) => JSON.stringify(exemplars)),
        last.map(({ activeAtMs }) => new Date(activeAtMs)),
        last.map(({ firedAtMs }) => (firedAtMs === null ? null : new Date(firedAtMs))),
        last.map(({ endsAtMs }) => (endsAtMs === null ? null : new Date(endsAtMs))),
        last.map(({ generatorUrl }) => generatorUrl),
        last.map(({ sequence }) => sequence),
      ],
    );
  }
}

/** The same id for the same alert, however often it is decided: a version 8 UUID over tenant, rule and what tells its alerts apart. */
export function alertId(tenantId: number, ruleId: string, identity: string): string {
  const bytes = createHash('sha256').update(`alert ${tenantId} ${ruleId} ${identity}`).digest();
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}
