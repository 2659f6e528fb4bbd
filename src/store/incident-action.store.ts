import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { Rejected } from '../model/failure.js';
import type { IncidentAction, IncidentActionKind } from '../model/incident-action.js';
import { markStale } from './routing.store.js';

const MAX_ACTIONS = 1_000;

interface Row {
  at: Date;
  kind: IncidentActionKind;
  by: string;
  subject: string | null;
  comment: string;
}

/** What people did about incidents. An acknowledgement holds for the groups that tell of the incident now, until they are over. */
@Injectable()
export class IncidentActionStore {
  constructor(private readonly db: DataSource) {}

  /** Oldest first. */
  async list(
    tenantId: number,
    incidentId: string,
    db: Pick<EntityManager, 'query'> = this.db,
  ): Promise<IncidentAction[]> {
    const rows: Row[] = await db.query(
      `select at, kind, by, subject, comment from incident_actions where tenant_id = $1 and incident_id = $2 order by id`,
      [tenantId, incidentId],
    );
    return rows.map(({ at, ...rest }) => ({ ...rest, atMs: at.getTime() }));
  }

  /** Writes down an action and returns all. Throws Rejected 404 without that incident and 422 beyond MAX_ACTIONS. */
  async add(tenantId: number, incidentId: string, action: Omit<IncidentAction, 'atMs'>): Promise<IncidentAction[]> {
    return this.db.transaction(async (tx) => {
      // First of all: it is the lock of whoever routes for the tenant, and has every group looked at again.
      await markStale(tx, tenantId);
      const { kind, by, subject, comment } = action;
      const incidents: unknown[] = await tx.query(`select from incidents where tenant_id = $1 and id = $2`, [
        tenantId,
        incidentId,
      ]);
      if (incidents.length === 0) throw new Rejected('not_found', `there is no incident ${incidentId}`, 404, 'id');
      const written: unknown[] = await tx.query(
        `insert into incident_actions (tenant_id, incident_id, kind, by, subject, comment)
         select $1::int4, $2::uuid, $3, $4, $5, $6
         where (select count(*) from incident_actions where tenant_id = $1::int4 and incident_id = $2::uuid) < $7
         returning id`,
        [tenantId, incidentId, kind, by, subject, comment, MAX_ACTIONS],
      );
      if (written.length === 0) {
        throw new Rejected('too_many', `an incident keeps ${MAX_ACTIONS} actions`, 422);
      }
      if (kind === 'acknowledged') await this.acknowledge(tx, tenantId, incidentId, by);
      if (kind === 'acknowledgement_withdrawn') await this.acknowledge(tx, tenantId, incidentId, null);
      return this.list(tenantId, incidentId, tx);
    });
  }

  private async acknowledge(tx: EntityManager, tenantId: number, incidentId: string, by: string | null): Promise<void> {
    await tx.query(
      `update alert_groups g set acknowledged_at = case when $3::text is not null then now() end, acknowledged_by = $3
       where g.tenant_id = $1 and g.closed_at is null
         and exists (select from alert_group_members m join routed_alerts r using (tenant_id, alert_id)
                     where m.tenant_id = $1 and m.group_id = g.id and r.snapshot ->> 'incidentId' = $2)`,
      [tenantId, incidentId, by],
    );
  }
}
