import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { EventRollup } from '../model/event.js';
import { Histogram } from '../model/histogram.js';
import type { EdgeRollup, Rollup, WindowMeasure } from '../model/rollup.js';
import { windowsBetween } from '../model/window.js';
import {
  type PackedInstance,
  packedInstances,
  type PackedPaths,
  packedPaths,
  unpackedInstances,
  unpackedPaths,
} from './packed.js';

/** Measured windows: operations, edges and totals. */
@Injectable()
export class RollupStore {
  constructor(private readonly db: DataSource) {}

  /** Puts these windows in place of whatever was measured of them before. */
  async replace(tx: EntityManager, tenantId: number, windows: readonly WindowMeasure[]): Promise<void> {
    if (windows.length === 0) return;
    const at = windows.map((window) => new Date(window.windowAtMs));
    for (const table of ['rollups', 'edge_rollups', 'event_rollups']) {
      await tx.query(`delete from ${table} where tenant_id = $1 and window_at = any($2::timestamptz[])`, [
        tenantId,
        at,
      ]);
    }
    await this.insertTotals(tx, tenantId, windows);
    await this.insertRollups(
      tx,
      tenantId,
      windows.flatMap((window) => window.rollups),
    );
    await this.insertEdges(
      tx,
      tenantId,
      windows.flatMap((window) => window.edges),
    );
    await this.insertEvents(
      tx,
      tenantId,
      windows.flatMap(({ windowAtMs, events = [] }) => events.map((event) => ({ windowAtMs, ...event }))),
    );
  }

  /** All windows that start in [fromMs, toMs), oldest first; one that was never measured, or held nothing, has n = 0. */
  async load(tenantId: number, fromMs: number, toMs: number): Promise<WindowMeasure[]> {
    const range = [tenantId, new Date(fromMs), new Date(toMs)];
    const [totals, rollups, edges, events] = await Promise.all([
      this.db.query<TotalRow[]>(
        `select extract(epoch from window_at) * 1000 as at_ms, n, traces, sampled_traces, duplicate_spans
           from window_totals where tenant_id = $1 and window_at >= $2 and window_at < $3`,
        range,
      ),
      this.db.query<RollupRow[]>(
        `select operation_id, extract(epoch from window_at) * 1000 as at_ms, n, error_count, entries, duration_sum_us, max_duration_us,
                latency, sampled_n, failed_here_n, self_time, shapes, instances, paths,
                exemplars, weighted_n, weighted_error_count, unknown_weight_n, late_n
           from rollups where tenant_id = $1 and window_at >= $2 and window_at < $3
          order by operation_id`,
        range,
      ),
      this.db.query<EdgeRow[]>(
        `select caller_id, callee_id, extract(epoch from window_at) * 1000 as at_ms, calls, error_count, gap, links
           from edge_rollups where tenant_id = $1 and window_at >= $2 and window_at < $3
          order by caller_id, callee_id`,
        range,
      ),
      this.db.query<EventRow[]>(
        `select template_id, operation_id, extract(epoch from window_at) * 1000 as at_ms, n, spans, exemplars
           from event_rollups where tenant_id = $1 and window_at >= $2 and window_at < $3
          order by template_id, operation_id`,
        range,
      ),
    ]);
    const windows = new Map<number, WindowMeasure>();
    for (const windowAtMs of windowsBetween(fromMs, toMs)) {
      windows.set(windowAtMs, {
        windowAtMs,
        n: 0,
        traces: 0,
        sampledTraces: 0,
        duplicateSpans: 0,
        rollups: [],
        edges: [],
        events: [],
      });
    }
    for (const row of totals) {
      const window = windows.get(Number(row.at_ms));
      if (window === undefined) continue;
      window.n = Number(row.n);
      window.traces = row.traces;
      window.sampledTraces = row.sampled_traces;
      window.duplicateSpans = row.duplicate_spans;
    }
    for (const row of rollups) windows.get(Number(row.at_ms))?.rollups.push(rollupOf(row));
    for (const row of edges) windows.get(Number(row.at_ms))?.edges.push(edgeOf(row));
    for (const row of events) windows.get(Number(row.at_ms))?.events?.push(eventOf(row));
    return [...windows.values()];
  }

  /** Starts of the windows in [fromMs, toMs) of which something is known. */
  async windowsWithData(tenantId: number, fromMs: number, toMs: number): Promise<Set<number>> {
    const rows = await this.db.query<{ at_ms: string }[]>(
      `select extract(epoch from window_at) * 1000 as at_ms
         from window_totals where tenant_id = $1 and window_at >= $2 and window_at < $3 and n > 0`,
      [tenantId, new Date(fromMs), new Date(toMs)],
    );
    return new Set(rows.map((row) => Number(row.at_ms)));
  }

  private async insertTotals(tx: EntityManager, tenantId: number, windows: readonly WindowMeasure[]): Promise<void> {
    await tx.query(
      `insert into window_totals as t (tenant_id, window_at, n, traces, sampled_traces, duplicate_spans)
       select $1, * from unnest($2::timestamptz[], $3::int8[], $4::int4[], $5::int4[], $6::int4[])
       on conflict (tenant_id, window_at) do update
          set n = excluded.n, traces = excluded.traces, sampled_traces = excluded.sampled_traces,
              duplicate_spans = excluded.duplicate_spans, revision = t.revision + 1`,
      [
        tenantId,
        windows.map((window) => new Date(window.windowAtMs)),
        windows.map((window) => window.n),
        windows.map((window) => window.traces),
        windows.map((window) => window.sampledTraces),
        windows.map((window) => window.duplicateSpans),
      ],
    );
  }

  private async insertRollups(tx: EntityManager, tenantId: number, rollups: readonly Rollup[]): Promise<void> {
    if (rollups.length === 0) return;
    await tx.query(
      `insert into rollups (tenant_id, operation_id, window_at, n, error_count, entries, duration_sum_us, max_duration_us,
                            latency, sampled_n, failed_here_n, self_time, shapes, instances,
                            paths, exemplars, weighted_n, weighted_error_count, unknown_weight_n, late_n)
       select $1, * from unnest($2::int4[], $3::timestamptz[], $4::int8[], $5::int8[], $6::int8[], $7::float8[], $8::int8[],
                                $9::bytea[], $10::int4[], $11::int4[], $12::bytea[], $13::jsonb[], $14::jsonb[],
                                $15::jsonb[], $16::jsonb[], $17::float8[], $18::float8[], $19::int8[],
                                $20::int8[])`,
      [
        tenantId,
        rollups.map((rollup) => rollup.operationId),
        rollups.map((rollup) => new Date(rollup.windowAtMs)),
        rollups.map((rollup) => rollup.n),
        rollups.map((rollup) => rollup.errors),
        rollups.map((rollup) => rollup.entries),
        rollups.map((rollup) => rollup.durationSumUs),
        rollups.map((rollup) => Math.round(rollup.maxDurationUs)),
        rollups.map((rollup) => Buffer.from(rollup.latency.encode())),
        rollups.map((rollup) => rollup.sampledN),
        rollups.map((rollup) => rollup.failedHere),
        rollups.map((rollup) => Buffer.from(rollup.selfTime.encode())),
        rollups.map((rollup) => JSON.stringify(Object.fromEntries(rollup.shapes))),
        rollups.map((rollup) => JSON.stringify(packedInstances(rollup.instances))),
        rollups.map((rollup) => (rollup.paths === null ? null : JSON.stringify(packedPaths(rollup.paths)))),
        rollups.map((rollup) => JSON.stringify({ slowest: rollup.slowest, failed: rollup.failed })),
        rollups.map(({ weighting }) => weighting?.n ?? null),
        rollups.map(({ weighting }) => weighting?.errors ?? null),
        rollups.map(({ weighting }) => weighting?.unknown ?? null),
        rollups.map(({ lateN }) => lateN ?? 0),
      ],
    );
  }

  private async insertEdges(tx: EntityManager, tenantId: number, edges: readonly EdgeRollup[]): Promise<void> {
    if (edges.length === 0) return;
    await tx.query(
      `insert into edge_rollups (tenant_id, caller_id, callee_id, window_at, calls, error_count, gap, links)
       select $1, * from unnest($2::int4[], $3::int4[], $4::timestamptz[], $5::int4[], $6::int4[], $7::bytea[], $8::int4[])`,
      [
        tenantId,
        edges.map((edge) => edge.callerId),
        edges.map((edge) => edge.calleeId),
        edges.map((edge) => new Date(edge.windowAtMs)),
        edges.map((edge) => edge.calls),
        edges.map((edge) => edge.errors),
        edges.map((edge) => Buffer.from(edge.gap.encode())),
        edges.map((edge) => edge.links ?? 0),
      ],
    );
  }

  private async insertEvents(
    tx: EntityManager,
    tenantId: number,
    events: readonly (EventRollup & { windowAtMs: number })[],
  ): Promise<void> {
    if (events.length === 0) return;
    await tx.query(
      `insert into event_rollups (tenant_id, template_id, operation_id, window_at, n, spans, exemplars)
       select $1, * from unnest($2::int8[], $3::int4[], $4::timestamptz[], $5::int4[], $6::int4[], $7::jsonb[])`,
      [
        tenantId,
        events.map((event) => event.templateId),
        events.map((event) => event.operationId),
        events.map((event) => new Date(event.windowAtMs)),
        events.map((event) => event.n),
        events.map((event) => event.spans),
        events.map((event) => JSON.stringify(event.exemplars)),
      ],
    );
  }
}

interface EventRow {
  template_id: string;
  operation_id: number;
  at_ms: string;
  n: number;
  spans: number;
  exemplars: string[];
}

interface TotalRow {
  at_ms: string;
  n: string;
  traces: number;
  sampled_traces: number;
  duplicate_spans: number;
}

interface RollupRow {
  operation_id: number;
  at_ms: string;
  n: string;
  error_count: string;
  entries: string;
  duration_sum_us: number;
  max_duration_us: string;
  latency: Buffer;
  sampled_n: number;
  failed_here_n: number;
  self_time: Buffer;
  shapes: Record<string, number>;
  instances: PackedInstance[];
  paths: PackedPaths | null;
  exemplars: { slowest: string[]; failed: string[] };
  weighted_n: number | null;
  weighted_error_count: number | null;
  unknown_weight_n: string | null;
  late_n: string;
}

interface EdgeRow {
  caller_id: number;
  callee_id: number;
  at_ms: string;
  calls: number;
  error_count: number;
  gap: Buffer;
  links: number;
}

function rollupOf(row: RollupRow): Rollup {
  return {
    operationId: row.operation_id,
    windowAtMs: Number(row.at_ms),
    n: Number(row.n),
    errors: Number(row.error_count),
    entries: Number(row.entries),
    ...(row.late_n === '0' ? {} : { lateN: Number(row.late_n) }),
    durationSumUs: row.duration_sum_us,
    maxDurationUs: Number(row.max_duration_us),
    latency: Histogram.decode(row.latency),
    sampledN: row.sampled_n,
    failedHere: row.failed_here_n,
    selfTime: Histogram.decode(row.self_time),
    shapes: new Map(Object.entries(row.shapes)),
    instances: unpackedInstances(row.instances),
    paths: unpackedPaths(row.paths),
    slowest: row.exemplars.slowest,
    failed: row.exemplars.failed,
    ...weightingOf(row),
  };
}

function weightingOf({ weighted_n, weighted_error_count, unknown_weight_n }: RollupRow): Pick<Rollup, 'weighting'> {
  if (weighted_n === null) return {};
  return { weighting: { n: weighted_n, errors: weighted_error_count ?? 0, unknown: Number(unknown_weight_n) } };
}

function eventOf(row: EventRow): EventRollup {
  const { operation_id: operationId, n, spans, exemplars } = row;
  return { templateId: Number(row.template_id), operationId, n, spans, exemplars };
}

function edgeOf(row: EdgeRow): EdgeRollup {
  return {
    callerId: row.caller_id,
    calleeId: row.callee_id,
    windowAtMs: Number(row.at_ms),
    calls: row.calls,
    errors: row.error_count,
    gap: Histogram.decode(row.gap),
    ...(row.links === 0 ? {} : { links: row.links }),
  };
}
