import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';

/** How long windows' verdicts and totals, and what operations did in each hour, are kept; incidents and what was told of them stay. */
const DAYS = {
  anomalies: 30,
  anomaly_groups: 30,
  outlier_traces: 30,
  window_totals: 30,
  rule_matches: 30,
  hour_rollups: 400,
};
const BATCH = 10_000;

/**
 * What alerting needs no more, and after how many days. What was decided about incidents stays with them. A routed alert outlives its groups, and
 * an alert its steps, since the numbers of later steps follow them.
 */
const SETTLED: { table: string; days: number; condition: string }[] = [
  { table: 'alert_groups', days: 30, condition: 'closed_at < $1' },
  {
    table: 'routed_alerts',
    days: 30,
    condition: `not is_firing and routed_at < $1 and not exists (
      select from alert_group_members m where m.tenant_id = t.tenant_id and m.alert_id = t.alert_id)`,
  },
  { table: 'used_links', days: 1, condition: 'expires_at < $1' },
  { table: 'alert_feedback', days: 400, condition: 'at < $1' },
  { table: 'group_actions', days: 400, condition: 'at < $1' },
  { table: 'recurrences', days: 30, condition: 'last_at < $1' },
  { table: 'silences', days: 30, condition: 'ends_at < $1' },
  { table: 'route_decisions', days: 90, condition: 'incident_id is null and at < $1' },
  {
    table: 'notifications',
    days: 90,
    condition: `incident_id is null and state in ('sent', 'digested') and created_at < $1`,
  },
  { table: 'alert_transitions', days: 400, condition: 'routed_at < $1' },
  {
    table: 'alerts',
    days: 400,
    condition: `state in ('inactive', 'resolved') and updated_at < $1 and not exists (
      select from alert_transitions s where s.tenant_id = t.tenant_id and s.alert_id = t.id)`,
  },
];

/** Ends the rows that are not in partitions. */
@Injectable()
export class RetentionStore {
  constructor(private readonly db: DataSource) {}

  /**
   * Deletes rows of windows and hours that are past their days and whose hour the journal no longer holds (an import of old data is not
   * old), and what alerting is done with; at most one batch a table, so that it never holds locks for long. Returns how many rows went.
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
    for (const { table, days, condition } of SETTLED) {
      const [, n] = await this.db.query<[unknown[], number]>(
        `delete from ${table} where ctid = any(array(select ctid from ${table} t where ${condition} limit ${BATCH}))`,
        [new Date(nowMs - days * 86_400_000)],
      );
      gone += n;
    }
    return gone;
  }
}
