import { Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';
import type { EntityManager } from 'typeorm';
import type { Alert } from '../model/alert.js';
import type { AlertGroup, FlushedGroup, GroupAtHand, GroupMember, RoutedAlert } from '../model/alert-group.js';
import { SEVERITIES, type Severity } from '../model/incident.js';
import type { Notice } from '../model/notice.js';
import type { Placement } from '../model/placement.js';
import type { RouteSettings } from '../model/routing.js';
import { notificationId } from './notification.store.js';

type Queries = Pick<EntityManager, 'query'>;

/** A step of an alert as routing keeps it. */
export interface RoutedStep extends RoutedAlert {
  notice: Notice | null;
  stepAtMs: number;
  heardAtMs: number;
}

/** Where an alert belongs, and when a group that begins with it is looked at first. */
export interface Placed {
  alert: Alert;
  placements: (Placement & { firstFlushAtMs: number })[];
}

interface GroupRow {
  id: string;
  key: string;
  labels: Record<string, string>;
  settings: RouteSettings;
  created_at: Date;
  first_told_at: Date | null;
  escalated_at: Date | null;
  acknowledged_at: Date | null;
  acknowledged_by: string | null;
  sequence: number;
}

interface MemberRow {
  group_id: string;
  alert_id: string;
  channel_ids: string[] | null;
  is_detached: boolean;
  told_elsewhere: string[];
  said_sequence: number | null;
  said: string | null;
}

interface AlertRow {
  alert_id: string;
  snapshot: Alert;
  reason: string;
  is_firing: boolean;
  notice: Notice | null;
  routed_at: Date;
  step_at: Date;
}

interface ToldRow {
  group_id: string;
  channel_id: string;
  firing: Record<string, Severity>;
  at: Date;
}

/** The next instant of a group's timer at or after $2: at once for a new group or one without an interval. */
const NEXT_TICK = `case when flushed_at is null or (settings->>'groupIntervalS')::float8 = 0 then $2::timestamptz
  else flushed_at + make_interval(secs => (settings->>'groupIntervalS')::float8
         * greatest(1, ceil(extract(epoch from $2::timestamptz - flushed_at) / (settings->>'groupIntervalS')::float8))) end`;

/** Groups of alerts, which alerts are in them, and what each channel was told of them. All inside the caller's transaction. */
@Injectable()
export class GroupStore {
  /** Whether each of these alerts fires, as far as routing knows; unknown ones are left out. */
  async known(tx: Queries, tenantId: number, alertIds: readonly string[]): Promise<Map<string, boolean>> {
    const rows: { alert_id: string; is_firing: boolean }[] = await tx.query(
      `select alert_id, is_firing from routed_alerts where tenant_id = $1 and alert_id = any ($2)`,
      [tenantId, alertIds],
    );
    return new Map(rows.map((row) => [row.alert_id, row.is_firing]));
  }

  /** All alerts that fire, as far as routing knows. */
  async firing(tx: Queries, tenantId: number): Promise<Alert[]> {
    const rows: { snapshot: Alert }[] = await tx.query(
      `select snapshot from routed_alerts where tenant_id = $1 and is_firing order by alert_id`,
      [tenantId],
    );
    return rows.map(({ snapshot }) => snapshot);
  }

  async remember(tx: Queries, tenantId: number, steps: readonly RoutedStep[], nowMs: number): Promise<void> {
    if (steps.length === 0) return;
    await tx.query(
      `insert into routed_alerts as r (tenant_id, alert_id, sequence, snapshot, reason, is_firing, step_at, notice, heard_at, routed_at)
       select $1, *, $10::timestamptz
       from unnest($2::uuid[], $3::int4[], $4::jsonb[], $5::text[], $6::bool[], $7::timestamptz[], $8::jsonb[], $9::timestamptz[])
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
        steps.map(({ notice }) => (notice === null ? null : JSON.stringify(notice))),
        steps.map(({ heardAtMs }) => new Date(heardAtMs)),
        new Date(nowMs),
      ],
    );
  }

  /**
   * Puts alerts into their groups, makes those that are missing, and begins those anew that were over. An alert leaves groups to which it
   * does not belong any more, at once where nobody was told of it, else when its end is told.
   */
  async place(tx: Queries, tenantId: number, placed: readonly Placed[], nowMs: number): Promise<void> {
    if (placed.length === 0) return;
    const wanted = placed.flatMap(({ alert, placements }) =>
      placements.map((placement) => ({ alert, placement, groupId: groupId(tenantId, placement.key) })),
    );
    const before: MemberRow[] = await tx.query(
      `select * from alert_group_members where tenant_id = $1 and alert_id = any ($2)`,
      [tenantId, placed.map(({ alert }) => alert.id)],
    );
    const isWanted = new Set(wanted.map(({ alert, groupId: id }) => `${id} ${alert.id}`));
    const left = before.filter((row) => !isWanted.has(`${row.group_id} ${row.alert_id}`));
    const toldThere =
      left.length === 0
        ? []
        : await this.toldOf(
            tx,
            tenantId,
            left.map(({ group_id }) => group_id),
          );
    await this.leave(tx, tenantId, left, toldThere, nowMs);
    await this.makeGroups(tx, tenantId, wanted, nowMs);
    const tellers = (alert: Alert, { settings }: Placement) =>
      toldThere
        .filter(({ group_id, firing }) => {
          const told = firing[alert.id];
          if (told === undefined || !left.some((row) => row.group_id === group_id && row.alert_id === alert.id))
            return false;
          return !(settings.tellEscalations && rank(alert.labels['severity']) > rank(told));
        })
        .map(({ channel_id }) => channel_id);
    await tx.query(
      `insert into alert_group_members (tenant_id, group_id, alert_id, channel_ids, told_elsewhere)
       select $1, m."groupId", m."alertId", m."channelIds", m."toldElsewhere"
       from jsonb_to_recordset($2::jsonb) as m ("groupId" uuid, "alertId" uuid, "channelIds" uuid[], "toldElsewhere" uuid[])
       on conflict (tenant_id, group_id, alert_id) do update
          set channel_ids = excluded.channel_ids, is_detached = false, told_elsewhere = excluded.told_elsewhere`,
      [
        tenantId,
        JSON.stringify(
          wanted.map(({ alert, placement, groupId: id }) => ({
            groupId: id,
            alertId: alert.id,
            channelIds: placement.channelIds,
            toldElsewhere: tellers(alert, placement),
          })),
        ),
      ],
    );
  }

  /** Has the groups of these alerts looked at when their timers next tick at or after the instant at which the change was known. */
  async wake(tx: Queries, tenantId: number, changes: readonly { alertId: string; atMs: number }[]): Promise<void> {
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
  async wakeAll(tx: Queries, tenantId: number, nowMs: number): Promise<void> {
    await tx.query(
      `update alert_groups set flush_at = least(flush_at, ${NEXT_TICK})
       where tenant_id = $1 and closed_at is null and flushed_at is not null`,
      [tenantId, new Date(nowMs)],
    );
  }

  /**
   * When the first group fell due; null: none has yet. One that was looked at in the future was so by a clock that has been set back since:
   * it is due now.
   */
  async firstDue(tx: Queries, tenantId: number, nowMs: number): Promise<number | null> {
    const [row]: { at_ms: string | null }[] = await tx.query(
      `select extract(epoch from min(least(flush_at, $2))) * 1000 as at_ms from alert_groups
       where tenant_id = $1 and flush_at is not null and (flush_at <= $2 or ${IS_AHEAD})`,
      [tenantId, new Date(nowMs)],
    );
    return row?.at_ms == null ? null : Math.ceil(Number(row.at_ms));
  }

  /** Groups that are due, and were before `beforeMs` (null: whenever), the first ones first, with all that a decision about them needs. */
  async due(
    tx: Queries,
    tenantId: number,
    nowMs: number,
    beforeMs: number | null,
    limit: number,
  ): Promise<GroupAtHand[]> {
    const groups: GroupRow[] = await tx.query(
      `select * from alert_groups
       where tenant_id = $1 and flush_at is not null and (flush_at <= $2 or ${IS_AHEAD})
         and ($3::timestamptz is null or least(flush_at, $2) <= $3)
       order by flush_at, id limit $4`,
      [tenantId, new Date(nowMs), beforeMs === null ? null : new Date(beforeMs), limit],
    );
    const ids = groups.map(({ id }) => id);
    const members: MemberRow[] = await tx.query(
      `select * from alert_group_members where tenant_id = $1 and group_id = any ($2) order by group_id, alert_id`,
      [tenantId, ids],
    );
    const alerts: AlertRow[] = await tx.query(
      `select * from routed_alerts where tenant_id = $1 and alert_id = any ($2)`,
      [tenantId, [...new Set(members.map(({ alert_id }) => alert_id))]],
    );
    const told = await this.toldOf(tx, tenantId, ids);
    const byId = new Map(alerts.map((row) => [row.alert_id, row]));
    return groups.map((row) => ({
      group: groupOf(row),
      members: members.flatMap((member) => {
        const alert = byId.get(member.alert_id);
        return member.group_id === row.id && alert ? [memberOf(member, alert)] : [];
      }),
      told: new Map(
        told
          .filter(({ group_id }) => group_id === row.id)
          .map((each) => [each.channel_id, { firing: each.firing, atMs: each.at.getTime() }]),
      ),
    }));
  }

  /** Writes down what was decided on groups, and puts the messages into the outbox. */
  async save(
    tx: Queries,
    tenantId: number,
    flushed: readonly FlushedGroup[],
    groups: readonly GroupAtHand[],
    nowMs: number,
  ): Promise<void> {
    const at = new Date(nowMs);
    const hands = new Map(groups.map((each) => [each.group.id, each]));
    const messages = flushed.flatMap(({ groupId: id, notifications }) => {
      const { group } = hands.get(id)!;
      return notifications.map(({ channelId, kind, incidentId, notice }) => ({
        id: notificationId(`${id} ${group.createdAtMs}`, group.sequence + 1, channelId),
        groupId: id,
        sequence: group.sequence + 1,
        channelId,
        kind,
        incidentId,
        notice,
      }));
    });
    if (messages.length > 0) {
      await tx.query(
        `insert into notifications (id, tenant_id, group_key, sequence, channel_id, kind, incident_id, body, state)
         select n.id, $1, n."groupId", n.sequence, n."channelId", n.kind, n."incidentId", n.notice, 'pending'
         from jsonb_to_recordset($2::jsonb) as n (id uuid, "groupId" text, sequence int4, "channelId" uuid, kind text,
                                                  "incidentId" uuid, notice jsonb)
         on conflict do nothing`,
        [tenantId, JSON.stringify(messages)],
      );
    }
    const told = flushed.flatMap(({ groupId: id, told: changes }) => changes.map((each) => ({ groupId: id, ...each })));
    if (told.length > 0) {
      await tx.query(
        `insert into alert_group_told (tenant_id, group_id, channel_id, firing, at)
         select $1, t."groupId", t."channelId", t.firing, to_timestamp(t."atMs" / 1000.0)
         from jsonb_to_recordset($2::jsonb) as t ("groupId" uuid, "channelId" uuid, firing jsonb, "atMs" float8)
         on conflict (tenant_id, group_id, channel_id) do update set firing = excluded.firing, at = excluded.at`,
        [
          tenantId,
          JSON.stringify(told.map(({ groupId: id, channelId, told: now }) => ({ groupId: id, channelId, ...now }))),
        ],
      );
    }
    await this.writeDown(tx, tenantId, flushed, hands, at);
    const gone = flushed.flatMap(({ groupId: id, gone: alerts }) =>
      alerts.map((alertId) => ({ groupId: id, alertId })),
    );
    if (gone.length > 0) {
      await tx.query(
        `delete from alert_group_members m using unnest($2::uuid[], $3::uuid[]) g (group_id, alert_id)
         where m.tenant_id = $1 and m.group_id = g.group_id and m.alert_id = g.alert_id`,
        [tenantId, gone.map(({ groupId: id }) => id), gone.map(({ alertId }) => alertId)],
      );
    }
    await tx.query(
      `update alert_groups g
       set flushed_at = $3::timestamptz, flush_at = f.next_at, sequence = g.sequence + case when f."isTold" then 1 else 0 end,
           first_told_at = coalesce(g.first_told_at, case when f."isTold" then $3::timestamptz end),
           escalated_at = coalesce(g.escalated_at, case when f."isEscalated" then $3::timestamptz end),
           closed_at = case when f."isOver" then $3::timestamptz end
       from (select *, to_timestamp("nextAtMs" / 1000.0) as next_at
               from jsonb_to_recordset($2::jsonb) as f ("groupId" uuid, "isTold" bool, "isEscalated" bool, "isOver" bool, "nextAtMs" float8)) f
       where g.tenant_id = $1 and g.id = f."groupId"`,
      [
        tenantId,
        JSON.stringify(
          flushed.map(({ groupId: id, notifications, isEscalated, nextAtMs, gone: alerts }) => {
            const isOver = alerts.length === hands.get(id)!.members.length;
            return {
              groupId: id,
              isTold: notifications.length > 0,
              isEscalated,
              isOver,
              nextAtMs: isOver ? null : nextAtMs,
            };
          }),
        ),
        at,
      ],
    );
    await tx.query(
      `delete from alert_group_told where tenant_id = $1 and group_id = any ($2)
         and group_id in (select id from alert_groups where tenant_id = $1 and id = any ($2) and closed_at is not null)`,
      [tenantId, flushed.map(({ groupId: id }) => id)],
    );
  }

  /** Decisions that say something new: on another step, another reason, or a message. */
  private async writeDown(
    tx: Queries,
    tenantId: number,
    flushed: readonly FlushedGroup[],
    hands: ReadonlyMap<string, GroupAtHand>,
    at: Date,
  ): Promise<void> {
    const rows = flushed.flatMap(({ groupId: id, verdicts }) =>
      verdicts.flatMap((verdict) => {
        const member = hands.get(id)!.members.find(({ alert }) => alert.id === verdict.alertId)!;
        const { alert, said, stepAtMs } = member;
        const what = `${verdict.reason} ${verdict.detail ?? ''}`;
        if (!verdict.send && said?.sequence === alert.sequence && said.what === what) return [];
        // What was told stays told while nothing else is to be said about the same step.
        if (!verdict.send && said?.sequence === alert.sequence && verdict.reason.endsWith('already_told')) return [];
        const { ruleId, incidentId, labels, sequence } = alert;
        return [
          {
            ...verdict,
            groupId: id,
            what,
            ruleId,
            incidentId,
            ruleName: labels['alertname'] ?? '',
            sequence,
            stepAtMs,
          },
        ];
      }),
    );
    if (rows.length === 0) return;
    await tx.query(
      `with said as (
         select * from jsonb_to_recordset($2::jsonb) as d ("groupId" uuid, "alertId" uuid, sequence int4, "ruleId" uuid, "ruleName" text,
           "incidentId" uuid, "stepAtMs" float8, send bool, reason text, detail text, "channelIds" uuid[], what text)
       ), noted as (
         update alert_group_members m set said_sequence = said.sequence, said = said.what from said
         where m.tenant_id = $1 and m.group_id = said."groupId" and m.alert_id = said."alertId"
       )
       insert into route_decisions (tenant_id, alert_id, sequence, rule_id, rule_name, incident_id, group_id, step_at, at, send, reason,
                                    detail, channel_ids)
       select $1, "alertId", sequence, "ruleId", "ruleName", "incidentId", "groupId", to_timestamp("stepAtMs" / 1000.0), $3, send, reason,
              detail, "channelIds"
       from said`,
      [tenantId, JSON.stringify(rows), at],
    );
  }

  private async toldOf(tx: Queries, tenantId: number, groupIds: readonly string[]): Promise<ToldRow[]> {
    return tx.query(`select * from alert_group_told where tenant_id = $1 and group_id = any ($2) order by channel_id`, [
      tenantId,
      groupIds,
    ]);
  }

  private async leave(
    tx: Queries,
    tenantId: number,
    left: readonly MemberRow[],
    told: readonly ToldRow[],
    nowMs: number,
  ): Promise<void> {
    if (left.length === 0) return;
    const isOwed = ({ group_id, alert_id }: MemberRow) =>
      told.some((each) => each.group_id === group_id && Object.hasOwn(each.firing, alert_id));
    const pairs = (rows: readonly MemberRow[]) => [
      rows.map(({ group_id }) => group_id),
      rows.map(({ alert_id }) => alert_id),
    ];
    await tx.query(
      `update alert_group_members m set is_detached = true from unnest($2::uuid[], $3::uuid[]) l (group_id, alert_id)
       where m.tenant_id = $1 and m.group_id = l.group_id and m.alert_id = l.alert_id`,
      [tenantId, ...pairs(left.filter(isOwed))],
    );
    await tx.query(
      `delete from alert_group_members m using unnest($2::uuid[], $3::uuid[]) l (group_id, alert_id)
       where m.tenant_id = $1 and m.group_id = l.group_id and m.alert_id = l.alert_id`,
      [tenantId, ...pairs(left.filter((row) => !isOwed(row)))],
    );
    await tx.query(
      `update alert_groups g set closed_at = $3, flush_at = null
       where tenant_id = $1 and id = any ($2) and closed_at is null
         and not exists (select from alert_group_members m where m.tenant_id = $1 and m.group_id = g.id)`,
      [tenantId, left.map(({ group_id }) => group_id), new Date(nowMs)],
    );
  }

  private async makeGroups(
    tx: Queries,
    tenantId: number,
    wanted: readonly { alert: Alert; placement: Placed['placements'][number]; groupId: string }[],
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
}

/** A group that was looked at later than now: the clock has been set back. */
const IS_AHEAD = `flushed_at > $2::timestamptz + interval '5 seconds'`;

function groupOf(row: GroupRow): AlertGroup {
  return {
    id: row.id,
    key: row.key,
    labels: row.labels,
    settings: row.settings,
    createdAtMs: row.created_at.getTime(),
    firstToldAtMs: row.first_told_at?.getTime() ?? null,
    escalatedAtMs: row.escalated_at?.getTime() ?? null,
    acknowledgedAtMs: row.acknowledged_at?.getTime() ?? null,
    acknowledgedBy: row.acknowledged_by,
    sequence: row.sequence,
  };
}

function memberOf(member: MemberRow, alert: AlertRow): GroupMember {
  return {
    alert: alert.snapshot,
    reason: alert.reason,
    isFiring: alert.is_firing,
    routedAtMs: alert.routed_at.getTime(),
    stepAtMs: alert.step_at.getTime(),
    notice: alert.notice,
    channelIds: member.channel_ids,
    isDetached: member.is_detached,
    toldElsewhere: member.told_elsewhere,
    said: member.said === null ? null : { sequence: member.said_sequence!, what: member.said },
  };
}

function rank(severity: string | undefined): number {
  return SEVERITIES.findIndex((each) => each === severity);
}

/** The same id for the same group: a version 8 UUID over tenant and key. */
export function groupId(tenantId: number, key: string): string {
  const bytes = createHash('sha256').update(`group ${tenantId} ${key}`).digest();
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}
