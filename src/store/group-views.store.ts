import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Alert } from '../model/alert.js';
import type { GroupView } from '../model/alert-group-view.js';
import { epochMs } from './epoch-ms.js';
import { isoUs } from './iso-time.js';

export interface GroupFilter {
  receiver?: string | undefined;
  limit: number;
  cursor?: { createdAt: string; id: string } | undefined;
}

const MOST_ALERTS = 100;

/** Groups as people look at them; nothing of another tenant is ever found. */
@Injectable()
export class GroupViewsStore {
  constructor(private readonly db: DataSource) {}

  /** Those that are not over, newest first; `place` is what the list goes on after. */
  async list(tenantId: number, filter: GroupFilter): Promise<(GroupView & { place: string })[]> {
    const { receiver = null, limit, cursor } = filter;
    const groups: (Omit<GroupView, 'alerts' | 'alertCount'> & { place: string })[] = await this.db.query(
      `select id, key, labels, settings ->> 'receiver' as receiver, incident_id as "incidentId", ${epochMs('created_at')} as "createdAtMs",
              ${epochMs('first_told_at')} as "firstToldAtMs", ${epochMs('escalated_at')} as "escalatedAtMs",
              acknowledged_by as "acknowledgedBy", ${epochMs('acknowledged_at')} as "acknowledgedAtMs",
              ${epochMs('flush_at')} as "nextAtMs", ${isoUs('created_at')} as place
         from alert_groups
        where tenant_id = $1 and closed_at is null and ($2::text is null or settings ->> 'receiver' = $2)
          and ($3::timestamptz is null or (created_at <= $3 and (created_at < $3 or id > $4::uuid)))
        order by created_at desc, id limit $5`,
      [tenantId, receiver, cursor?.createdAt ?? null, cursor?.id ?? null, limit],
    );
    const ids = groups.map(({ id }) => id);
    const members: MemberRow[] = await this.db.query(
      `select * from (
         select m.group_id as "groupId", r.snapshot as alert, r.is_firing as "isFiring",
                count(*) over (partition by m.group_id)::int4 as total,
                row_number() over (partition by m.group_id order by r.step_at, m.alert_id) as place,
                array(select t.channel_id from alert_group_told t
                       where t.tenant_id = m.tenant_id and t.group_id = m.group_id and t.firing ? m.alert_id::text
                       order by t.channel_id) as "toldChannelIds"
           from alert_group_members m join routed_alerts r on r.tenant_id = m.tenant_id and r.alert_id = m.alert_id
          where m.tenant_id = $1 and m.group_id = any ($2::uuid[])) numbered
        where place <= ${MOST_ALERTS} order by place`,
      [tenantId, ids],
    );
    return groups.map((group) => {
      const its = members.filter(({ groupId }) => groupId === group.id);
      const alerts = its.map(({ alert, isFiring, toldChannelIds }) => ({ alert, isFiring, toldChannelIds }));
      return { ...group, alerts, alertCount: its[0]?.total ?? 0 };
    });
  }
}

interface MemberRow {
  groupId: string;
  alert: Alert;
  isFiring: boolean;
  toldChannelIds: string[];
  total: number;
}
