import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { Alert, AlertTransition } from '../model/alert.js';
import { ALERT_COLUMNS, alertId, AlertStore } from './alert.store.js';
import { epochMs } from './epoch-ms.js';

/** An alert as somebody else sends it; it fires while `endsAtMs` lies ahead. */
export interface OutsideAlert {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  startsAtMs: number;
  endsAtMs: number;
  /** Nobody gave the end: it is when the alert is over unless it is sent again. */
  endsByTimeout: boolean;
  generatorUrl: string | null;
}

/** Alerts that others sent to us: they have no rule, their labels are their identity, and they end when nobody sends them again. */
@Injectable()
export class OutsideAlertStore {
  constructor(
    private readonly db: DataSource,
    private readonly alerts: AlertStore,
  ) {}

  /** Takes alerts in. One that is sent again moves its end; a change of annotations is a step of its own. */
  async receive(tenantId: number, sent: readonly OutsideAlert[], nowMs: number): Promise<void> {
    const byId = new Map(sent.map((each) => [alertId(tenantId, 'outside', identity(each.labels)), each]));
    await this.db.transaction(async (tx) => {
      const known: KnownAlert[] = await tx.query(
        `select ${ALERT_COLUMNS}, ends_by_timeout as "endsByTimeout" from alerts where tenant_id = $1 and id = any ($2) order by id for update`,
        [tenantId, [...byId.keys()]],
      );
      const before = new Map(known.map((alert) => [alert.id, alert]));
      const steps: AlertTransition[] = [];
      const firing: { id: string; endsAtMs: number; endsByTimeout: boolean }[] = [];
      for (const [id, each] of byId) {
        const known = before.get(id) ?? null;
        const merged = { ...each, ...endOf(each, known, nowMs) };
        const step = stepOf(tenantId, id, merged, known, nowMs);
        if (step !== 'prolonged' && step !== null) steps.push(step);
        if (merged.endsAtMs > nowMs) firing.push({ id, ...merged });
      }
      await this.alerts.apply(tx, tenantId, steps, null);
      if (firing.length === 0) return;
      await tx.query(
        `update alerts a set ends_at = f.ends_at, ends_by_timeout = f.by_timeout, updated_at = now()
         from unnest($2::uuid[], $3::timestamptz[], $4::bool[]) f (id, ends_at, by_timeout)
         where a.tenant_id = $1 and a.id = f.id`,
        [
          tenantId,
          firing.map(({ id }) => id),
          firing.map(({ endsAtMs }) => new Date(endsAtMs)),
          firing.map(({ endsByTimeout }) => endsByTimeout),
        ],
      );
    });
  }

  /** Ends what nobody has sent again in time. */
  async expire(tx: EntityManager, tenantId: number, nowMs: number): Promise<boolean> {
    const over: Alert[] = await tx.query(
      `select ${ALERT_COLUMNS} from alerts where tenant_id = $1 and rule_id is null and state = 'firing' and ends_at <= $2
       order by id limit 1000 for update skip locked`,
      [tenantId, new Date(nowMs)],
    );
    const steps = over.map((alert) => ended(alert, alert.endsAtMs ?? nowMs, 'not sent again'));
    await this.alerts.apply(tx, tenantId, steps, null);
    return steps.length > 0;
  }

  /** All that fires, from rules and from outside, at most `limit`; and when each was last changed. */
  async firing(tenantId: number, limit: number): Promise<(Alert & { updatedAtMs: number; isRouted: boolean })[]> {
    return this.db.query(
      `select ${ALERT_COLUMNS}, ${epochMs('updated_at')} as "updatedAtMs",
         exists (select from routed_alerts r where r.tenant_id = a.tenant_id and r.alert_id = a.id and r.is_firing) as "isRouted"
       from alerts a where tenant_id = $1 and state in ('firing', 'recovering') order by fired_at, id limit $2`,
      [tenantId, limit],
    );
  }
}

type KnownAlert = Alert & { endsByTimeout: boolean };

/** The end of what fires, as Alertmanager merges: one that somebody gave stands while it is the latest. What is sent as over is over. */
function endOf(
  sent: OutsideAlert,
  known: KnownAlert | null,
  nowMs: number,
): Pick<OutsideAlert, 'endsAtMs' | 'endsByTimeout'> {
  const isGiven = known?.state === 'firing' && !known.endsByTimeout && known.endsAtMs !== null;
  if (!isGiven || sent.endsAtMs <= nowMs || sent.endsAtMs >= known.endsAtMs!) return sent;
  return { endsAtMs: known.endsAtMs!, endsByTimeout: false };
}

/**
 * What comes of an alert that was sent, merged with what is known as Alertmanager merges: the earliest beginning, the latest end of those
 * that are over, and the annotations that came last. Null: there is nothing to end.
 */
function stepOf(
  tenantId: number,
  id: string,
  sent: OutsideAlert,
  before: Alert | null,
  nowMs: number,
): AlertTransition | 'prolonged' | null {
  const isOver = sent.endsAtMs <= nowMs;
  const same = before !== null && (before.state === 'firing' || overlaps(sent, before)) ? before : null;
  if (isOver && same === null) return null;
  const activeAtMs = Math.min(same?.activeAtMs ?? Infinity, sent.startsAtMs);
  const isNews = activeAtMs !== same?.activeAtMs || !sameLabels(same.annotations, sent.annotations);
  const wasFiring = before?.state === 'firing';
  if (isOver) {
    const endsAtMs = wasFiring ? sent.endsAtMs : Math.max(same?.endsAtMs ?? -Infinity, sent.endsAtMs);
    if (!wasFiring && !isNews && endsAtMs === same?.endsAtMs) return null;
    const { annotations, generatorUrl } = sent;
    return ended({ ...same!, activeAtMs, annotations, generatorUrl }, endsAtMs, 'resolved');
  }
  if (wasFiring && !isNews) return 'prolonged';
  const sequence = (before?.sequence ?? 0) + 1;
  const snapshot: Alert = {
    id,
    tenantId,
    ruleId: null,
    incidentId: null,
    state: 'firing',
    labels: sent.labels,
    annotations: sent.annotations,
    figures: null,
    exemplars: [],
    activeAtMs,
    firedAtMs: wasFiring ? before.firedAtMs : nowMs,
    endsAtMs: sent.endsAtMs,
    generatorUrl: sent.generatorUrl,
    sequence,
  };
  const reason = wasFiring ? 'updated' : 'sent';
  return { alertId: id, sequence, atMs: nowMs, from: before?.state ?? 'inactive', to: 'firing', reason, snapshot };
}

/** Whether one ends or begins within the other: then they are the same alert, though that one is over. */
function overlaps({ startsAtMs, endsAtMs }: OutsideAlert, { activeAtMs, endsAtMs: overMs }: Alert): boolean {
  if (overMs === null) return false;
  return (startsAtMs >= activeAtMs && startsAtMs < overMs) || (endsAtMs > activeAtMs && endsAtMs < overMs);
}

function ended(alert: Alert, endsAtMs: number, reason: string): AlertTransition {
  const sequence = alert.sequence + 1;
  const snapshot: Alert = { ...alert, state: 'resolved', endsAtMs, sequence };
  return { alertId: alert.id, sequence, atMs: endsAtMs, from: alert.state, to: 'resolved', reason, snapshot };
}

function sameLabels(some: Readonly<Record<string, string>>, others: Readonly<Record<string, string>>): boolean {
  return identity(some) === identity(others);
}

function identity(labels: Readonly<Record<string, string>>): string {
  return JSON.stringify(sorted(labels));
}

function sorted(labels: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1));
}
