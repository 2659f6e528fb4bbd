import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { Rejected } from '../model/failure.js';
import type { IncidentAction } from '../model/incident-action.js';
import { tellAcknowledged } from './acknowledgement.store.js';
import { epochMs } from './epoch-ms.js';
import { IncidentStore } from './incident.store.js';
import { markStale } from './routing.store.js';

const MAX_ACTIONS = 1_000;

type NewAction = Omit<IncidentAction, 'atMs' | 'channelName'>;

/** What people did about incidents. An acknowledgement holds for the groups that tell of the incident now, until they are over. */
@Injectable()
export class IncidentActionStore {
  constructor(
    private readonly db: DataSource,
    private readonly incidents: IncidentStore,
  ) {}

  /** Oldest first. */
  async list(
    tenantId: number,
    incidentId: string,
    db: Pick<EntityManager, 'query'> = this.db,
  ): Promise<IncidentAction[]> {
    return db.query(
      `select ${epochMs('a.at')} as "atMs", a.kind, a.by, a.subject, a.comment, a.channel_id as "channelId", c.name as "channelName"
         from incident_actions a left join channels c on c.tenant_id = a.tenant_id and c.id = a.channel_id
        where a.tenant_id = $1 and a.incident_id = $2 order by a.id`,
      [tenantId, incidentId],
    );
  }

  /** Writes down an action and returns all. Throws Rejected 404 without that incident, 409 when one to resolve is, and 422 beyond MAX_ACTIONS. */
  async add(tenantId: number, incidentId: string, action: NewAction): Promise<IncidentAction[]> {
    return this.db.transaction(async (tx) => {
      await this.addWithin(tx, tenantId, incidentId, action);
      return this.list(tenantId, incidentId, tx);
    });
  }

  async addWithin(tx: EntityManager, tenantId: number, incidentId: string, action: NewAction): Promise<void> {
    // First of all: it is the lock of whoever routes for the tenant, and has every group looked at again.
    await markStale(tx, tenantId);
    const { kind, by, subject, comment, channelId } = action;
    const incidents: unknown[] = await tx.query(`select from incidents where tenant_id = $1 and id = $2`, [
      tenantId,
      incidentId,
    ]);
    if (incidents.length === 0) throw new Rejected('not_found', `there is no incident ${incidentId}`, 404, 'id');
    const written: unknown[] = await tx.query(
      `insert into incident_actions (tenant_id, incident_id, kind, by, subject, comment, channel_id)
       select $1::int4, $2::uuid, $3, $4, $5, $6, $7
       where (select count(*) from incident_actions where tenant_id = $1::int4 and incident_id = $2::uuid) < $8
       returning id`,
      [tenantId, incidentId, kind, by, subject, comment, channelId, MAX_ACTIONS],
    );
    if (written.length === 0) {
      throw new Rejected('too_many', `an incident keeps ${MAX_ACTIONS} actions`, 422);
    }
    if (kind === 'resolved') await this.resolve(tx, tenantId, incidentId, by, comment);
    if (kind === 'acknowledged') await this.acknowledge(tx, tenantId, incidentId, by);
    if (kind === 'acknowledgement_withdrawn') await this.acknowledge(tx, tenantId, incidentId, null);
  }

  private async resolve(
    tx: EntityManager,
    tenantId: number,
    incidentId: string,
    by: string,
    comment: string,
  ): Promise<void> {
    const reason = `resolved by ${by}${comment === '' ? '' : `: ${comment}`}`;
    if ((await this.incidents.resolve(tx, tenantId, incidentId, by, reason)) === null) {
      throw new Rejected('already_resolved', `incident ${incidentId} is resolved already`, 409);
    }
  }

  private async acknowledge(tx: EntityManager, tenantId: number, incidentId: string, by: string | null): Promise<void> {
    const [marked]: [{ id: string }[], number] = await tx.query(
      `update alert_groups g set acknowledged_at = case when $3::text is not null then now() end, acknowledged_by = $3
       where g.tenant_id = $1 and g.closed_at is null
         and exists (select from alert_group_members m join routed_alerts r using (tenant_id, alert_id)
                     where m.tenant_id = $1 and m.group_id = g.id and r.snapshot ->> 'incidentId' = $2)
       returning id`,
      [tenantId, incidentId, by],
    );
    if (by === null) return;
    await tellAcknowledged(
      tx,
      tenantId,
      marked.map(({ id }) => id),
      by,
    );
  }
}
