import type { EntityManager } from 'typeorm';
import type { Notice } from '../model/notice.js';
import { notificationId } from './notification.store.js';

type Queries = Pick<EntityManager, 'query'>;

/** Receivers that keep calling somebody until they hear that somebody is at it. */
const CALLERS = ['pagerduty'];

/** Tells the channels that call people, and were told of these groups, that somebody is at it: in order with what they are told of the groups. */
export async function tellAcknowledged(
  tx: Queries,
  tenantId: number,
  groupIds: readonly string[],
  by: string,
): Promise<void> {
  const told: ToldRow[] = await tx.query(
    `select g.id as "groupId", g.created_at as "createdAt", g.sequence, g.settings ->> 'receiver' as receiver, g.labels,
            g.incident_id as "incidentId", c.id as "channelId"
       from alert_groups g
       join alert_group_told t on t.tenant_id = g.tenant_id and t.group_id = g.id and t.firing <> '{}'
       join channels c on c.tenant_id = g.tenant_id and c.id = t.channel_id and c.enabled and c.type = any ($3::text[])
      where g.tenant_id = $1 and g.id = any ($2::uuid[]) and g.closed_at is null`,
    [tenantId, groupIds, CALLERS],
  );
  if (told.length === 0) return;
  const messages = told.map(({ groupId, createdAt, sequence, receiver, labels, incidentId, channelId }) => {
    const notice: Notice = {
      type: 'alert.acknowledged',
      timestamp: new Date().toISOString(),
      reason: `acknowledged by ${by}`,
      incident: null,
      group: {
        key: groupId,
        receiver,
        labels,
        commonLabels: labels,
        commonAnnotations: {},
        notificationReason: 'acknowledged',
      },
      statement: { title: `by ${by}`, lines: [], path: incidentId === null ? null : `/api/v1/incidents/${incidentId}` },
    };
    const id = notificationId(`${groupId} ${createdAt.getTime()}`, sequence + 1, channelId);
    return { id, groupId, sequence: sequence + 1, channelId, incidentId, notice };
  });
  await tx.query(
    `insert into notifications (id, tenant_id, group_key, sequence, channel_id, kind, incident_id, body, state)
     select n.id, $1, n."groupId", n.sequence, n."channelId", 'acknowledged', n."incidentId", n.notice, 'pending'
       from jsonb_to_recordset($2::jsonb) as n (id uuid, "groupId" text, sequence int4, "channelId" uuid, "incidentId" uuid, notice jsonb)
     on conflict do nothing`,
    [tenantId, JSON.stringify(messages)],
  );
  await tx.query(`update alert_groups set sequence = sequence + 1 where tenant_id = $1 and id = any ($2::uuid[])`, [
    tenantId,
    [...new Set(told.map(({ groupId }) => groupId))],
  ]);
}

interface ToldRow {
  groupId: string;
  createdAt: Date;
  sequence: number;
  receiver: string;
  labels: Record<string, string>;
  incidentId: string | null;
  channelId: string;
}
