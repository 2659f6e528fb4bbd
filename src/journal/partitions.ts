import { HOUR_MS } from '../model/window.js';
import type { Sql, SqlDatabase } from './sql.js';

/** Partitioned by hour, in the order in which a commit writes them, so that a drop and a commit never wait for each other in a circle. */
export const HOURLY = [
  'request_keys',
  'segments',
  'trace_segments',
  'postings',
  'posting_totals',
  'log_segments',
  'log_windows',
  'log_traces',
] as const;
/** Partitioned by day, and for how many days they are kept. */
const DAILY = [
  { tables: ['rollups', 'edge_rollups', 'event_rollups'], days: 7 },
  { tables: ['minute_rollups'], days: 30 },
] as const;
/** The filter of a segment stays in its row, where asking it costs least; what does not fit in a page goes out of line as ever. */
const SEGMENT_ROW_BYTES = 8_160;
const MAX_HOURS = 2_000;
const DAY_MS = 24 * HOUR_MS;
/** How long an hour counts as written before it is marked again; far below any retention. */
const MARK_AGAIN_MS = 60_000;
/** Any number that nothing else in the database locks: serialises the making and dropping of partitions. */
export const LOCK = 7_426_301;
/** A drop waits no longer for running commits (and they for it); it is tried again a minute later. */
export const LOCK_TIMEOUT_MS = 250;

const at = (ms: number) => new Date(ms).toISOString();

/** Time partitions of the journal and the rollups: made before they are needed, dropped when nothing in them is wanted any more. */
export class Partitions {
  /** Hours (epoch ms) that exist and were marked as written, and when. */
  private readonly marked = new Map<number, number>();

  constructor(private readonly db: SqlDatabase) {}

  /**
   * Makes these hours (epoch ms of their start) writable and returns those that are; the others are beyond the number of hours that may
   * exist at a time. An hour stays writable for a minute, since retention spares what was marked recently.
   */
  async open(hours: Iterable<number>, nowMs: number): Promise<Set<number>> {
    const open = new Set<number>();
    const rest: number[] = [];
    for (const hour of new Set(hours)) {
      if (nowMs - (this.marked.get(hour) ?? 0) < MARK_AGAIN_MS) open.add(hour);
      else rest.push(hour);
    }
    if (rest.length === 0) return open;
    const marked = await this.mark(this.db, rest);
    const missing = rest.filter((hour) => !marked.includes(hour)).sort((a, b) => b - a);
    if (missing.length > 0) marked.push(...(await this.create(missing)));
    for (const hour of marked) {
      open.add(hour);
      this.marked.set(hour, nowMs);
    }
    return open;
  }

  /** Forgets what it knows, after a commit found a partition missing. */
  forget(): void {
    this.marked.clear();
  }

  private async mark(db: Sql, hours: number[]): Promise<number[]> {
    const rows: { hour: Date }[] = await db.query(
      `with marked as (update journal_hours set last_written_at = now() where hour = any($1::timestamptz[]) returning hour)
       select hour from marked`,
      [hours.map(at)],
    );
    return rows.map(({ hour }) => hour.getTime());
  }

  private create(hours: number[]): Promise<number[]> {
    return this.db.transaction(async (db) => {
      await db.query(`select pg_advisory_xact_lock($1)`, [LOCK]);
      // Another process may have made some of them while this one waited.
      const made = await this.mark(db, hours);
      const [{ n }] = await db.query(`select count(*)::int4 as n from journal_hours`);
      const added = hours.filter((hour) => !made.includes(hour)).slice(0, Math.max(0, MAX_HOURS - n));
      for (const hour of added) {
        await db.query(`insert into journal_hours (hour) values ($1)`, [at(hour)]);
        for (const table of HOURLY) await attach(db, table, hourName(table, hour), hour, hour + HOUR_MS);
      }
      for (const day of new Set(added.map((hour) => Math.floor(hour / DAY_MS) * DAY_MS))) {
        for (const table of DAILY.flatMap(({ tables }) => tables))
          await attach(db, table, dayName(table, day), day, day + DAY_MS);
      }
      return [...made, ...added];
    });
  }

  /** Drops rollups after their days: a day goes when it is old and the journal, from which it could be computed, holds no hour of it. */
  async dropDays(nowMs: number): Promise<void> {
    for (const { tables, days } of DAILY) await this.dropDaysOf(tables, nowMs - days * DAY_MS);
  }

  private async dropDaysOf(tables: readonly string[], expiry: number): Promise<void> {
    const days: { day: string }[] = await this.db.query(
      `select day from (
         select to_date(right(relid::text, 8), 'YYYYMMDD') as day from pg_partition_tree($2) where isleaf
       ) partitions
       where day < $1::timestamptz - interval '1 day'
         and not exists (select from journal_hours where hour >= day::timestamptz and hour < day::timestamptz + interval '1 day')`,
      [at(expiry), tables[0]],
    );
    for (const { day } of days) {
      const start = new Date(day).getTime();
      await this.dropTogether(tables.map((table) => dayName(table, start)));
    }
  }

  /** A drop that would have to wait is left for next time. */
  private async dropTogether(tables: string[]): Promise<void> {
    await this.db.transaction(async (db) => {
      await db.query(`set local lock_timeout = ${LOCK_TIMEOUT_MS}`);
      await db.query(`select pg_advisory_xact_lock($1)`, [LOCK]);
      for (const table of tables) await db.query(`drop table if exists ${table}`);
    });
  }
}

/** Attaching a table lets commits go on; making it as a partition would lock them out. */
async function attach(db: Sql, parent: string, name: string, from: number, to: number): Promise<void> {
  const [{ exists }] = await db.query(`select to_regclass($1) is not null as exists`, [name]);
  if (exists) return;
  const stored = parent === 'segments' ? ` with (toast_tuple_target = ${SEGMENT_ROW_BYTES})` : '';
  await db.query(`create table ${name} (like ${parent} including defaults including storage)${stored}`);
  await db.query(`alter table ${parent} attach partition ${name} for values from ('${at(from)}') to ('${at(to)}')`);
}

/** As in segments_20251121_09. */
export function hourName(table: string, hour: number): string {
  return `${table}_${at(hour).slice(0, 13).replaceAll('-', '').replace('T', '_')}`;
}

/** As in rollups_20251121. */
function dayName(table: string, day: number): string {
  return `${table}_${at(day).slice(0, 10).replaceAll('-', '')}`;
}
