import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Finding, Signal } from '../model/anomaly.js';
import type { Incident, IncidentEventKind } from '../model/incident.js';
import { isoMs, isoUs } from './iso-time.js';

export interface IncidentFilter {
  state?: string | undefined;
  service?: string | undefined;
  from?: Date | undefined;
  to?: Date | undefined;
  limit: number;
  cursor?: { openedAt: string; id: string } | undefined;
}

/** A row with its place in the list: the cursor that continues after it. */
export interface ListedIncident {
  incident: Incident;
  place: { openedAt: string; id: string };
}

export interface IncidentHistory {
  events: {
    sequence: number;
    kind: IncidentEventKind;
    at: string;
    reason: string;
    undecided: { attempts: number; error: string; isSetAside: boolean } | null;
  }[];
  decisions: {
    sequence: number;
    at: string | null;
    ruleId: string;
    ruleName: string;
    send: boolean;
    reason: string;
    detail: string | null;
    channelIds: string[];
  }[];
  deliveries: {
    id: string;
    sequence: number;
    channelId: string;
    channelName: string | null;
    kind: string;
    state: 'pending' | 'sent' | 'failed' | 'digested';
    createdAt: string;
    nextAttemptAt: string | null;
    sentAt: string | null;
    lastError: string | null;
    attempts: {
      attempt: number;
      at: string;
      status: number | null;
      outcome: 'sent' | 'retry' | 'failed';
      reason: string;
      tookMs: number;
    }[];
  }[];
}

export interface AnomalyFilter {
  from?: Date | undefined;
  to?: Date | undefined;
  service?: string | undefined;
  raised?: boolean | undefined;
  limit: number;
  cursor?: { windowAt: string; signal: Signal; operationId: number; callerId: number } | undefined;
}

export interface ListedAnomaly {
  finding: Finding;
  service: string;
  operation: string;
  kind: number;
  callerService: string | null;
  callerOperation: string | null;
  windowAt: string;
}

interface IncidentRow {
  id: string;
  tenant_id: number;
  state: Incident['state'];
  severity: Incident['severity'];
  started_at: Date;
  opened_at: Date;
  last_seen_at: Date;
  resolved_at: Date | null;
  quiet_windows: number;
  flaps: number;
  causes: Incident['causes'];
  affected: Incident['affected'];
  exemplars: string[];
  opened_at_us: string;
}

const INCIDENT = `i.id, i.tenant_id, i.state, i.severity, i.started_at, i.opened_at, i.last_seen_at, i.resolved_at, i.quiet_windows,
  i.flaps, i.causes, i.affected, i.exemplars, ${isoUs('i.opened_at')} as opened_at_us`;

/** What the incident screens show, one statement a screen; nothing of another tenant is ever found. */
@Injectable()
export class IncidentViewsStore {
  constructor(private readonly db: DataSource) {}

  /** Newest first, at most `limit`. The time range holds incidents that were under way at some instant of it. */
  async list(tenantId: number, filter: IncidentFilter): Promise<ListedIncident[]> {
    const { state = null, service = null, from = null, to = null, limit, cursor } = filter;
    const rows: IncidentRow[] = await this.db.query(
      `select ${INCIDENT}
       from incidents i
       where i.tenant_id = $1
         and ($2::text is null or i.state = $2)
         and ($3::text is null
              or i.affected @> jsonb_build_array(jsonb_build_object('service', $3::text))
              or i.causes @> jsonb_build_array(jsonb_build_object('service', $3::text)))
         and ($4::timestamptz is null or i.resolved_at is null or i.resolved_at >= $4)
         and ($5::timestamptz is null or i.started_at < $5)
         and ($6::timestamptz is null or (i.opened_at <= $6 and (i.opened_at < $6 or i.id > $7::uuid)))
       order by i.opened_at desc, i.id
       limit $8`,
      [tenantId, state, service, from, to, cursor?.openedAt ?? null, cursor?.id ?? null, limit],
    );
    return rows.map((row) => ({ incident: toIncident(row), place: { openedAt: row.opened_at_us, id: row.id } }));
  }

  /** An incident with what was decided and sent, each oldest first; null when this tenant has none of that id. */
  async get(tenantId: number, id: string): Promise<{ incident: Incident; history: IncidentHistory } | null> {
    const rows: (IncidentRow & IncidentHistory)[] = await this.db.query(
      `select ${INCIDENT},
         (select coalesce(jsonb_agg(jsonb_build_object(
                   'sequence', e.sequence, 'kind', e.kind, 'at', ${isoMs('e.at')}, 'reason', e.reason,
                   'undecided', case when e.decide_attempts > 0 then jsonb_build_object(
                     'attempts', e.decide_attempts, 'error', coalesce(e.decide_error, ''), 'isSetAside', e.set_aside) end)
                   order by e.sequence), '[]')
          from incident_events e where e.incident_id = i.id) as events,
         (select coalesce(jsonb_agg(jsonb_build_object(
                   'sequence', d.sequence, 'at', ${isoMs('d.at')}, 'ruleId', d.rule_id, 'ruleName', d.rule_name, 'send', d.send,
                   'reason', d.reason, 'detail', d.detail, 'channelIds', d.channel_ids)
                   order by d.sequence, d.at, d.rule_name, d.rule_id), '[]')
          from (select h.sequence, e.decided_at as at, h.rule_id, h.rule_name, h.send, h.reason, null as detail, h.channel_ids
                  from decisions h join incident_events e using (incident_id, sequence) where h.incident_id = i.id
                union all
                select e.sequence, e.decided_at, u.rule_id::uuid, u.rule_name, false, r.reason, null, '{}'::uuid[]
                  from incident_events e cross join jsonb_each(e.unconcerned_rules) r (reason, rules)
                  cross join jsonb_each_text(r.rules) u (rule_id, rule_name)
                 where e.incident_id = i.id
                union all
                select coalesce((select max(e.sequence) from incident_events e where e.incident_id = i.id and e.at <= r.step_at), 1),
                       r.at, r.rule_id, r.rule_name, r.send, r.reason, r.detail, r.channel_ids
                  from route_decisions r where r.tenant_id = $1 and r.incident_id = i.id) d) as decisions,
         (select coalesce(jsonb_agg(jsonb_build_object(
                   'id', n.id, 'sequence', n.sequence, 'channelId', n.channel_id, 'channelName', c.name, 'kind', n.kind,
                   'state', n.state, 'createdAt', ${isoMs('n.created_at')},
                   'nextAttemptAt', case when n.state = 'pending' then ${isoMs('n.next_attempt_at')} end,
                   'sentAt', ${isoMs('n.sent_at')}, 'lastError', n.last_error,
                   'attempts', (select coalesce(jsonb_agg(jsonb_build_object(
                                  'attempt', a.attempt, 'at', ${isoMs('a.at')}, 'status', a.status, 'outcome', a.outcome,
                                  'reason', a.reason, 'tookMs', a.took_ms) order by a.attempt), '[]')
                                from delivery_attempts a where a.notification_id = n.id))
                   order by n.sequence, n.created_at, n.id), '[]')
          from notifications n left join channels c on c.id = n.channel_id and c.tenant_id = n.tenant_id
          where n.incident_id = i.id) as deliveries
       from incidents i
       where i.tenant_id = $1 and i.id = $2`,
      [tenantId, id],
    );
    const row = rows[0];
    if (!row) return null;
    const { events, decisions, deliveries } = row;
    return { incident: toIncident(row), history: { events, decisions, deliveries } };
  }

  /** Findings, raised and held back, newest window first, at most `limit`. */
  async anomalies(tenantId: number, filter: AnomalyFilter): Promise<ListedAnomaly[]> {
    const { from = null, to = null, service = null, raised = null, limit, cursor } = filter;
    const rows: {
      signal: Signal;
      operation_id: number;
      caller_id: number;
      window_at: Date;
      window_at_us: string;
      raised: boolean;
      reason: Finding['reason'];
      finding: Finding;
      service: string;
      operation: string;
      kind: number;
      caller_service: string | null;
      caller_operation: string | null;
    }[] = await this.db.query(
      `select a.signal, a.operation_id, a.caller_id, a.window_at, ${isoUs('a.window_at')} as window_at_us, a.raised, a.reason, a.finding,
         s.name as service, o.name as operation, o.kind, cs.name as caller_service, co.name as caller_operation
       from anomalies a
       join operations o on o.id = a.operation_id
       join services s on s.id = o.service_id
       left join operations co on co.id = a.caller_id
       left join services cs on cs.id = co.service_id
       where a.tenant_id = $1
         and ($2::timestamptz is null or a.window_at >= $2)
         and ($3::timestamptz is null or a.window_at < $3)
         and ($4::text is null or s.name = $4 or cs.name = $4)
         and ($5::boolean is null or a.raised = $5)
         and ($6::timestamptz is null
              or (a.window_at, a.signal, a.operation_id, a.caller_id) < ($6, $7::text, $8::int4, $9::int4))
       order by a.window_at desc, a.signal desc, a.operation_id desc, a.caller_id desc
       limit $10`,
      [
        tenantId,
        from,
        to,
        service,
        raised,
        cursor?.windowAt ?? null,
        cursor?.signal ?? null,
        cursor?.operationId ?? null,
        cursor?.callerId ?? null,
        limit,
      ],
    );
    return rows.map((row) => ({
      finding: {
        ...row.finding,
        signal: row.signal,
        operationId: row.operation_id,
        callerId: row.caller_id,
        windowAtMs: row.window_at.getTime(),
        raised: row.raised,
        reason: row.reason,
      },
      service: row.service,
      operation: row.operation,
      kind: row.kind,
      callerService: row.caller_service,
      callerOperation: row.caller_operation,
      windowAt: row.window_at_us,
    }));
  }
}

function toIncident(row: IncidentRow): Incident {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    state: row.state,
    severity: row.severity,
    startedMs: row.started_at.getTime(),
    openedMs: row.opened_at.getTime(),
    lastSeenMs: row.last_seen_at.getTime(),
    resolvedMs: row.resolved_at?.getTime() ?? null,
    quietWindows: row.quiet_windows,
    flaps: row.flaps,
    causes: row.causes,
    affected: row.affected,
    exemplars: row.exemplars,
  };
}
