import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { Rejected, Unavailable } from '../model/failure.js';
import { floorHour, windowOf } from '../model/window.js';
import { REOPEN_LIMIT_MS } from '../pipeline.js';
import { TroubleLog } from '../trouble-log.js';
import { Dictionary } from './dictionary.js';
import { isDataError, isWorthRepeating, mayLackPartition } from './postgres-error.js';
import { Partitions } from './partitions.js';

const GZIP = 1;
const ATTEMPTS = 3;
/** Transactions at a time: spans go first. */
const WRITERS = 2;
/** Requests that wait; a sender beyond is told to come back. */
const MAX_WAITING = 64;
const RETRY_AFTER_S = 1;

/** Accepted log records of one request, or the counts of what was rejected. */
export interface AdmittedLogs {
  /** First 16 bytes of SHA-256 over tenant, signal and body as received. */
  key: Buffer;
  /** Gzip of a message with exactly the accepted records. */
  payload: Buffer;
  /** For each accepted record. */
  records: { timeMs: number; service: string; traceId: string | null }[];
  /** Stands for the time of records that tell none. */
  receivedMs: number;
  received: number;
  rejected: ReadonlyMap<string, number>;
}

/** Stores accepted log records, a request a transaction: what they are wanted for has time. */
@Injectable()
export class LogJournal {
  private readonly log = new TroubleLog(LogJournal.name);
  private readonly waiting: (() => void)[] = [];
  private running = 0;

  constructor(
    private readonly db: DataSource,
    private readonly partitions: Partitions,
    private readonly dictionary: Dictionary,
  ) {}

  /** Which of these hours (epoch ms) can be written. Throws Unavailable. */
  async openHours(hours: Iterable<number>): Promise<Set<number>> {
    try {
      return await this.partitions.open(hours, Date.now());
    } catch (error) {
      throw this.unavailable(error);
    }
  }

  /** Resolves when the request is committed. Throws Unavailable when it is not, or when that could not be learned. */
  async append(tenantId: number, admitted: AdmittedLogs): Promise<void> {
    await this.turn();
    try {
      const services = [...new Set(admitted.records.map(({ service }) => service))];
      if (services.length > 0) await this.dictionary.serviceIds(tenantId, services);
      await this.commitWithRetries(tenantId, admitted);
    } catch (error) {
      if (error instanceof Unavailable) throw error;
      if (isDataError(error)) {
        this.log.say('had to refuse the data of a request', error as Error);
        throw new Rejected('not_storable', 'the database refuses the data of this request');
      }
      throw this.unavailable(error);
    } finally {
      this.running--;
      this.waiting.shift()?.();
    }
  }

  private async turn(): Promise<void> {
    if (this.running >= WRITERS) {
      if (this.waiting.length >= MAX_WAITING) {
        throw new Unavailable('too many log requests wait to be stored', RETRY_AFTER_S);
      }
      await new Promise<void>((go) => this.waiting.push(go));
    }
    this.running++;
  }

  private unavailable(cause: unknown): Unavailable {
    this.log.say('could not store log records', cause instanceof Error ? cause : new Error(String(cause)));
    return new Unavailable('the database cannot store this now', RETRY_AFTER_S, { cause });
  }

  private async commitWithRetries(tenantId: number, admitted: AdmittedLogs): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.db.transaction((tx) => commit(tx, tenantId, admitted));
      } catch (error) {
        if (attempt === ATTEMPTS || !(isWorthRepeating(error) || mayLackPartition(error))) throw error;
        if (mayLackPartition(error)) {
          this.partitions.forget();
          await this.partitions.open(new Set(admitted.records.map(({ timeMs }) => floorHour(timeMs))), Date.now());
        }
      }
    }
  }
}

async function commit(tx: EntityManager, tenantId: number, admitted: AdmittedLogs): Promise<void> {
  await tx.query(`set local statement_timeout = 5000`);
  const { records, received, rejected, key, payload } = admitted;
  const counts = new Map<string, number>([['received', received]]);
  for (const [reason, n] of rejected) counts.set(`rejected:${reason}`, n);
  if (records.length > 0) {
    const hour = new Date(floorHour(records.reduce((least, { timeMs }) => Math.min(least, timeMs), Infinity)));
    const segmentId = key.readBigInt64BE(0).toString();
    const isNew = await claim(tx, tenantId, key, hour, segmentId);
    counts.set(isNew ? 'stored' : 'duplicate', records.length);
    if (isNew) {
      await tx.query(
        `insert into log_segments (segment_id, hour, tenant_id, received_at, record_count, codec, payload)
         values ($1, $2, $3, $4, $5, $6, $7)`,
        [segmentId, hour, tenantId, new Date(admitted.receivedMs), records.length, GZIP, payload],
      );
      const windows = tally(records.map(({ timeMs }) => windowOf(timeMs)));
      await tx.query(
        `insert into log_windows (tenant_id, window_at, segment_id, hour, record_count)
         select $1, window_at, $2, $3, n from unnest($4::timestamptz[], $5::int4[]) as w (window_at, n)`,
        [tenantId, segmentId, hour, [...windows.keys()].map((ms) => new Date(ms)), [...windows.values()]],
      );
      const traces = tally(records.flatMap(({ traceId }) => traceId ?? []));
      await tx.query(
        `insert into log_traces (trace_id, segment_id, hour, tenant_id, record_count)
         select trace_id, $1, $2, $3, n from unnest($4::uuid[], $5::int4[]) as t (trace_id, n)`,
        [segmentId, hour, tenantId, [...traces.keys()], [...traces.values()]],
      );
      await markLate(tx, tenantId, windows, counts);
    }
  }
  // Last, and in one order: these rows are locked until the COMMIT.
  const outcomes = [...counts].filter(([, n]) => n > 0).sort(([a], [b]) => (a < b ? -1 : 1));
  await tx.query(
    `insert into log_counts (tenant_id, outcome, n) select $1, * from unnest($2::text[], $3::int8[])
     on conflict (tenant_id, outcome) do update set n = log_counts.n + excluded.n`,
    [tenantId, outcomes.map(([outcome]) => outcome), outcomes.map(([, n]) => n)],
  );
}

/**
 * Takes the request's key, after any transaction that holds the same; false when it is stored. A repetition may fall into another hour, when
 * its records tell no time or some are too old by now: the key is looked for in all.
 */
async function claim(
  tx: EntityManager,
  tenantId: number,
  key: Buffer,
  hour: Date,
  segmentId: string,
): Promise<boolean> {
  await tx.query(`select pg_advisory_xact_lock($1::int8)`, [segmentId]);
  const known = await tx.query<unknown[]>(`select from request_keys where request_key = $1::uuid limit 1`, [
    key.toString('hex'),
  ]);
  if (known.length > 0) return false;
  await tx.query(`insert into request_keys (request_key, hour, tenant_id, segment_id) values ($1::uuid, $2, $3, $4)`, [
    key.toString('hex'),
    hour,
    tenantId,
    segmentId,
  ]);
  return true;
}

/**
 * Windows that closed before their records came are measured again, as for spans; holding the clock's row makes whoever closes a window
 * wait for records that still belong to it.
 */
async function markLate(
  tx: EntityManager,
  tenantId: number,
  windows: ReadonlyMap<number, number>,
  counts: Map<string, number>,
): Promise<void> {
  const [clock] = await tx.query<{ closed_ms: string }[]>(
    `select extract(epoch from closed_through) * 1000 as closed_ms from tenant_clocks where tenant_id = $1 for share`,
    [tenantId],
  );
  if (clock === undefined) return;
  const throughMs = Number(clock.closed_ms);
  const late: number[] = [];
  for (const [windowMs, n] of windows) {
    if (windowMs >= throughMs) continue;
    const isReopened = throughMs - windowMs <= REOPEN_LIMIT_MS;
    const outcome = isReopened ? 'late:reopened' : 'late:not_measured';
    counts.set(outcome, (counts.get(outcome) ?? 0) + n);
    if (isReopened) late.push(windowMs);
  }
  if (late.length === 0) return;
  late.sort((a, b) => a - b);
  await tx.query(
    `insert into reopened_windows (tenant_id, window_at, late_spans) select $1, window_at, 0 from unnest($2::timestamptz[]) as w (window_at)
     on conflict (tenant_id, window_at) do update set changes = reopened_windows.changes + 1`,
    [tenantId, late.map((ms) => new Date(ms))],
  );
}

function tally<T>(values: readonly T[]): Map<T, number> {
  const counts = new Map<T, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}
