import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { TenantFigures } from '../model/tenant-figures.js';

/** The figures behind /metrics, one statement. */
@Injectable()
export class MetricsStore {
  constructor(private readonly db: DataSource) {}

  async figures(tenantId: number): Promise<TenantFigures> {
    const [row]: [TenantFigures] = await this.db.query(
      `with watermark as (
         select percentile_disc(0.5) within group (order by seen_through) as at from event_clocks where tenant_id = $1
       )
       select
         (select coalesce(jsonb_object_agg(outcome, n), '{}') from span_counts where tenant_id = $1) as "spans",
         (select coalesce(jsonb_object_agg(reason, n), '{}') from refused_requests where tenant_id = $1) as "refused",
         (select coalesce(jsonb_object_agg(reason, n), '{}') from dropped_spans where tenant_id = $1) as "dropped",
         (select coalesce(jsonb_object_agg(outcome, n), '{}') from log_counts where tenant_id = $1) as "logs",
         (select coalesce(jsonb_object_agg(stage, greatest(0, extract(epoch from at - done_through))), '{}')
          from stage_cursors, watermark where tenant_id = $1 and at is not null) as "stageLagS",
         (select coalesce(jsonb_object_agg(stage, failures), '{}') from stage_cursors where tenant_id = $1) as "stageFailures",
         (select coalesce(jsonb_object_agg(severity, n), '{}') from (
            select severity, count(*) as n from incidents where tenant_id = $1 and state <> 'resolved' group by severity
          ) counted) as "incidents",
         (select coalesce(jsonb_object_agg(state, n), '{}') from (
            select state, count(*) as n from alerts where tenant_id = $1 and state not in ('inactive', 'resolved') group by state
          ) counted) as "alerts",
         (select coalesce(sum((figures ->> 'n')::int8), 0)::float8 from alerts
           where tenant_id = $1 and state not in ('inactive', 'resolved') and figures ->> 'unit' = 'alerts') as "alertsLeftOut",
         (select coalesce(jsonb_object_agg(state, n), '{}') from (
            select state, count(*) as n from notifications where tenant_id = $1 group by state
          ) counted) as "notifications"`,
      [tenantId],
    );
    return row;
  }
}
