import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { isoMs } from './iso-time.js';

export interface PipelineProgress {
  watermark: string | null;
  closedThrough: string | null;
  stages: Record<string, string>;
  /** Before it only anomalous traces are left; what RETENTION_MAX_BYTES has cost. */
  retention: {
    wholeSince: string | null;
    droppedForSpace: { spans: number; lastHour: string; lastAt: string } | null;
  };
  undecidedEvents: number;
  setAsideEvents: number;
  pendingNotifications: number;
}

/** Whether the database answers, and how far the pipeline has come. */
@Injectable()
export class ViewsStore {
  constructor(private readonly db: DataSource) {}

  /** Throws when the database does not answer. */
  async ping(): Promise<void> {
    await this.db.query('select 1');
  }

  /** How far the tenant has come, and what still waits. */
  async pipeline(tenantId: number): Promise<PipelineProgress> {
    const [row]: [PipelineProgress] = await this.db.query(
      `select
         (select ${isoMs('percentile_disc(0.5) within group (order by seen_through)')}
          from event_clocks where tenant_id = $1) as "watermark",
         (select ${isoMs('closed_through')} from tenant_clocks where tenant_id = $1) as "closedThrough",
         (select coalesce(jsonb_object_agg(stage, ${isoMs('done_through')}), '{}')
          from stage_cursors where tenant_id = $1) as "stages",
         jsonb_build_object(
           'wholeSince', (select ${isoMs('min(hour)')} from journal_hours where reduced_at is null or reduced_at < last_written_at),
           'droppedForSpace', (select jsonb_build_object(
              'spans', n, 'lastHour', ${isoMs('last_hour')}, 'lastAt', ${isoMs('last_at')})
            from dropped_spans where tenant_id = $1 and reason = 'space')) as "retention",
         (select count(*)::int4 from incident_events where tenant_id = $1 and decided_at is null) as "undecidedEvents",
         (select count(*)::int4 from incident_events where tenant_id = $1 and set_aside) as "setAsideEvents",
         (select count(*)::int4 from notifications where tenant_id = $1 and state = 'pending') as "pendingNotifications"`,
      [tenantId],
    );
    return row;
  }
}
