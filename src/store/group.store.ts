import type { EntityManager } from 'typeorm';
import type { GroupAtHand } from '../model/alert-group.js';
import type { Alert } from '../model/alert.js';
import type { Notice } from '../model/notice.js';
import type { Placement } from '../model/placement.js';
import { groupOf, memberOf, toldOf, type AlertRow, type GroupRow, type MemberRow } from './group-rows.js';

// Groups of alerts, and when they are looked at. All inside the caller's transaction.

type Queries = Pick<EntityManager, 'query'>;

/** Where an alert belongs, and when a group that begins with it is looked at first. */
export type NewPlacement = Placement & { firstFlushAtMs: number };

/** The next instant of a group's timer at or after $2: at once for a new group or one without an interval. */
const NEXT_TICK = `case when flushed_at is null or (settings->>'groupIntervalS')::float8 = 0 then $2::timestamptz
  else flushed_at + make_interval(secs => (settings->>'groupIntervalS')::float8
         * greatest(1, ceil(extract(epoch from $2::timestamptz - flushed_at) / (settings->>'groupIntervalS')::float8))) end`;

/** A group that was looked at later than now, or waits for its first time for longer than it may: the clock has been set back. */
export const isAhead = (now: string) => `(flushed_at > ${now}::timestamptz + interval '5 seconds' or (flushed_at is null
  and flush_at > ${now}::timestamptz + make_interval(secs => (settings->>'groupWaitS')::float8 + 5)))`;

/** Has the groups of these alerts looked at when their timers next tick at or after the instant at which the change was known. */
export async function wakeGroupsOf(
  tx: Queries,
  tenantId: number,
  changes: readonly { alertId: string; atMs: number }[],
): Promise<void> {
  if (changes.length === 0) return;
  await tx.query(
    `update alert_groups g set flush_at = least(g.flush_at, ${NEXT_TICK.replaceAll('$2::timestamptz', 'woken.at')})
     from (select m.group_id, min(c.at) as at
             from unnest($2::uuid[], $3::timestamptz[]) c (alert_id, at)
             join alert_group_members m on m.tenant_id = $1 and m.alert_id = c.alert_id group by m.group_id) woken
     where g.tenant_id = $1 and g.id = woken.group_id and g.flushed_at is not null`,
    [tenantId, changes.map(({ alertId }) => alertId), changes.map(({ atMs }) => new Date(atMs))],
  );
}

/** Has every group that is not over looked at when its timer next ticks; those that wait for their first time go on waiting. */
export async function wakeAllGroups(tx: Queries, tenantId: number, nowMs: number): Promise<void> {
  await tx.query(
    `update alert_groups set flush_at = least(flush_at, ${NEXT_TICK})
     where tenant_id = $1 and closed_at is null and flushed_at is not null`,
    [tenantId, new Date(nowMs)],
  );
}

/**
 * When the first group is to be looked at, be it due or not; null: none is. One that a clock that has been set back would have wait for
 * too long is to be looked at now.
 */
export async function firstGroupMs(tx: Queries, tenantId: number, nowMs: number): Promise<number | null> {
  const [row]: { at_ms: string | null }[] = await tx.query(
    `select extract(epoch from min(case when ${isAhead('$2')} then least(flush_at, $2) else flush_at end)) * 1000 as at_ms
     from alert_groups where tenant_id = $1 and flush_at is not null`,
    [tenantId, new Date(nowMs)],
  );
  return row?.at_ms == null ? null : Math.ceil(Number(row.at_ms));
}

/** Groups that are due, and were before `beforeMs` (null: whenever), the first ones first, with all that a decision about them needs. */
export async function dueGroups(
  tx: Queries,
  tenantId: number,
  nowMs: number,
  beforeMs: number | null,
  limit: number,
): Promise<GroupAtHand[]> {
  const groups: GroupRow[] = await tx.query(
    `select * from alert_groups
     where tenant_id = $1 and flush_at is not null and (flush_at <= $2 or ${isAhead('$2')})
       and ($3::timestamptz is null or least(flush_at, $2) <= $3)
     order by flush_at, id limit $4`,
    [tenantId, new Date(nowMs), beforeMs === null ? null : new Date(beforeMs), limit],
  );
  const ids = groups.map(({ id }) => id);
  const members: MemberRow[] = await tx.query(
    `select * from alert_group_members where tenant_id = $1 and group_id = any ($2) order by group_id, alert_id`,
    [tenantId, ids],
  );
  const alertIds = [...new Set(members.map(({ alert_id }) => alert_id))];
  const alerts: AlertRow[] = await tx.query(
    `select alert_id, snapshot, reason, is_firing, routed_at, step_at from routed_alerts where tenant_id = $1 and alert_id = any ($2)`,
    [tenantId, alertIds],
  );
  const notices = await noticesOf(tx, tenantId, alertIds);
  const told = await toldOf(tx, tenantId, ids);
  const waiting: { group_key: string; channel_id: string }[] = await tx.query(
    `select distinct group_key, channel_id from notifications
     where tenant_id = $1 and group_key = any ($2::text[]) and state = 'pending'`,
    [tenantId, ids],
  );
  const byId = new Map(alerts.map((row) => [row.alert_id, row]));
  return groups.map((row) => ({
    group: groupOf(row),
    members: members.flatMap((member) => {
      const alert = byId.get(member.alert_id);
      return member.group_id === row.id && alert ? [memberOf(member, alert, notices.get(stepOf(alert)) ?? null)] : [];
    }),
    told: new Map(
      told
        .filter(({ group_id }) => group_id === row.id)
        .map((each) => [each.channel_id, { firing: each.firing, atMs: each.at.getTime() }]),
    ),
    waiting: new Set(waiting.filter(({ group_key }) => group_key === row.id).map(({ channel_id }) => channel_id)),
  }));
}

/** What there is to tell of these alerts, by step: many rules may have an alert of one step of an incident, and a notice is large. */
async function noticesOf(tx: Queries, tenantId: number, alertIds: readonly string[]): Promise<Map<string, Notice>> {
  const rows: (Pick<AlertRow, 'snapshot' | 'reason' | 'step_at'> & { notice: Notice })[] = await tx.query(
    `select r.snapshot, r.reason, r.step_at, r.notice
     from (select distinct on (snapshot->>'incidentId', step_at, reason) alert_id from routed_alerts
           where tenant_id = $1 and alert_id = any ($2) and snapshot->>'incidentId' is not null
           order by snapshot->>'incidentId', step_at, reason, notice is null) one
     join routed_alerts r on r.tenant_id = $1 and r.alert_id = one.alert_id where r.notice is not null`,
    [tenantId, alertIds],
  );
  return new Map(rows.map((row) => [stepOf(row), row.notice]));
}

function stepOf({ snapshot, reason, step_at }: Pick<AlertRow, 'snapshot' | 'reason' | 'step_at'>): string {
  return `${snapshot.incidentId} ${step_at.getTime()} ${reason}`;
}

/** Makes the groups that are missing, and begins those anew that were over. */
export async function makeGroups(
  tx: Queries,
  tenantId: number,
  wanted: readonly { alert: Alert; placement: NewPlacement; groupId: string }[],
  nowMs: number,
): Promise<void> {
  const groups = new Map<string, { placement: Placement; incidentId: string | null; flushAtMs: number }>();
  for (const { alert, placement, groupId: id } of wanted) {
    const same = groups.get(id);
    groups.set(id, {
      placement,
      incidentId: same === undefined || same.incidentId === alert.incidentId ? alert.incidentId : null,
      flushAtMs: Math.min(same?.flushAtMs ?? Infinity, placement.firstFlushAtMs),
    });
  }
  await tx.query(
    `insert into alert_groups as g (tenant_id, id, key, route_key, labels, settings, incident_id, flush_at, created_at)
     select $1, n.id, n.key, n."routeKey", n.labels, n.settings, n."incidentId", to_timestamp(n."flushAtMs" / 1000.0), $3
     from jsonb_to_recordset($2::jsonb) as n (id uuid, key text, "routeKey" text, labels jsonb, settings jsonb, "incidentId" uuid,
                                              "flushAtMs" float8)
     on conflict (tenant_id, id) do update
        set settings = excluded.settings,
            incident_id = case when g.closed_at is not null or g.incident_id = excluded.incident_id then excluded.incident_id end,
            flush_at = case when g.closed_at is not null then excluded.flush_at
                            when g.flushed_at is null then least(g.flush_at, excluded.flush_at)
                            else g.flush_at end,
            flushed_at = case when g.closed_at is null then g.flushed_at end,
            first_told_at = case when g.closed_at is null then g.first_told_at end,
            escalated_at = case when g.closed_at is null then g.escalated_at end,
            acknowledged_at = case when g.closed_at is null then g.acknowledged_at end,
            acknowledged_by = case when g.closed_at is null then g.acknowledged_by end,
            begun_sequence = case when g.closed_at is null then g.begun_sequence else g.sequence end,
            closed_at = null`,
    [
      tenantId,
      JSON.stringify(
        [...groups].map(([id, { placement, incidentId, flushAtMs }]) => ({
          id,
          key: placement.key,
          routeKey: placement.routeKey,
          labels: placement.labels,
          settings: placement.settings,
          incidentId,
          flushAtMs,
        })),
      ),
      new Date(nowMs),
    ],
  );
}
