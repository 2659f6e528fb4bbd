import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { CorrelationReport } from '../model/correlation.js';
import type { Incident, IncidentEvent, IncidentEventKind } from '../model/incident.js';

/** What distinguishes the bad traces of incidents: one report an incident, the last one that could be made. */
@Injectable()
export class CorrelationStore {
  constructor(private readonly db: DataSource) {}

  /** Steps of the tenant's incidents in (fromMs, toMs], in their order. */
  async steps(tenantId: number, fromMs: number, toMs: number): Promise<IncidentEvent[]> {
    const rows = await this.db.query<
      { incident_id: string; sequence: number; kind: IncidentEventKind; at: Date; reason: string; snapshot: Incident }[]
    >(
      `select incident_id, sequence, kind, at, reason, snapshot from incident_events
        where tenant_id = $1 and at > $2 and at <= $3 order by at, incident_id, sequence`,
      [tenantId, new Date(fromMs), new Date(toMs)],
    );
    return rows.map(({ incident_id, at, ...row }) => ({ ...row, incidentId: incident_id, atMs: at.getTime() }));
  }

  /** Puts the report in place of an earlier one, unless that one compared traces and this one could not. */
  async save(tx: EntityManager, tenantId: number, incidentId: string, report: CorrelationReport): Promise<void> {
    await tx.query(
      `insert into incident_correlations as c (tenant_id, incident_id, through, outcome, report) values ($1, $2, $3, $4, $5)
       on conflict (tenant_id, incident_id) do update
          set through = excluded.through, outcome = excluded.outcome, report = excluded.report
        where excluded.through >= c.through
          and (excluded.outcome in ('correlated', 'nothing') or c.outcome not in ('correlated', 'nothing'))`,
      [tenantId, incidentId, new Date(report.throughMs), report.outcome, JSON.stringify(report)],
    );
  }

  /** The report of an incident; null before its first comparison. `db`: a transaction to read in. */
  async get(
    tenantId: number,
    incidentId: string,
    db: EntityManager = this.db.manager,
  ): Promise<CorrelationReport | null> {
    const [row] = await db.query<{ report: CorrelationReport }[]>(
      `select report from incident_correlations where tenant_id = $1 and incident_id = $2`,
      [tenantId, incidentId],
    );
    return row?.report ?? null;
  }
}
