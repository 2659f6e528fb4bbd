import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { Incident, IncidentEvent, IncidentEventKind } from '../model/incident.js';
import { epochMs } from './epoch-ms.js';

const INCIDENT_COLUMNS = `
  id, tenant_id as "tenantId", state, severity,
  extract(epoch from started_at) * 1000 as "startedMs", extract(epoch from opened_at) * 1000 as "openedMs",
  extract(epoch from last_seen_at) * 1000 as "lastSeenMs", extract(epoch from resolved_at) * 1000 as "resolvedMs",
  resolved_by as "resolvedBy", quiet_windows as "quietWindows", flaps, causes, suspects, affected, exemplars`;

type IncidentRow = Omit<Incident, 'startedMs' | 'openedMs' | 'lastSeenMs' | 'resolvedMs'> & {
  startedMs: string;
  openedMs: string;
  lastSeenMs: string;
  resolvedMs: string | null;
};

/** Incidents and the steps of their lives. */
@Injectable()
export class IncidentStore {
  constructor(private readonly db: DataSource) {}

  /**
   * Incidents that a window ending at or after `sinceMs` may still change: unresolved, resolved after that instant, or resolved by hand and
   * seen after it.
   */
  async current(tenantId: number, sinceMs: number): Promise<Incident[]> {
    const rows = await this.db.query<IncidentRow[]>(
      `select ${INCIDENT_COLUMNS} from incidents
        where tenant_id = $1 and (state <> 'resolved' or resolved_at >= $2 or (resolved_by is not null and last_seen_at >= $2))
        order by opened_at, id`,
      [tenantId, new Date(sinceMs)],
    );
    return rows.map(incidentOf);
  }

  /** Incidents that were under way at some time in [fromMs, toMs). */
  async during(tenantId: number, fromMs: number, toMs: number): Promise<Incident[]> {
    const rows = await this.db.query<IncidentRow[]>(
      `select ${INCIDENT_COLUMNS} from incidents
        where tenant_id = $1 and started_at < $3 and coalesce(resolved_at, 'infinity') > $2`,
      [tenantId, new Date(fromMs), new Date(toMs)],
    );
    return rows.map(incidentOf);
  }

  /** Steps of incidents in (fromMs, toMs], oldest first. */
  async eventsBetween(tenantId: number, fromMs: number, toMs: number): Promise<IncidentEvent[]> {
    const rows: (Omit<IncidentEvent, 'atMs'> & { atMs: string })[] = await this.db.query(
      `select incident_id as "incidentId", sequence, kind, extract(epoch from at) * 1000 as "atMs", reason, snapshot
         from incident_events where tenant_id = $1 and at > $2 and at <= $3 order by at, incident_id, sequence`,
      [tenantId, new Date(fromMs), new Date(toMs)],
    );
    return rows.map((row) => ({ ...row, atMs: Number(row.atMs) }));
  }

  async save(tx: EntityManager, incident: Incident): Promise<void> {
    await tx.query(
      `insert into incidents (id, tenant_id, state, severity, started_at, opened_at, last_seen_at, resolved_at,
                              quiet_windows, flaps, causes, affected, exemplars, resolved_by, suspects)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
       on conflict (id) do update
          set state = excluded.state, severity = excluded.severity, last_seen_at = excluded.last_seen_at,
              resolved_at = excluded.resolved_at, quiet_windows = excluded.quiet_windows, flaps = excluded.flaps,
              causes = excluded.causes, affected = excluded.affected, exemplars = excluded.exemplars,
              resolved_by = excluded.resolved_by, suspects = excluded.suspects`,
      [
        incident.id,
        incident.tenantId,
        incident.state,
        incident.severity,
        new Date(incident.startedMs),
        new Date(incident.openedMs),
        new Date(incident.lastSeenMs),
        incident.resolvedMs === null ? null : new Date(incident.resolvedMs),
        incident.quietWindows,
        incident.flaps,
        JSON.stringify(incident.causes),
        JSON.stringify(incident.affected),
        JSON.stringify(incident.exemplars),
        incident.resolvedBy ?? null,
        JSON.stringify(incident.suspects ?? []),
      ],
    );
  }

  /**
   * Ends an incident by hand, as of the event time that incidents have come to; null when it is over already. Whoever works at the tenant's
   * incidents meanwhile begins anew, so that nothing is decided of it as it was.
   */
  async resolve(tx: EntityManager, tenantId: number, id: string, by: string, reason: string): Promise<Incident | null> {
    // The row first, then the cursor: the order in which the stage takes them.
    const [row] = await tx.query<IncidentRow[]>(
      `select ${INCIDENT_COLUMNS} from incidents where tenant_id = $1 and id = $2 for update`,
      [tenantId, id],
    );
    if (row === undefined || row.state === 'resolved') return null;
    const before = incidentOf(row);
    const [[cursor]] = await tx.query<[{ doneMs: number }[], number]>(
      `update stage_cursors set leased_by = null, leased_until = null where tenant_id = $1 and stage = 'incident'
       returning ${epochMs('done_through')} as "doneMs"`,
      [tenantId],
    );
    const atMs = Math.max(cursor?.doneMs ?? 0, before.lastSeenMs);
    const incident: Incident = { ...before, state: 'resolved', resolvedMs: atMs, resolvedBy: by };
    await this.save(tx, incident);
    await this.addEvent(tx, incident, 'resolved', atMs, reason);
    return incident;
  }

  /** Adds a step with the next number of its incident. */
  async addEvent(
    tx: EntityManager,
    incident: Incident,
    kind: IncidentEventKind,
    atMs: number,
    reason: string,
  ): Promise<void> {
    await tx.query(
      `insert into incident_events (incident_id, sequence, tenant_id, kind, at, reason, snapshot)
       select $1, coalesce(max(sequence), 0) + 1, $2, $3, $4, $5, $6 from incident_events where incident_id = $1`,
      [incident.id, incident.tenantId, kind, new Date(atMs), reason, JSON.stringify(incident)],
    );
  }

  /** Tenants with steps that no rule has decided on yet. */
  async undecided(): Promise<number[]> {
    const rows = await this.db.query<{ tenant_id: number }[]>(
      `select distinct tenant_id from incident_events
       where decided_at is null and (decide_after is null or decide_after <= now() or decide_after > now() + interval '5 minutes')`,
    );
    return rows.map((row) => row.tenant_id);
  }
}

function incidentOf(row: IncidentRow): Incident {
  return {
    ...row,
    startedMs: Number(row.startedMs),
    openedMs: Number(row.openedMs),
    lastSeenMs: Number(row.lastSeenMs),
    resolvedMs: row.resolvedMs === null ? null : Number(row.resolvedMs),
  };
}
