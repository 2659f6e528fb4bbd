import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Rejected } from '../model/failure.js';
import { Histogram } from '../model/histogram.js';
import type { LearnedLatency, LoadStep, OperationLoad, ServiceLoad, WeightedLatency } from '../model/load.js';
import { KIND_CONSUMER, KIND_SERVER } from '../model/span.js';
import { HOUR_MS, MINUTE_MS, windowOf } from '../model/window.js';
import { CompactionStore } from './compaction.store.js';
import { type Piece, piecesOf } from './grain.js';
import { isoMs } from './iso-time.js';

/** Load is read over this much event time before the last measured window, when no period is asked for. */
const RECENT_MS = 5 * MINUTE_MS;

/** Answers stay small. */
const MAX_STEPS = 2_000;

/** Half-open range of measured event time. */
export interface Period {
  from: Date;
  to: Date;
}

/** What services and operations did over a period, from the coarsest rollups that hold it. */
@Injectable()
export class LoadStore {
  constructor(
    private readonly db: DataSource,
    private readonly compactions: CompactionStore,
  ) {}

  /** All services of the tenant, by name. `readyWindows` and `readyN`: how much a baseline must have learned to be ready. */
  async services(
    tenantId: number,
    readyWindows: number,
    readyN: number,
  ): Promise<{ period: Period | null; services: ServiceLoad[] }> {
    const period = await this.period(tenantId, {}, RECENT_MS);
    const values: unknown[] = [tenantId, readyWindows, readyN];
    const rows: WithHistograms<ServiceLoad>[] = await this.db.query(
      `with recent as (
         select o.service_id, r.*, o.kind in (${KIND_SERVER}, ${KIND_CONSUMER}) as serves
         from (${await this.source(tenantId, period, values)}) r
         join operations o on o.id = r.operation_id and o.tenant_id = $1
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
       select s.name, coalesce(k.operations, 0) as "operations", coalesce(l.received, 0) as "received",
         coalesce(l.unknown, 0) as "unknownWeight", coalesce(l.n, 0) as "n",
         coalesce(l.requests, 0) as "requests", coalesce(l.failed_requests, 0) as "failedRequests",
         coalesce(l.latencies, '') as "latencies", ${isoMs('c.seen_through')} as "lastSeenAt",
         coalesce(k.ready, false) as "hasReadyBaseline",
         exists (select from deviating d where d.name = s.name) as "inUnresolvedIncident"
       from services s
       left join known k on k.service_id = s.id
       left join load l on l.service_id = s.id
       left join event_clocks c on c.tenant_id = s.tenant_id and c.service_id = s.id
       where s.tenant_id = $1
       order by s.name`,
      values,
    );
    return { period, services: rows.map(withHistograms) };
  }

  /**
   * Operations of the tenant, or of one of its services, busiest first; `total` counts those beyond `limit` too. Over what is asked for of
   * the measured time, else its last five minutes.
   */
  async operations(
    tenantId: number,
    service: string | undefined,
    asked: Partial<Period>,
    limit: number,
  ): Promise<{ period: Period | null; operations: OperationLoad[]; total: number }> {
    const period = await this.period(tenantId, asked, RECENT_MS);
    const tillMs = period?.to.getTime() ?? 0;
    const values: unknown[] = [tenantId, service ?? null, limit, new Date(tillMs - RECENT_MS), new Date(tillMs)];
    const source = await this.source(tenantId, period, values);
    const rows: (WithHistograms<Omit<OperationLoad, 'baseline'>> & StoredBaseline & { total: number })[] =
      await this.db.query(
        `with load as (
         select operation_id, sum(received)::float8 as received, sum(unknown)::float8 as unknown, sum(n)::float8 as n,
           sum(errors)::float8 as errors
         from (${source}) r group by operation_id
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
       ),
       shapes as (
         select operation_id, string_agg(latency, ',') as latencies
         from (${source}) r where operation_id in (select id from busiest) group by operation_id
       ),
       late as (
         select operation_id, sum(late_n)::float8 / nullif(sum(n), 0)::float8 as share
         from rollups
         where tenant_id = $1 and window_at >= $4 and window_at < $5 and operation_id in (select id from busiest) group by operation_id
       )
       select o.*, coalesce(h.latencies, '') as "latencies", t.share as "lateShare", b.operation_id is not null as "hasBaseline",
         b.state -> 'windows' as "learnedWindows", b.state -> 'n' as "learnedN", b.state ->> 'latency' as "learnedLatency"
       from busiest o
       left join shapes h on h.operation_id = o.id
       left join late t on t.operation_id = o.id
       left join baselines b on b.operation_id = o.id
       order by o.n desc, o.service, o.name, o.kind`,
        values,
      );
    const operations = rows.map((row) => ({
      ...withHistograms(row),
      baseline: learnedLatency(row),
    }));
    return { period, operations, total: rows[0]?.total ?? 0 };
  }

  /**
   * What one operation did in the measured part of a period (else in its last hour), step by step, oldest first; steps without a span are left
   * out. Null when the tenant has no such operation. `stepMs`: whole windows. Throws Rejected when there would be too many steps.
   */
  async operation(
    tenantId: number,
    operationId: number,
    asked: Partial<Period>,
    stepMs: number,
  ): Promise<{ period: Period | null; steps: LoadStep[] } | null> {
    const [known] = await this.db.query<unknown[]>(`select from operations where tenant_id = $1 and id = $2`, [
      tenantId,
      operationId,
    ]);
    if (known === undefined) return null;
    const period = await this.period(tenantId, asked, HOUR_MS);
    if (period !== null && period.to.getTime() - period.from.getTime() > MAX_STEPS * stepMs) {
      const seconds = stepMs / 1000;
      throw new Rejected(
        'too_many_steps',
        `more than ${MAX_STEPS} steps of ${seconds} s: ask for longer steps`,
        400,
        'step',
      );
    }
    const values: unknown[] = [tenantId, operationId];
    const rows: (WithHistograms<LoadStep> & { atMs: number })[] = await this.db.query(
      `select (floor(extract(epoch from window_at) * 1000 / ${stepMs}) * ${stepMs})::float8 as "atMs", sum(n)::float8 as n,
         sum(errors)::float8 as errors, string_agg(latency, ',') as latencies
       from (${await this.source(tenantId, period, values, stepMs)}) r where operation_id = $2 group by 1 order by 1`,
      values,
    );
    return { period, steps: rows.map(withHistograms) };
  }

  /** What is measured of the period that was asked for, in whole windows; null when that is nothing. */
  private async period(tenantId: number, asked: Partial<Period>, usualMs: number): Promise<Period | null> {
    const [row] = await this.db.query<{ first: Date; till: Date }[]>(
      `select c.first_window_at as first, least(c.closed_through, m.done_through) as till
       from tenant_clocks c join stage_cursors m on m.tenant_id = c.tenant_id and m.stage = 'measure'
       where c.tenant_id = $1`,
      [tenantId],
    );
    if (row === undefined) return null;
    const [first, till] = [row.first.getTime(), row.till.getTime()];
    const toMs = windowOf(Math.min(asked.to?.getTime() ?? till, till));
    // A tenant younger than the period is not divided by time in which it did not exist.
    const fromMs = windowOf(Math.max(asked.from?.getTime() ?? toMs - usualMs, first));
    return fromMs < toMs ? { from: new Date(fromMs), to: new Date(toMs) } : null;
  }

  /** A query for all that was measured in the period; adds its parameters to `values`, of which the first is the tenant. */
  private async source(tenantId: number, period: Period | null, values: unknown[], stepMs?: number): Promise<string> {
    const compacted = await this.compactions.compacted(tenantId);
    const pieces = period === null ? [] : piecesOf(period.from.getTime(), period.to.getTime(), compacted, stepMs);
    const select = (grain: Piece['grain'], where: string): string =>
      `select operation_id, window_at, n as received, coalesce(weighted_n, n) as n,
         coalesce(weighted_error_count, error_count) as errors, coalesce(unknown_weight_n, n) as unknown,
         encode(latency, 'base64') || '*' || coalesce(weighted_n / nullif(n, 0), 1) as latency
       from ${grain} where tenant_id = $1 and ${where}`;
    if (pieces.length === 0) return select('rollups', 'false');
    return pieces
      .map(({ grain, fromMs, toMs }) => {
        const at = values.push(new Date(fromMs), new Date(toMs));
        return select(grain, `window_at >= $${at - 1} and window_at < $${at}`);
      })
      .join(' union all ');
  }
}

/** Of the learned state, what is shown: the whole of it is many times as long. */
interface StoredBaseline {
  hasBaseline: boolean;
  learnedWindows: number;
  learnedN: number;
  learnedLatency: string;
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

function learnedLatency(row: StoredBaseline): LearnedLatency | null {
  if (!row.hasBaseline) return null;
  const latency = Histogram.decode(Buffer.from(row.learnedLatency, 'base64'));
  return { windows: row.learnedWindows, n: row.learnedN, latency };
}
