import type { ClientBase } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { finished } from 'node:stream/promises';
import { floorMinute } from '../model/window.js';
import { REOPEN_LIMIT_MS } from '../pipeline.js';
import { newSegments, planSegments } from './batch.js';
import type { CopyRows } from './copy-rows.js';
import { indexSegments } from './index-spans.js';
import type { Pending } from './pending.js';

/**
 * Stores requests in one transaction and returns the keys of those that were stored before. When it throws, nothing is stored, unless the
 * connection broke during COMMIT: then a repetition of the request finds out.
 *
 * Counts are written in the same transaction: a crash then cannot part them from the spans they count. Every commit touches the same few
 * rows, so they come last and in one order: the rows are locked for the time of a COMMIT, and no two commits wait for each other in a circle.
 */
export async function commit(client: ClientBase, requests: readonly Pending[], nowMs: number): Promise<Set<string>> {
  await client.query('begin');
  try {
    const counts = new Counts();
    const storable = requests.filter(({ admitted }) => admitted.spans.n > 0);
    const planned = planSegments(storable);
    const duplicates = new Set<string>();
    if (storable.length > 0) {
      const segmentOf = new Map(planned.flatMap(({ id, requests: members }) => members.map(({ key }) => [key, id])));
      for (const key of await storedBefore(client, storable, segmentOf)) duplicates.add(key);
      const segments = newSegments(planned, duplicates);
      if (segments.length > 0) {
        const rows = indexSegments(segments, nowMs);
        await copy(client, 'segments', rows.segments);
        await copy(client, 'trace_segments', rows.traceSegments);
        await copy(client, 'postings', rows.postings);
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

/** Claims the requests' keys, waiting for another commit that holds the same; returns the keys that are taken. */
async function storedBefore(
  client: ClientBase,
  requests: readonly Pending[],
  segmentOf: ReadonlyMap<string, string>,
): Promise<string[]> {
  const sorted = [...requests].sort((a, b) => (a.key < b.key ? -1 : 1));
  const values = sorted.map(
    (_, i) => `($${i * 4 + 1}::uuid, $${i * 4 + 2}::timestamptz, $${i * 4 + 3}::int4, $${i * 4 + 4}::int8)`,
  );
  const { rows } = await client.query<{ key: string }>(
    `insert into request_keys (request_key, hour, tenant_id, segment_id) values ${values.join(', ')}
     on conflict do nothing returning replace(request_key::text, '-', '') as key`,
    sorted.flatMap(({ key, hourMs, tenantId }) => [key, new Date(hourMs), tenantId, segmentOf.get(key)]),
  );
  const claimed = new Set(rows.map(({ key }) => key));
  return sorted.map(({ key }) => key).filter((key) => !claimed.has(key));
}

async function copy(client: ClientBase, table: string, rows: CopyRows): Promise<void> {
  const stream = client.query(copyFrom(`copy ${table} from stdin with (format binary)`));
  const done = finished(stream);
  stream.end(rows.finish());
  await done;
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
