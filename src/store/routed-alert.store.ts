import type { EntityManager } from 'typeorm';
import type { Alert } from '../model/alert.js';
import type { RoutedAlert } from '../model/alert-group.js';

// Alerts as routing knows them: as they stood after the last step that was routed. All inside the caller's transaction.

type Queries = Pick<EntityManager, 'query'>;

/** A step of an alert as routing keeps it. */
export interface RoutedStep extends RoutedAlert {
  stepAtMs: number;
  heardAtMs: number;
}

/** Whether each of these alerts fires, as far as routing knows; unknown ones are left out. */
export async function routedBefore(
  tx: Queries,
  tenantId: number,
  alertIds: readonly string[],
): Promise<Map<string, boolean>> {
  const rows: { alert_id: string; is_firing: boolean }[] = await tx.query(
    `select alert_id, is_firing from routed_alerts where tenant_id = $1 and alert_id = any ($2)`,
    [tenantId, alertIds],
  );
  return new Map(rows.map((row) => [row.alert_id, row.is_firing]));
}

/** All alerts that fire, as far as routing knows. */
export async function firingAlerts(tx: Queries, tenantId: number): Promise<Alert[]> {
  const rows: { snapshot: Alert }[] = await tx.query(
    `select snapshot from routed_alerts where tenant_id = $1 and is_firing order by alert_id`,
    [tenantId],
  );
  return rows.map(({ snapshot }) => snapshot);
}

/** Keeps alerts as they stand after these steps, with what there is to tell of the last step that had it. */
export async function rememberRouted(
  tx: Queries,
  tenantId: number,
  steps: readonly RoutedStep[],
  nowMs: number,
): Promise<void> {
  if (steps.length === 0) return;
  await tx.query(
    `insert into routed_alerts as r (tenant_id, alert_id, sequence, snapshot, reason, is_firing, step_at, heard_at, routed_at, notice)
     select $1, s.*, $9::timestamptz, t.notice
     from unnest($2::uuid[], $3::int4[], $4::jsonb[], $5::text[], $6::bool[], $7::timestamptz[], $8::timestamptz[])
            s (alert_id, sequence, snapshot, reason, is_firing, step_at, heard_at)
     left join alert_transitions t on t.tenant_id = $1 and t.alert_id = s.alert_id and t.sequence = s.sequence
     on conflict (tenant_id, alert_id) do update
        set sequence = excluded.sequence, snapshot = excluded.snapshot, reason = excluded.reason, is_firing = excluded.is_firing,
            step_at = excluded.step_at, notice = coalesce(excluded.notice, r.notice), heard_at = excluded.heard_at, routed_at = excluded.routed_at`,
    [
      tenantId,
      steps.map(({ alert }) => alert.id),
      steps.map(({ alert }) => alert.sequence),
      steps.map(({ alert }) => JSON.stringify(alert)),
      steps.map(({ reason }) => reason),
      steps.map(({ isFiring }) => isFiring),
      steps.map(({ stepAtMs }) => new Date(stepAtMs)),
      steps.map(({ heardAtMs }) => new Date(heardAtMs)),
      new Date(nowMs),
    ],
  );
}
