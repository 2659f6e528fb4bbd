import { Injectable } from '@nestjs/common';
import { Bell } from '../queue/bell.js';
import type { DueJob } from '../queue/jobs.js';
import { ClockStore } from '../store/clock.store.js';
import { closableThrough } from './close.js';

/** Job `close`: closes a tenant's windows as far as its event time allows. */
@Injectable()
export class CloseWorker {
  constructor(
    private readonly clocks: ClockStore,
    private readonly bell: Bell,
  ) {}

  async run(tenantId: number): Promise<void> {
    const nowMs = Date.now();
    const clock = await this.clocks.clock(tenantId, nowMs);
    if (clock === null) return;
    const throughMs = closableThrough(clock, nowMs);
    if (throughMs <= clock.closedThroughMs) return;
    if (await this.clocks.close(tenantId, throughMs)) await this.bell.ring('measure', tenantId);
  }

  /** Tenants with windows that could be closed now: silent ones, and those whose bell was lost. */
  async due(): Promise<DueJob[]> {
    const nowMs = Date.now();
    const clocks = await this.clocks.all(nowMs);
    return clocks
      .filter((clock) => closableThrough(clock, nowMs) > clock.closedThroughMs)
      .map(({ tenantId }) => ({ job: 'close', tenantId }));
  }
}
