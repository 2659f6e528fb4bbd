import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { Rejected } from '../model/failure.js';
import type { GroupAction } from '../model/incident-action.js';
import { tellAcknowledged } from './acknowledgement.store.js';
import { epochMs } from './epoch-ms.js';
import { markStale } from './routing.store.js';

const MAX_ACTIONS = 1_000;

/** What people did about groups of alerts. An acknowledgement holds until the group is over. */
@Injectable()
export class GroupActionStore {
  constructor(private readonly db: DataSource) {}

  /** Oldest first; of earlier lives of the group, too. */
  async list(tenantId: number, groupId: string, db: Pick<EntityManager, 'query'> = this.db): Promise<GroupAction[]> {
    return db.query(
      `select ${epochMs('a.at')} as "atMs", a.kind, a.by, a.comment, a.channel_id as "channelId", c.name as "channelName"
         from group_actions a left join channels c on c.tenant_id = a.tenant_id and c.id = a.channel_id
        where a.tenant_id = $1 and a.group_id = $2 order by a.id`,
      [tenantId, groupId],
    );
  }

  /** Throws Rejected 404 when there is no such group or it is over, and 422 beyond MAX_ACTIONS. */
  async add(tenantId: number, groupId: string, action: NewGroupAction): Promise<GroupAction[]> {
    return this.db.transaction(async (tx) => {
      await this.addWithin(tx, tenantId, groupId, action);
      return this.list(tenantId, groupId, tx);
    });
  }

  async addWithin(tx: EntityManager, tenantId: number, groupId: string, action: NewGroupAction): Promise<void> {
    // First of all: it is the lock of whoever routes for the tenant, and has every group looked at again.
    await markStale(tx, tenantId);
    const { kind, by, comment, channelId } = action;
    const [marked]: [unknown[], number] = await tx.query(
      `update alert_groups set acknowledged_at = case when $3::text is not null then now() end, acknowledged_by = $3
       where tenant_id = $1 and id = $2 and closed_at is null returning id`,
      [tenantId, groupId, kind === 'acknowledged' ? by : null],
    );
    if (marked.length === 0) {
      throw new Rejected('not_found', `there is no group ${groupId} of which something fires`, 404, 'id');
    }
    const written: unknown[] = await tx.query(
      `insert into group_actions (tenant_id, group_id, kind, by, comment, channel_id)
       select $1::int4, $2::uuid, $3, $4, $5, $6
       where (select count(*) from group_actions where tenant_id = $1::int4 and group_id = $2::uuid) < $7
       returning id`,
      [tenantId, groupId, kind, by, comment, channelId, MAX_ACTIONS],
    );
    if (written.length === 0) throw new Rejected('too_many', `a group keeps ${MAX_ACTIONS} actions`, 422);
    if (kind === 'acknowledged') await tellAcknowledged(tx, tenantId, [groupId], by);
  }
}

type NewGroupAction = Omit<GroupAction, 'atMs' | 'channelName'>;
