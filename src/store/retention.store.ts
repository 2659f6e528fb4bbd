import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';

/** How long windows' verdicts and totals, and what operations did in each hour, are kept; incidents and what was told of them stay. */
const DAYS = { anomalies: 30, anomaly_groups: 30, window_totals: 30, hour_rollups: 400 };
const BATCH = 10_000;

/** Ends the rows that are not in partitions. */
@Injectable()
export class RetentionStore {
  constructor(private readonly db: DataSource) {}

  /**
   * Deletes rows of windows and hours that are past their days and whose hour the journal no longer holds (an import of old data is not
   * old); at most one batch a table, so that it never holds locks for long. Returns how many rows went.
   */
  async prune(nowMs: number): Promise<number> {
    let gone = 0;
    for (const [table, days] of Object.entries(DAYS)) {
      const [, n] = await this.db.query<[unknown[], number]>(
        `delete from ${table}
          where ctid = any(array(
            select ctid from ${table} t
             where window_at < $1
               and not exists (select from journal_hours where hour = date_trunc('hour', t.window_at, 'UTC'))
             limit ${BATCH}))`,
        [new Date(nowMs - days * 86_400_000)],
      );
      gone += n;
    }
    return gone;
  }
}
