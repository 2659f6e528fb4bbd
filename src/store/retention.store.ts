import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';

/** Verdicts and totals of windows are kept this long; incidents and what was told of them stay. */
const VERDICT_DAYS = 30;
const BATCH = 10_000;
const TABLES = ['anomalies', 'anomaly_groups', 'window_totals'] as const;

/** Ends the rows that are not in partitions. */
@Injectable()
export class RetentionStore {
  constructor(private readonly db: DataSource) {}

  /**
   * Deletes verdicts of windows that are older than 30 days and whose hour the journal no longer holds (an import of old data is not
   * old); at most one batch a table, so that it never holds locks for long. Returns how many rows went.
   */
  async prune(nowMs: number): Promise<number> {
    let gone = 0;
    for (const table of TABLES) {
      const [, n] = await this.db.query<[unknown[], number]>(
        `delete from ${table}
          where ctid = any(array(
            select ctid from ${table} t
             where window_at < $1
               and not exists (select from journal_hours where hour = date_trunc('hour', t.window_at, 'UTC'))
             limit ${BATCH}))`,
        [new Date(nowMs - VERDICT_DAYS * 86_400_000)],
      );
      gone += n;
    }
    return gone;
  }
}
