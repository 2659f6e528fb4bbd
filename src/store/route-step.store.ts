import type { EntityManager } from 'typeorm';
import type { Alert, AlertState } from '../model/alert.js';

// Steps of alerts that routing has not taken note of.

type Queries = Pick<EntityManager, 'query'>;

export interface StepRow {
  alert_id: string;
  sequence: number;
  at: Date;
  to_state: AlertState;
  reason: string;
  snapshot: Alert;
  heard_ms: string;
}

/**
 * Of each alert the oldest step that is not routed. A transaction that began earlier may write the later step of an alert: it counts as
 * heard when the step before it was.
 */
const OLDEST_STEPS = `
  with oldest as (
    select distinct on (t.alert_id) t.alert_id, t.sequence, t.at, t.to_state, t.reason, t.snapshot,
           greatest(t.created_at, r.heard_at) as heard_at, r.heard_at as before_at
    from alert_transitions t left join routed_alerts r on r.tenant_id = t.tenant_id and r.alert_id = t.alert_id
    where t.tenant_id = $1 and t.routed_at is null
    order by t.alert_id, t.sequence)`;

/**
 * The oldest step of each alert that is not routed and was known by `byMs`, in the order in which they came. What came in that very
 * millisecond belongs together, say the alerts of many rules about one incident; but the second step of an alert waits.
 */
export async function unroutedSteps(
  tx: Queries,
  tenantId: number,
  byMs: number | null,
  limit: number,
): Promise<StepRow[]> {
  return tx.query(
    `${OLDEST_STEPS}
     select alert_id, sequence, at, to_state, reason, snapshot, extract(epoch from heard_at) * 1000 as heard_ms
     from oldest
     where $2::timestamptz is null or heard_at < $2
        or (date_trunc('milliseconds', heard_at) = $2 and before_at is distinct from date_trunc('milliseconds', heard_at))
     order by heard_at, alert_id limit $3`,
    [tenantId, byMs === null ? null : new Date(byMs), limit],
  );
}

/** When the first step that is not routed was known; null: all are routed. */
export async function firstUnroutedMs(tx: Queries, tenantId: number): Promise<number | null> {
  const [row]: { at_ms: string | null }[] = await tx.query(
    `${OLDEST_STEPS} select extract(epoch from min(heard_at)) * 1000 as at_ms from oldest`,
    [tenantId],
  );
  return row?.at_ms == null ? null : Math.ceil(Number(row.at_ms));
}

export async function markRouted(
  tx: Queries,
  tenantId: number,
  steps: readonly Pick<StepRow, 'alert_id' | 'sequence'>[],
): Promise<void> {
  await tx.query(
    `update alert_transitions t set routed_at = now() from unnest($2::uuid[], $3::int4[]) as step (alert_id, sequence)
     where t.tenant_id = $1 and t.alert_id = step.alert_id and t.sequence = step.sequence`,
    [tenantId, steps.map(({ alert_id }) => alert_id), steps.map(({ sequence }) => sequence)],
  );
}
