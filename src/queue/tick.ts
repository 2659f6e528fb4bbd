import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { Bell } from './bell.js';
import { DUE, type DueJob } from './jobs.js';
import { TroubleLog } from '../trouble-log.js';

/** Rings every second for whatever waits in Postgres, so that a lost bell costs a second and no more. */
@Injectable()
export class Tick implements BeforeApplicationShutdown {
  private readonly log = new TroubleLog(Tick.name);
  private running: Promise<void> | undefined;
  private stopped = false;

  constructor(
    private readonly bell: Bell,
    @Inject(DUE) private readonly due: () => Promise<DueJob[]>,
  ) {}

  /** One beat; does nothing while the last one still runs. */
  @Interval(1_000)
  async beat(): Promise<void> {
    if (this.stopped || this.running !== undefined) return;
    this.running = this.ringForAll();
    await this.running;
    this.running = undefined;
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopped = true;
    await this.running;
  }

  private async ringForAll(): Promise<void> {
    try {
      const jobs = await this.due();
      await Promise.all(jobs.map(({ job, tenantId }) => this.bell.ring(job, tenantId)));
    } catch (error) {
      this.log.say('could not look for waiting work', error as Error);
    }
  }
}
