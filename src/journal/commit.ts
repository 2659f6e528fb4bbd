import pg, { type ClientBase } from 'pg';
import { floorMinute } from '../model/window.js';
import { REOPEN_LIMIT_MS } from '../pipeline.js';
import { newSegments, planSegments, type PlannedSegment } from './batch.js';
import { type CommitRows, indexSegments } from './index-spans.js';
import { pack } from './pack.js';
import type { Pending } from './pending.js';
import { isKeyTaken } from './postgres-error.js';
import { copiesOf, runScript, type Statement } from './script.js';

type ClosedThrough = Map<number, number>;

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
  const planned = planSegments(requests.filter(({ admitted }) => admitted.spans.n > 0));
  const rows = await rowsOf(planned, new Map(), nowMs);
  try {
    await storeRows(client, requests, rows, planned, new Map());
    return new Map();
  } catch (error) {
    // After a broken connection there is nothing to roll back and nobody to ask.
    await client.query('rollback').catch(() => undefined);
    if (!isKeyTaken(error)) throw error;
  }
  // Seldom: some of it is stored already.
  try {
    await client.query('begin');
    const duplicates = await storedBefore(client, planned);
    await storeRows(client, requests, await rowsOf(planned, duplicates, nowMs), null, duplicates);
    return duplicates;
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}

async function rowsOf(planned: readonly PlannedSegment[], duplicates: Duplicates, nowMs: number) {
  const segments = newSegments(planned, duplicates);
  return segments.length === 0 ? null : indexSegments(await pack(segments), nowMs);
}

/** Everything from the request keys (`claims`, unless they are claimed already) to the COMMIT: two round trips unless spans are late. */
async function storeRows(
  client: ClientBase,
  requests: readonly Pending[],
  rows: CommitRows | null,
  claims: readonly PlannedSegment[] | null,
  duplicates: Duplicates,
): Promise<void> {
  const counts = new Counts();
  const statements: Statement[] = [];
  if (claims) statements.push('begin');
  if (claims && claims.length > 0)
    statements.push(`insert into request_keys ${KEY_COLUMNS} values ${rowsOfClaims(keyClaims(claims))}`);
  if (rows) {
    statements.push(...copiesOf(rows), closedThroughOf([...rows.touched.keys()]));
  }
  if (statements.length > 0) {
    const results = await runScript(client, statements);
    if (rows) await markLate(client, rows.touched, closedRows(results.at(-1)!), counts);
  }
  for (const { tenantId, admitted, key } of requests) {
    counts.add(tenantId, 'received', admitted.received);
    counts.add(tenantId, duplicates.has(key) ? 'duplicate' : 'stored', admitted.spans.n);
    for (const [reason, n] of admitted.rejected) counts.add(tenantId, `rejected:${reason}`, n);
    if (!duplicates.has(key)) counts.add(tenantId, 'adjusted:end_before_start', admitted.endsEarly);
  }
  await runScript(client, [...counts.statements(), 'commit']);
}

const KEY_COLUMNS = '(request_key, hour, tenant_id, segment_id, accepted)';

/**
 * A request's key in every hour that it has spans in. Which spans are accepted depends on the clock (age, future), so that a repetition may
 * have fewer hours, or more: one hour in common says that it is the same request, and none that no span of it is stored.
 */
interface KeyClaim {
  key: string;
  hour: number;
  row: string;
}

/** In one order everywhere, so that commits with the same keys wait for each other and never in a circle. */
function keyClaims(planned: readonly PlannedSegment[]): KeyClaim[] {
  const claims = planned.flatMap(({ id, requests }) =>
    requests.flatMap(({ key, hours, tenantId, admitted }) =>
      hours.map((hour) => {
        const row = `('${key}','${new Date(hour).toISOString()}',${tenantId},${id},${admitted.spans.n})`;
        return { key, hour, row };
      }),
    ),
  );
  return claims.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.hour - b.hour));
}

const rowsOfClaims = (claims: readonly KeyClaim[]) => claims.map(({ row }) => row).join(',');

/** Claims the requests' keys, waiting for another commit that holds the same; returns those that are taken. */
async function storedBefore(client: ClientBase, planned: readonly PlannedSegment[]): Promise<Duplicates> {
  const claims = keyClaims(planned);
  const claimed = await client.query<{ key: string; hour: Date }>(
    `insert into request_keys ${KEY_COLUMNS} values ${rowsOfClaims(claims)}
     on conflict do nothing returning replace(request_key::text, '-', '') as key, hour`,
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
  known: ClosedThrough,
  counts: Counts,
): Promise<void> {
  const tenantIds = [...touched.keys()].sort((a, b) => a - b);
  let closed = known;
  const unknown = tenantIds.filter((tenantId) => !closed.has(tenantId));
  if (unknown.length > 0) {
    await client.query(
      `insert into tenant_clocks (tenant_id, first_window_at, closed_through)
       select tenant_id, first_at, first_at from unnest($1::int4[], $2::timestamptz[]) as first (tenant_id, first_at)
       on conflict do nothing`,
      [unknown, unknown.map((tenantId) => new Date(floorMinute(Math.min(...touched.get(tenantId)!.keys()))))],
    );
    closed = closedRows((await runScript(client, [closedThroughOf(tenantIds)]))[0]!);
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
     on conflict (tenant_id, window_at) do update
           set late_spans = reopened_windows.late_spans + excluded.late_spans, changes = reopened_windows.changes + 1`,
    [late.map(({ tenantId }) => tenantId), late.map(({ windowMs }) => new Date(windowMs)), late.map(({ n }) => n)],
  );
}

function closedThroughOf(tenantIds: readonly number[]): string {
  const list = [...tenantIds].sort((a, b) => a - b).join(',');
  return `select tenant_id, extract(epoch from closed_through) * 1000 from tenant_clocks
          where tenant_id in (${list}) order by tenant_id for share`;
}

function closedRows(rows: readonly (string | null)[][]): ClosedThrough {
  return new Map(rows.map(([tenantId, closedThroughMs]) => [Number(tenantId), Number(closedThroughMs)]));
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

  statements(): string[] {
    const rows = [...this.tenants]
      .flatMap(([tenantId, outcomes]) => [...outcomes].map(([outcome, n]) => ({ tenantId, outcome, n })))
      .sort((a, b) => a.tenantId - b.tenantId || (a.outcome < b.outcome ? -1 : 1))
      .map(({ tenantId, outcome, n }) => `(${tenantId},${pg.escapeLiteral(outcome)},${n})`);
    if (rows.length === 0) return [];
    return [
      `insert into span_counts (tenant_id, outcome, n) values ${rows.join(',')}
       on conflict (tenant_id, outcome) do update set n = span_counts.n + excluded.n`,
    ];
  }
}
