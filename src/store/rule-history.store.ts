import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { HOUR_MS, MINUTE_MS, WINDOW_MS } from '../model/window.js';

/** What one operation, or one pair of them, did in one step. */
export interface HistoryRow {
  atMs: number;
  id: number;
  n: number;
  errors: number;
  represented: number;
  latency: Buffer | null;
}

/** Sampled calls of one step: of a pair, or (callee 0) sampled spans of a caller. */
export interface CallRow {
  atMs: number;
  callerId: number;
  calleeId: number;
  n: number;
  errors: number;
}

export interface ExemplarRow {
  operationId: number;
  slowest: string[];
  failed: string[];
}

const GRAINS: Record<number, string> = {
  [WINDOW_MS]: 'rollups',
  [MINUTE_MS]: 'minute_rollups',
  [HOUR_MS]: 'hour_rollups',
};

/** Bounds the memory of one answer: a week of these in minutes is some 10 MB. */
export const OPERATIONS_AT_ONCE = 10;
/** Two, since packing a part takes the server longer than this process takes for looking at it. */
const READS_AT_ONCE = 2;

/** What was measured, in the form in which rules look at it. */
@Injectable()
export class RuleHistoryStore {
  constructor(private readonly db: DataSource) {}

  /** Steps of a window, a minute or an hour that start in [fromMs, toMs). */
  async load(tenantId: number, stepMs: number, fromMs: number, toMs: number): Promise<HistoryRow[]> {
    if (fromMs >= toMs) return [];
    return this.db.query(
      `select (extract(epoch from window_at) * 1000)::float8 as "atMs", operation_id as id, n::float8 as n, error_count::float8 as errors,
              coalesce(weighted_n, n)::float8 as represented, latency
         from ${GRAINS[stepMs]} where tenant_id = $1 and window_at >= $2 and window_at < $3`,
      [tenantId, new Date(fromMs), new Date(toMs)],
    );
  }

  /** Which steps of [fromMs, toMs) anything is known of, and how often their windows were measured again. */
  async known(
    tenantId: number,
    stepMs: number,
    fromMs: number,
    toMs: number,
  ): Promise<{ atMs: number; revision: number }[]> {
    if (fromMs >= toMs) return [];
    return this.db.query(
      `select (floor(extract(epoch from window_at) * 1000 / $4::float8) * $4)::float8 as "atMs", sum(revision)::int4 as revision
         from window_totals where tenant_id = $1 and window_at >= $2 and window_at < $3 and n > 0 group by 1`,
      [tenantId, new Date(fromMs), new Date(toMs), stepMs],
    );
  }

  /** Sampled calls, and sampled spans of callers, in steps of any length. */
  async calls(tenantId: number, stepMs: number, fromMs: number, toMs: number): Promise<CallRow[]> {
    if (fromMs >= toMs) return [];
    const step = `(floor(extract(epoch from window_at) * 1000 / $4::float8) * $4)::float8`;
    return this.db.query(
      `select ${step} as "atMs", caller_id as "callerId", callee_id as "calleeId", sum(calls)::float8 as n, sum(error_count)::float8 as errors
         from edge_rollups where tenant_id = $1 and window_at >= $2 and window_at < $3 group by 1, 2, 3
       union all
       select ${step}, operation_id, 0, sum(sampled_n)::float8, 0
         from rollups where tenant_id = $1 and window_at >= $2 and window_at < $3 and sampled_n > 0 group by 1, 2`,
      [tenantId, new Date(fromMs), new Date(toMs), stepMs],
    );
  }

  /** Traces that show operations in the windows that start in [fromMs, toMs), newest windows last. */
  async exemplars(tenantId: number, fromMs: number, toMs: number): Promise<ExemplarRow[]> {
    const rows: { operation_id: number; exemplars: { slowest: string[]; failed: string[] } }[] = await this.db.query(
      `select operation_id, exemplars from rollups where tenant_id = $1 and window_at >= $2 and window_at < $3 order by window_at`,
      [tenantId, new Date(fromMs), new Date(toMs)],
    );
    return rows.map(({ operation_id, exemplars }) => ({ operationId: operation_id, ...exemplars }));
  }

  /** Steps of a longer period for a replay, some operations at a time, and of them only what `wanted` says. */
  replay(
    tenantId: number,
    stepMs: number,
    fromMs: number,
    toMs: number,
    operationIds: readonly number[],
    wanted: HistoryWanted,
  ): AsyncGenerator<HistoryColumns[]> {
    return partByPart(operationIds, (ids) => this.packed(tenantId, stepMs, fromMs, toMs, ids, wanted));
  }

  /** As `replay`, calls that these operations made, and their sampled spans (callee 0). */
  replayCalls(
    tenantId: number,
    stepMs: number,
    fromMs: number,
    toMs: number,
    callerIds: readonly number[],
  ): AsyncGenerator<CallColumns[]> {
    return partByPart(callerIds, (ids) => this.packedCalls(tenantId, stepMs, fromMs, toMs, ids));
  }

  private async packedCalls(
    tenantId: number,
    stepMs: number,
    fromMs: number,
    toMs: number,
    callerIds: readonly number[],
  ): Promise<CallColumns[]> {
    const step = `date_bin(make_interval(secs => $4), window_at, '2000-01-01')`;
    const rows: { callerId: number; calleeId: number; steps: number; packed: Buffer }[] = await this.db.query(
      `select caller_id as "callerId", callee_id as "calleeId", count(*)::int4 as steps,
              string_agg(timestamptz_send(at) || int8send(n) || int8send(errors), ''::bytea) as packed
         from (select ${step} as at, caller_id, callee_id, sum(calls) as n, sum(error_count) as errors
                 from edge_rollups
                where tenant_id = $1 and window_at >= $2 and window_at < $3 and caller_id = any($5::int4[]) group by 1, 2, 3
                union all
               select ${step}, operation_id, 0, sum(sampled_n)::int8, 0
                 from rollups
                where tenant_id = $1 and window_at >= $2 and window_at < $3 and operation_id = any($5::int4[]) and sampled_n > 0
                group by 1, 2) calls
        group by 1, 2`,
      [tenantId, new Date(fromMs), new Date(toMs), stepMs / 1_000, callerIds],
    );
    return rows.map(({ callerId, calleeId, steps, packed }) => {
      const columns = unpacked(0, steps, packed, { represented: false, latency: false });
      return { ...columns, callerId, calleeId, represented: columns.n };
    });
  }

  /** An operation is one row and its steps lie one behind the other, since millions of rows would take several times as long. */
  private async packed(
    tenantId: number,
    stepMs: number,
    fromMs: number,
    toMs: number,
    operationIds: readonly number[],
    { represented, latency }: HistoryWanted,
  ): Promise<HistoryColumns[]> {
    const text = `
      select operation_id as id, count(*)::int4 as steps, string_agg(
               timestamptz_send(window_at) || int8send(n) || int8send(error_count)
               ${represented ? '|| float8send(coalesce(weighted_n, n))' : ''}
               ${latency ? '|| int4send(length(latency)) || latency' : ''}, ''::bytea) as packed
        from ${GRAINS[stepMs]} where tenant_id = $1 and window_at >= $2 and window_at < $3 and operation_id = any($4::int4[])
       group by operation_id`;
    const values = [tenantId, new Date(fromMs), new Date(toMs), operationIds];
    const rows: { id: number; steps: number; packed: Buffer }[] = await this.db.query(text, values);
    return rows.map(({ id, steps, packed }) => unpacked(id, steps, packed, { represented, latency }));
  }
}

/** Reads parts of what is asked for, some at a time: the server reads on while this process unpacks. */
async function* partByPart<T>(
  ids: readonly number[],
  read: (part: readonly number[]) => Promise<T>,
): AsyncGenerator<T> {
  const underWay: Promise<T>[] = [];
  for (let at = 0; at < ids.length || underWay.length > 0;) {
    for (; at < ids.length && underWay.length < READS_AT_ONCE; at += OPERATIONS_AT_ONCE) {
      const part = read(ids.slice(at, at + OPERATIONS_AT_ONCE));
      part.catch(() => undefined);
      underWay.push(part);
    }
    yield await underWay.shift()!;
  }
}

/** Calls from one operation to another in many steps; callee 0: sampled spans of the caller. */
export interface CallColumns extends HistoryColumns {
  callerId: number;
  calleeId: number;
}

/** What a replay looks at besides counts and errors. */
export interface HistoryWanted {
  represented: boolean;
  latency: boolean;
}

/** What an operation did in many steps; a step's histogram stands at [from, to) of `bytes`. */
export interface HistoryColumns {
  id: number;
  atMs: Float64Array;
  n: Float64Array;
  errors: Float64Array;
  /** Zeros where it was not wanted. */
  represented: Float64Array;
  latency: { bytes: Uint8Array; from: Uint32Array; to: Uint32Array } | null;
}

/** PostgreSQL counts time from here on, in microseconds. */
const POSTGRES_EPOCH_MS = Date.UTC(2000, 0, 1);

/** PostgreSQL sends numbers with the highest byte first. */
function unpacked(id: number, steps: number, bytes: Buffer, wanted: HistoryWanted): HistoryColumns {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const int8 = (at: number): number => view.getInt32(at) * 2 ** 32 + view.getUint32(at + 4);
  const column = (): Float64Array => new Float64Array(steps);
  const latency = wanted.latency ? { bytes, from: new Uint32Array(steps), to: new Uint32Array(steps) } : null;
  const columns = { id, atMs: column(), n: column(), errors: column(), represented: column(), latency };
  let at = 0;
  for (let i = 0; i < steps; i++) {
    columns.atMs[i] = POSTGRES_EPOCH_MS + int8(at) / 1_000;
    columns.n[i] = int8(at + 8);
    columns.errors[i] = int8(at + 16);
    at += 24;
    if (wanted.represented) {
      columns.represented[i] = view.getFloat64(at);
      at += 8;
    }
    if (latency === null) continue;
    const from = at + 4;
    at = from + view.getInt32(at);
    latency.from[i] = from;
    latency.to[i] = at;
  }
  return columns;
}
