import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';

/** Services that have sent nothing for so long (wall clock) no longer hold the watermark back. */
const LIVE_S = 60;

/** How far a tenant's event time has come; all but `updatedMs` in event time, epoch milliseconds. */
export interface Clock {
  tenantId: number;
  firstWindowMs: number;
  /** Windows before this instant are closed. */
  closedThroughMs: number;
  /** Lower median of how far each live service has come; of all services the newest when none is live. */
  watermarkMs: number;
  /** Newest end of a span. */
  newestMs: number;
  /** When spans were last stored, wall clock. */
  updatedMs: number;
}

interface ClockRow {
  tenant_id: number;
  first_window_at: Date;
  closed_through: Date;
  watermark: Date;
  newest: Date;
  updated_at: Date;
}

/** Event clocks of services, and how far each tenant's windows are closed. */
@Injectable()
export class ClockStore {
  constructor(private readonly db: DataSource) {}

  /** Clocks of all tenants that have stored spans. */
  all(nowMs: number): Promise<Clock[]> {
    return this.read(null, nowMs);
  }

  /** A tenant's clock; null before its first span. */
  async clock(tenantId: number, nowMs: number): Promise<Clock | null> {
    const [clock] = await this.read(tenantId, nowMs);
    return clock ?? null;
  }

  /** The instant up to which spans of the tenant are complete, grace not yet taken off; null before its first span. */
  async watermark(tenantId: number, nowMs: number): Promise<number | null> {
    const clock = await this.clock(tenantId, nowMs);
    return clock?.watermarkMs ?? null;
  }

  /** Closes the windows before this instant and returns whether there were any. Never moves back; commits that wait for it see the new state. */
  async close(tenantId: number, throughMs: number): Promise<boolean> {
    const [, moved] = await this.db.query<[unknown[], number]>(
      `update tenant_clocks set closed_through = $2 where tenant_id = $1 and closed_through < $2`,
      [tenantId, new Date(throughMs)],
    );
    return moved === 1;
  }

  private async read(tenantId: number | null, nowMs: number): Promise<Clock[]> {
    const rows = await this.db.query<ClockRow[]>(
      `select t.tenant_id, t.first_window_at, t.closed_through, max(e.seen_through) as newest, max(e.updated_at) as updated_at,
              coalesce(percentile_disc(0.5) within group (order by e.seen_through) filter (where e.updated_at > $2),
                       max(e.seen_through)) as watermark
         from tenant_clocks t join event_clocks e on e.tenant_id = t.tenant_id
        where $1::int4 is null or t.tenant_id = $1
        group by t.tenant_id
        order by t.tenant_id`,
      [tenantId, new Date(nowMs - LIVE_S * 1_000)],
    );
    return rows.map((row) => ({
      tenantId: row.tenant_id,
      firstWindowMs: row.first_window_at.getTime(),
      closedThroughMs: row.closed_through.getTime(),
      watermarkMs: row.watermark.getTime(),
      newestMs: row.newest.getTime(),
      updatedMs: row.updated_at.getTime(),
    }));
  }
}
