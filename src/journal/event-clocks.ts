import { Injectable } from '@nestjs/common';
import type { BeforeApplicationShutdown } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { windowOf } from '../model/window.js';
import { Bell } from '../queue/bell.js';
import { TroubleLog } from '../trouble-log.js';
import type { SpanClocks } from './pending.js';

const FLUSH_MS = 250;

/**
 * How far event time has come in each service. Kept in memory after each commit and written four times a second: a lost flush only closes
 * windows later. Rings `close` for a tenant whose clock has moved past the end of a window.
 */
@Injectable()
export class EventClocks implements SpanClocks, BeforeApplicationShutdown {
  private readonly log = new TroubleLog(EventClocks.name);
  private seen = new Map<number, Map<number, number>>();
  private readonly newest = new Map<number, number>();
  private timer: NodeJS.Timeout | null = null;
  private flushing: Promise<void> = Promise.resolve();
  private readonly rings = new Set<Promise<unknown>>();
  private isStopped = false;

  constructor(
    private readonly db: DataSource,
    private readonly bell: Bell,
  ) {}

  /** Notes that a span of the service that ended at this instant (epoch µs) is stored. */
  saw(tenantId: number, serviceId: number, endUs: number): void {
    let services = this.seen.get(tenantId);
    if (!services) this.seen.set(tenantId, (services = new Map()));
    if (endUs > (services.get(serviceId) ?? 0)) services.set(serviceId, endUs);
    if (!this.isStopped) this.timer ??= setTimeout(() => void this.flush(), FLUSH_MS);
  }

  /** Writes what was seen; what cannot be written is kept for the next time. */
  flush(): Promise<void> {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    const seen = this.seen;
    this.seen = new Map();
    this.flushing = this.flushing.then(() => this.write(seen));
    return this.flushing;
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isStopped = true;
    await this.flush();
    await Promise.all(this.rings);
  }

  private async write(seen: Map<number, Map<number, number>>): Promise<void> {
    const rows = [...seen].flatMap(([tenantId, services]) =>
      [...services].map(([serviceId, endUs]) => ({ tenantId, serviceId, endUs })),
    );
    if (rows.length === 0) return;
    rows.sort((a, b) => a.tenantId - b.tenantId || a.serviceId - b.serviceId);
    try {
      await this.db.query(
        `insert into event_clocks (tenant_id, service_id, seen_through, updated_at)
         select tenant_id, service_id, to_timestamp(end_us / 1e6), $4::timestamptz
         from unnest($1::int4[], $2::int4[], $3::float8[]) as seen (tenant_id, service_id, end_us)
         on conflict (tenant_id, service_id) do update
         set seen_through = greatest(event_clocks.seen_through, excluded.seen_through), updated_at = excluded.updated_at`,
        [
          rows.map(({ tenantId }) => tenantId),
          rows.map(({ serviceId }) => serviceId),
          rows.map(({ endUs }) => endUs),
          new Date().toISOString(),
        ],
      );
    } catch (error) {
      this.log.say('could not write event clocks, will try again', error as Error);
      for (const { tenantId, serviceId, endUs } of rows) this.saw(tenantId, serviceId, endUs);
      return;
    }
    for (const [tenantId, services] of seen) this.ring(tenantId, Math.max(...services.values()));
  }

  /** Does not wait: a slow queue must not hold up the clocks. */
  private ring(tenantId: number, endUs: number): void {
    const window = windowOf(endUs / 1_000);
    const newest = this.newest.get(tenantId);
    if (newest !== undefined && window <= newest) return;
    this.newest.set(tenantId, window);
    const ringing: Promise<unknown> = this.bell.ring('close', tenantId).finally(() => this.rings.delete(ringing));
    this.rings.add(ringing);
  }
}
