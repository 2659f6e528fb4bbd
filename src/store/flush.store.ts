import type { EntityManager } from 'typeorm';
import type { FlushedGroup, GroupAtHand } from '../model/alert-group.js';
import { notificationId } from './notification.store.js';

// What was decided on groups, written down. All inside the caller's transaction.

type Queries = Pick<EntityManager, 'query'>;

/** Writes down what was decided on groups, and puts the messages into the outbox. */
export async function saveFlushes(
  tx: Queries,
  tenantId: number,
  flushed: readonly FlushedGroup[],
  groups: readonly GroupAtHand[],
  nowMs: number,
): Promise<void> {
  const at = new Date(nowMs);
  const hands = new Map(groups.map((each) => [each.group.id, each]));
  await putOut(tx, tenantId, flushed, hands);
  await rememberTold(tx, tenantId, flushed);
  await writeDown(tx, tenantId, flushed, hands, at);
  await letGo(tx, tenantId, flushed);
  await setTimers(tx, tenantId, flushed, hands, at);
  await tx.query(
    `delete from alert_group_told where tenant_id = $1 and group_id = any ($2)
       and group_id in (select id from alert_groups where tenant_id = $1 and id = any ($2) and closed_at is not null)`,
    [tenantId, flushed.map(({ groupId: id }) => id)],
  );
}

type Hands = ReadonlyMap<string, GroupAtHand>;

/** Messages with ids that are the same whenever the same is decided. */
async function putOut(tx: Queries, tenantId: number, flushed: readonly FlushedGroup[], hands: Hands): Promise<void> {
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
  if (messages.length === 0) return;
  await tx.query(
    `insert into notifications (id, tenant_id, group_key, sequence, channel_id, kind, incident_id, body, state)
     select n.id, $1, n."groupId", n.sequence, n."channelId", n.kind, n."incidentId", n.notice, 'pending'
     from jsonb_to_recordset($2::jsonb) as n (id uuid, "groupId" text, sequence int4, "channelId" uuid, kind text,
                                              "incidentId" uuid, notice jsonb)
     on conflict do nothing`,
    [tenantId, JSON.stringify(messages)],
  );
}

async function rememberTold(tx: Queries, tenantId: number, flushed: readonly FlushedGroup[]): Promise<void> {
  const told = flushed.flatMap(({ groupId: id, told: changes }) =>
    changes.map(({ channelId, told: now }) => ({ groupId: id, channelId, ...now })),
  );
  if (told.length === 0) return;
  await tx.query(
    `insert into alert_group_told (tenant_id, group_id, channel_id, firing, at)
     select $1, t."groupId", t."channelId", t.firing, to_timestamp(t."atMs" / 1000.0)
     from jsonb_to_recordset($2::jsonb) as t ("groupId" uuid, "channelId" uuid, firing jsonb, "atMs" float8)
     on conflict (tenant_id, group_id, channel_id) do update set firing = excluded.firing, at = excluded.at`,
    [tenantId, JSON.stringify(told)],
  );
}

async function letGo(tx: Queries, tenantId: number, flushed: readonly FlushedGroup[]): Promise<void> {
  const gone = flushed.flatMap(({ groupId: id, gone: alerts }) => alerts.map((alertId) => ({ groupId: id, alertId })));
  if (gone.length === 0) return;
  await tx.query(
    `delete from alert_group_members m using unnest($2::uuid[], $3::uuid[]) g (group_id, alert_id)
     where m.tenant_id = $1 and m.group_id = g.group_id and m.alert_id = g.alert_id`,
    [tenantId, gone.map(({ groupId: id }) => id), gone.map(({ alertId }) => alertId)],
  );
}

async function setTimers(
  tx: Queries,
  tenantId: number,
  flushed: readonly FlushedGroup[],
  hands: Hands,
  at: Date,
): Promise<void> {
  const groups = flushed.map(({ groupId: id, notifications, isEscalated, nextAtMs, gone }) => {
    const isOver = gone.length === hands.get(id)!.members.length;
    return { groupId: id, isTold: notifications.length > 0, isEscalated, isOver, nextAtMs: isOver ? null : nextAtMs };
  });
  await tx.query(
    `update alert_groups g
     set flushed_at = $3::timestamptz, flush_at = f.next_at, sequence = g.sequence + case when f."isTold" then 1 else 0 end,
         first_told_at = coalesce(g.first_told_at, case when f."isTold" then $3::timestamptz end),
         escalated_at = coalesce(g.escalated_at, case when f."isEscalated" then $3::timestamptz end),
         closed_at = case when f."isOver" then $3::timestamptz end
     from (select *, to_timestamp("nextAtMs" / 1000.0) as next_at
             from jsonb_to_recordset($2::jsonb) as f ("groupId" uuid, "isTold" bool, "isEscalated" bool, "isOver" bool, "nextAtMs" float8)) f
     where g.tenant_id = $1 and g.id = f."groupId"`,
    [tenantId, JSON.stringify(groups), at],
  );
}

/** Decisions that say something new: on another step, another reason, or a message. */
async function writeDown(
  tx: Queries,
  tenantId: number,
  flushed: readonly FlushedGroup[],
  hands: Hands,
  at: Date,
): Promise<void> {
  const rows = flushed.flatMap(({ groupId: id, verdicts }) => {
    const members = new Map(hands.get(id)!.members.map((member) => [member.alert.id, member]));
    return verdicts.flatMap((verdict) => {
      const member = members.get(verdict.alertId)!;
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
    });
  });
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
