import type { ClientBase } from 'pg';
import { floorMinute } from '../model/window.js';
import { REOPEN_LIMIT_MS } from '../pipeline.js';
import { newSegments, planSegments } from './batch.js';
import { copyInto } from './copy-into.js';
import { indexSegments } from './index-spans.js';
import type { Pending } from './pending.js';

/** Keys of requests that were stored before, and how many of their spans were accepted then (null: not noted). */
export type Duplicates = Map<string, number | null>;

/**
 * Stores requests in one transaction and returns those that were stored before. When it throws, nothing is stored, unless the
 * connection broke during COMMIT: then a repetition of the request finds out.
 *
 * Counts are written in the same transaction: a crash then cannot part them from the spans they count. Every commit touches the same few
 * rows, so they come last and in one order: the rows are locked for the time of a COMMIT, and no two commits wait for each other in a circle.
 */
export async function commit(client: ClientBase, requests: readonly Pending[], nowMs: number): Promise<Duplicates> {
  await client.query('begin');
  try {
    const counts = new Counts();
    const storable = requests.filter(({ admitted }) => admitted.spans.n > 0);
    const planned = planSegments(storable);
    let duplicates: Duplicates = new Map();
    if (storable.length > 0) {
      const segmentOf = new Map(planned.flatMap(({ id, requests: members }) => members.map(({ key }) => [key, id])));
      duplicates = await storedBefore(client, storable, segmentOf);
      const segments = newSegments(planned, duplicates);
      if (segments.length > 0) {
        const rows = indexSegments(segments, nowMs);
        await copyInto(client, 'segments', rows.segments);
        await copyInto(client, 'trace_segments', rows.traceSegments);
        await copyInto(client, 'postings', rows.postings);
        await markLate(client, rows.touched, counts);
      }
    }
    for (const { tenantId, admitted, key } of requests) {
      counts.add(tenantId, 'received', admitted.received);
      counts.add(tenantId, duplicates.has(key) ? 'duplicate' : 'stored', admitted.spans.n);
      for (const [reason, n] of admitted.rejected) counts.add(tenantId, `rejected:${reason}`, n);
      if (!duplicates.has(key)) counts.add(tenantId, 'adjusted:end_before_start', admitted.endsEarly);
    }
    await counts.write(client);
    await client.query('commit');
    return duplicates;
  } catch (error) {
    // After a broken connection there is nothing to roll back and nobody to ask.
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}

/**
 * Claims the requests' keys in every hour that they have spans in, waiting for another commit that holds the same; returns those that are
 * taken. Which spans are accepted depends on the clock (age, future), so that a repetition may have fewer hours, or more: one hour in
 * common says that it is the same request, and none that no span of it is stored.
 */
async function storedBefore(
  client: ClientBase,
  requests: readonly Pending[],
  segmentOf: ReadonlyMap<string, string>,
): Promise<Duplicates> {
  const claims = requests
    .flatMap(({ key, hours, tenantId, admitted }) =>
      hours.map((hour) => ({ key, hour, tenantId, segmentId: segmentOf.get(key)!, accepted: admitted.spans.n })),
    )
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.hour - b.hour));
  const claimed = await client.query<{ key: string; hour: Date }>(
    `insert into request_keys (request_key, hour, tenant_id, segment_id, accepted)
     select * from unnest($1::uuid[], $2::timestamptz[], $3::int4[], $4::int8[], $5::int4[])
     on conflict do nothing returning replace(request_key::text, '-', '') as key, hour`,
    [
      claims.map(({ key }) => key),
      claims.map(({ hour }) => new Date(hour)),
      claims.map(({ tenantId }) => tenantId),
      claims.map(({ segmentId }) => segmentId),
      claims.map(({ accepted }) => accepted),
    ],
  );
  if (claimed.rows.length === claims.length) return new Map();
  const free = new Set(claimed.rows.map(({ key, hour }) => `${key} ${hour.getTime()}`));
  const taken = claims.filter(({ key, hour }) => !free.has(`${key} ${hour}`));
  const { rows } = await client.query<{ key: string; accepted: number | null }>(
    `select replace(request_key::text, '-', '') as key, min(accepted) as accepted
       from request_keys join unnest($1::uuid[], $2::timestamptz[]) as taken (request_key, hour) using (request_key, hour)
      group by request_key`,
    [taken.map(({ key }) => key), taken.map(({ hour }) => new Date(hour))],
  );
  return new Map(rows.map(({ key, accepted }) => [key, accepted]));
}

/**
 * Marks windows that were closed before this commit. Holding the clock's row until the commit makes whoever closes a window wait for
 * spans that still belong to it.
 */
async function markLate(
  client: ClientBase,
  touched: ReadonlyMap<number, ReadonlyMap<number, number>>,
  counts: Counts,
): Promise<void> {
  const tenantIds = [...touched.keys()].sort((a, b) => a - b);
  let closed = await closedThrough(client, tenantIds);
  const unknown = tenantIds.filter((tenantId) => !closed.has(tenantId));
  if (unknown.length > 0) {
    await client.query(
      `insert into tenant_clocks (tenant_id, first_window_at, closed_through)
       select tenant_id, first_at, first_at from unnest($1::int4[], $2::timestamptz[]) as first (tenant_id, first_at)
       on conflict do nothing`,
      [unknown, unknown.map((tenantId) => new Date(floorMinute(Math.min(...touched.get(tenantId)!.keys()))))],
    );
    closed = await closedThrough(client, tenantIds);
  }
  const late: { tenantId: number; windowMs: number; n: number }[] = [];
  for (const tenantId of tenantIds) {
    const throughMs = closed.get(tenantId)!;
    for (const [windowMs, n] of touched.get(tenantId)!) {
      if (windowMs >= throughMs) continue;
      if (throughMs - windowMs > REOPEN_LIMIT_MS) counts.add(tenantId, 'late:not_measured', n);
      else {
        counts.add(tenantId, 'late:reopened', n);
        late.push({ tenantId, windowMs, n });
      }
    }
  }
  if (late.length === 0) return;
  late.sort((a, b) => a.tenantId - b.tenantId || a.windowMs - b.windowMs);
  await client.query(
    `insert into reopened_windows (tenant_id, window_at, late_spans)
     select * from unnest($1::int4[], $2::timestamptz[], $3::int8[])
     on conflict (tenant_id, window_at) do update set late_spans = reopened_windows.late_spans + excluded.late_spans`,
    [late.map(({ tenantId }) => tenantId), late.map(({ windowMs }) => new Date(windowMs)), late.map(({ n }) => n)],
  );
}

async function closedThrough(client: ClientBase, tenantIds: number[]): Promise<Map<number, number>> {
  const { rows } = await client.query<{ tenant_id: number; closed_through: Date }>(
    `select tenant_id, closed_through from tenant_clocks where tenant_id = any($1) order by tenant_id for share`,
    [tenantIds],
  );
  return new Map(rows.map((row) => [row.tenant_id, row.closed_through.getTime()]));
}

/** Number of spans by tenant and outcome. */
class Counts {
  private readonly tenants = new Map<number, Map<string, number>>();

  add(tenantId: number, outcome: string, n: number): void {
    if (n === 0) return;
    let outcomes = this.tenants.get(tenantId);
    if (!outcomes) this.tenants.set(tenantId, (outcomes = new Map()));
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + n);
  }

  async write(client: ClientBase): Promise<void> {
    const rows = [...this.tenants]
      .flatMap(([tenantId, outcomes]) => [...outcomes].map(([outcome, n]) => ({ tenantId, outcome, n })))
      .sort((a, b) => a.tenantId - b.tenantId || (a.outcome < b.outcome ? -1 : 1));
    if (rows.length === 0) return;
    await client.query(
      `insert into span_counts (tenant_id, outcome, n) select * from unnest($1::int4[], $2::text[], $3::int8[])
       on conflict (tenant_id, outcome) do update set n = span_counts.n + excluded.n`,
      [rows.map(({ tenantId }) => tenantId), rows.map(({ outcome }) => outcome), rows.map(({ n }) => n)],
    );
  }
}
