import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Histogram } from '../model/histogram.js';
import { KIND_CONSUMER, KIND_SERVER } from '../model/span.js';
import type { LearnedLatency, OperationLoad, ServiceLoad, WeightedLatency } from '../model/load.js';
import { isoMs } from './iso-time.js';

/** Load is read over this much event time before the last measured window. */
const RECENT = `interval '5 minutes'`;

/** Half-open range of measured event time. */
export interface Period {
  from: Date;
  to: Date;
}

export interface PipelineProgress {
  watermark: string | null;
  closedThrough: string | null;
  stages: Record<string, string>;
  /** Before it only anomalous traces are left; what RETENTION_MAX_BYTES has cost. */
  retention: {
    wholeSince: string | null;
    droppedForSpace: { spans: number; lastHour: string; lastAt: string } | null;
  };
  undecidedEvents: number;
  setAsideEvents: number;
  pendingNotifications: number;
}

// A tenant younger than the period is not divided by time in which it did not exist.
const PERIOD = `period as materialized (
    select greatest(till - ${RECENT}, c.first_window_at) as since, till
    from tenant_clocks c
    join stage_cursors m on m.tenant_id = c.tenant_id and m.stage = 'measure'
    cross join lateral (select least(c.closed_through, m.done_through) as till) measured
    where c.tenant_id = $1 and till > c.first_window_at
  )`;
const IN_PERIOD = `r.window_at >= (select since from period) and r.window_at < (select till from period)`;

/** What a rollup `r` stands for: itself, unless its spans state how probably they were sampled. */
const WEIGHTED = `coalesce(r.weighted_n, r.n) as n, coalesce(r.weighted_error_count, r.error_count) as errors,
           coalesce(r.unknown_weight_n, r.n) as unknown`;
/** Its histogram, and how many spans one of its spans stands for. */
const LATENCY = `encode(r.latency, 'base64') || '*' || coalesce(r.weighted_n / nullif(r.n, 0), 1)`;

/** What services, operations and the state of the pipeline look like now, one statement a screen. */
@Injectable()
export class ViewsStore {
  constructor(private readonly db: DataSource) {}

  /** All services of the tenant, by name. `readyWindows` and `readyN`: how much a baseline must have learned to be ready. */
  async services(
    tenantId: number,
    readyWindows: number,
    readyN: number,
  ): Promise<{ period: Period | null; services: ServiceLoad[] }> {
    const rows: (MaybePeriod & WithHistograms<ServiceLoad>)[] = await this.db.query(
      `with ${PERIOD},
       recent as (
         select o.service_id, r.n as received, ${WEIGHTED}, ${LATENCY} as latency, o.kind in (${KIND_SERVER}, ${KIND_CONSUMER}) as serves
         from rollups r
         join operations o on o.id = r.operation_id and o.tenant_id = $1
         where r.tenant_id = $1 and ${IN_PERIOD}
       ),
       judged as (
         select *, serves or not bool_or(serves) over (partition by service_id) as is_request from recent
       ),
       load as (
         select service_id, sum(received)::float8 as received, sum(unknown)::float8 as unknown, sum(n)::float8 as n,
           sum(n) filter (where is_request)::float8 as requests,
           sum(errors) filter (where is_request)::float8 as failed_requests,
           string_agg(latency, ',') filter (where is_request) as latencies
         from judged group by service_id
       ),
       known as (
         select o.service_id, count(*)::int4 as operations,
           bool_or((b.state ->> 'windows')::float8 >= $2 and (b.state ->> 'n')::float8 >= $3) as ready
         from operations o left join baselines b on b.operation_id = o.id
         where o.tenant_id = $1 group by o.service_id
       ),
       deviating as (
         select distinct each ->> 'service' as name
         from incidents i, jsonb_array_elements(i.affected || coalesce(i.causes -> 0, '[]')) each
         where i.tenant_id = $1 and i.state <> 'resolved'
       )
       select p.since, p.till, s.name, coalesce(k.operations, 0) as "operations", coalesce(l.received, 0) as "received",
         coalesce(l.unknown, 0) as "unknownWeight", coalesce(l.n, 0) as "n",
         coalesce(l.requests, 0) as "requests", coalesce(l.failed_requests, 0) as "failedRequests",
         coalesce(l.latencies, '') as "latencies", ${isoMs('c.seen_through')} as "lastSeenAt",
         coalesce(k.ready, false) as "hasReadyBaseline",
         exists (select from deviating d where d.name = s.name) as "inUnresolvedIncident"
       from services s
       left join known k on k.service_id = s.id
       left join load l on l.service_id = s.id
       left join event_clocks c on c.tenant_id = s.tenant_id and c.service_id = s.id
       left join period p on true
       where s.tenant_id = $1
       order by s.name`,
      [tenantId, readyWindows, readyN],
    );
    return { period: toPeriod(rows), services: rows.map(withHistograms) };
  }

  /** Operations of the tenant, or of one of its services, busiest first; `total` counts those beyond `limit` too. */
  async operations(
    tenantId: number,
    service: string | undefined,
    limit: number,
  ): Promise<{ period: Period | null; operations: OperationLoad[]; total: number }> {
    const rows: (MaybePeriod &
      WithHistograms<Omit<OperationLoad, 'baseline'>> & { state: StoredBaseline | null; total: number })[] =
      await this.db.query(
        `with ${PERIOD},
       load as (
         select operation_id, sum(received)::float8 as received, sum(unknown)::float8 as unknown, sum(n)::float8 as n,
           sum(errors)::float8 as errors
         from (select r.operation_id, r.n as received, ${WEIGHTED} from rollups r where r.tenant_id = $1 and ${IN_PERIOD}) weighted
         group by operation_id
       ),
       busiest as (
         select o.id, s.name as service, o.name, o.kind, coalesce(l.received, 0) as received,
           coalesce(l.unknown, 0) as "unknownWeight", coalesce(l.n, 0) as n, coalesce(l.errors, 0) as errors,
           count(*) over ()::int4 as total
         from operations o
         join services s on s.id = o.service_id
         left join load l on l.operation_id = o.id
         where o.tenant_id = $1 and ($2::text is null or s.name = $2)
         order by n desc, service, name, kind
         limit $3
       )
       select p.since, p.till, o.total, o.service, o.name, o.kind, o.received, o."unknownWeight", o.n, o.errors, b.state,
         coalesce((select string_agg(${LATENCY}, ',')
                   from rollups r where r.operation_id = o.id and ${IN_PERIOD}), '') as "latencies"
       from busiest o
       left join baselines b on b.operation_id = o.id
       left join period p on true
       order by o.n desc, o.service, o.name, o.kind`,
        [tenantId, service ?? null, limit],
      );
    const operations = rows.map((row) => ({
      ...withHistograms(row),
      baseline: row.state && learnedLatency(row.state),
    }));
    return { period: toPeriod(rows), operations, total: rows[0]?.total ?? 0 };
  }

  /** Throws when the database does not answer. */
  async ping(): Promise<void> {
    await this.db.query('select 1');
  }

  /** How far the tenant has come, and what still waits. */
  async pipeline(tenantId: number): Promise<PipelineProgress> {
    const [row]: [PipelineProgress] = await this.db.query(
      `select
         (select ${isoMs('percentile_disc(0.5) within group (order by seen_through)')}
          from event_clocks where tenant_id = $1) as "watermark",
         (select ${isoMs('closed_through')} from tenant_clocks where tenant_id = $1) as "closedThrough",
         (select coalesce(jsonb_object_agg(stage, ${isoMs('done_through')}), '{}')
          from stage_cursors where tenant_id = $1) as "stages",
         jsonb_build_object(
           'wholeSince', (select ${isoMs('min(hour)')} from journal_hours where reduced_at is null or reduced_at < last_written_at),
           'droppedForSpace', (select jsonb_build_object(
              'spans', n, 'lastHour', ${isoMs('last_hour')}, 'lastAt', ${isoMs('last_at')})
            from dropped_spans where tenant_id = $1 and reason = 'space')) as "retention",
         (select count(*)::int4 from incident_events where tenant_id = $1 and decided_at is null) as "undecidedEvents",
         (select count(*)::int4 from incident_events where tenant_id = $1 and set_aside) as "setAsideEvents",
         (select count(*)::int4 from notifications where tenant_id = $1 and state = 'pending') as "pendingNotifications"`,
      [tenantId],
    );
    return row;
  }
}

/** Of the learned state, what is shown. */
interface StoredBaseline {
  windows: number;
  n: number;
  latency: string;
}

interface MaybePeriod {
  since: Date | null;
  till: Date | null;
}

/** As it comes from the database: histograms in base64, each with * and its weight, joined by commas. */
type WithHistograms<T extends { latencies: WeightedLatency[] }> = Omit<T, 'latencies'> & { latencies: string };

function withHistograms<T extends { latencies: string }>(
  row: T,
): Omit<T, 'latencies'> & { latencies: WeightedLatency[] } {
  const latencies = row.latencies === '' ? [] : row.latencies.split(',').map(weightedLatency);
  return { ...row, latencies };
}

function weightedLatency(text: string): WeightedLatency {
  const star = text.lastIndexOf('*');
  return { histogram: Buffer.from(text.slice(0, star), 'base64'), weight: Number(text.slice(star + 1)) };
}

function learnedLatency({ windows, n, latency }: StoredBaseline): LearnedLatency {
  return { windows, n, latency: Histogram.decode(Buffer.from(latency, 'base64')) };
}

function toPeriod(rows: readonly MaybePeriod[]): Period | null {
  const [row] = rows;
  return row === undefined || row.since === null || row.till === null ? null : { from: row.since, to: row.till };
}
