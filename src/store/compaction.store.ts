import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { Histogram } from '../model/histogram.js';
import { floorHour, floorMinute, HOUR_MS, MINUTE_MS } from '../model/window.js';
import type { Compacted, Grain } from './grain.js';

/** Any number that no other advisory lock of two keys uses; the second is the tenant. */
const LOCK = 7_268_325;

/** Rollups of windows become those of minutes, and minutes become hours, in event time. */
@Injectable()
export class CompactionStore {
  constructor(private readonly db: DataSource) {}

  /** Writes the minutes and hours that end in (fromMs, toMs], whose windows are all measured, in place of what they held before. */
  async compact(tx: EntityManager, tenantId: number, fromMs: number, toMs: number): Promise<void> {
    const first = floorMinute(fromMs);
    if (first + MINUTE_MS > toMs) return;
    await lock(tx, tenantId);
    const [{ since_ms }] = await tx.query<[{ since_ms: string }]>(
      `with made as (
         insert into compactions (tenant_id, since) values ($1, $2) on conflict (tenant_id) do nothing returning since
       )
       select extract(epoch from since) * 1000 as since_ms from made
       union all select extract(epoch from since) * 1000 from compactions where tenant_id = $1`,
      [tenantId, new Date(first)],
    );
    for (let atMs = first; atMs + MINUTE_MS <= toMs; atMs += MINUTE_MS) {
      await this.write(tx, tenantId, 'rollups', 'minute_rollups', atMs, MINUTE_MS);
    }
    for (
      let atMs = Math.max(floorHour(fromMs), Number(since_ms));
      atMs + HOUR_MS <= toMs;
      atMs = floorHour(atMs) + HOUR_MS
    ) {
      if (atMs === floorHour(atMs)) await this.write(tx, tenantId, 'minute_rollups', 'hour_rollups', atMs, HOUR_MS);
    }
  }

  /** Does the minute and the hour of a window again that was measured again, as far as they were done. To be called before its rollups change. */
  async redo(tx: EntityManager, tenantId: number, windowAtMs: number, replace: () => Promise<void>): Promise<void> {
    await lock(tx, tenantId);
    await replace();
    const compacted = await this.compacted(tenantId, tx);
    if (compacted === null) return;
    const isDone = (atMs: number, lengthMs: number): boolean =>
      atMs >= compacted.sinceMs && atMs + lengthMs <= compacted.throughMs;
    const [minute, hour] = [floorMinute(windowAtMs), floorHour(windowAtMs)];
    if (isDone(minute, MINUTE_MS)) await this.write(tx, tenantId, 'rollups', 'minute_rollups', minute, MINUTE_MS);
    if (isDone(hour, HOUR_MS)) await this.write(tx, tenantId, 'minute_rollups', 'hour_rollups', hour, HOUR_MS);
  }

  /** Where minutes and hours may be relied upon; null before the first. */
  async compacted(tenantId: number, db: Pick<EntityManager, 'query'> = this.db): Promise<Compacted | null> {
    const [row] = await db.query<{ since_ms: string; through_ms: string }[]>(
      `select extract(epoch from since) * 1000 as since_ms, extract(epoch from done_through) * 1000 as through_ms
         from compactions join stage_cursors using (tenant_id) where tenant_id = $1 and stage = 'measure'`,
      [tenantId],
    );
    return row === undefined ? null : { sinceMs: Number(row.since_ms), throughMs: floorMinute(Number(row.through_ms)) };
  }

  private async write(
    tx: EntityManager,
    tenantId: number,
    from: Grain,
    into: Grain,
    atMs: number,
    lengthMs: number,
  ): Promise<void> {
    const start = new Date(atMs);
    const rows = await tx.query<FineRow[]>(
      `select operation_id, sum(n)::text as n, sum(error_count)::text as errors, sum(coalesce(weighted_n, n)) as weighted_n,
              sum(coalesce(weighted_error_count, error_count)) as weighted_errors,
              sum(coalesce(unknown_weight_n, n))::text as unknown, string_agg(encode(latency, 'base64'), ',') as latencies
         from ${from} where tenant_id = $1 and window_at >= $2 and window_at < $3 group by operation_id order by operation_id`,
      [tenantId, start, new Date(atMs + lengthMs)],
    );
    await tx.query(`delete from ${into} where tenant_id = $1 and window_at = $2`, [tenantId, start]);
    if (rows.length === 0) return;
    await tx.query(
      `insert into ${into} (tenant_id, window_at, operation_id, n, error_count, weighted_n, weighted_error_count,
                            unknown_weight_n, latency)
       select $1, $2, * from unnest($3::int4[], $4::int8[], $5::int8[], $6::float8[], $7::float8[], $8::int8[], $9::bytea[])`,
      [
        tenantId,
        start,
        rows.map((row) => row.operation_id),
        rows.map((row) => row.n),
        rows.map((row) => row.errors),
        rows.map((row) => row.weighted_n),
        rows.map((row) => row.weighted_errors),
        rows.map((row) => row.unknown),
        rows.map((row) => mergedLatency(row.latencies)),
      ],
    );
  }
}

interface FineRow {
  operation_id: number;
  n: string;
  errors: string;
  weighted_n: number;
  weighted_errors: number;
  unknown: string;
  /** Base64, joined by commas. */
  latencies: string;
}

/** Whoever changes windows of a minute, or compacts it, waits for the other: the minute must not miss either. */
async function lock(tx: EntityManager, tenantId: number): Promise<void> {
  await tx.query(`select pg_advisory_xact_lock($1, $2)`, [LOCK, tenantId]);
}

function mergedLatency(latencies: string): Buffer {
  const encoded = latencies.split(',').map((text) => Buffer.from(text, 'base64'));
  if (encoded.length === 1) return encoded[0]!;
  const all = new Histogram();
  for (const bytes of encoded) all.merge(Histogram.decode(bytes));
  return Buffer.from(all.encode());
}
