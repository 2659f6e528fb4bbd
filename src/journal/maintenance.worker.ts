import { Injectable, Logger } from '@nestjs/common';
import type { OnApplicationBootstrap } from '@nestjs/common';
import { Cron, CronExpression } from '@nestjs/schedule';
import { floorHour, HOUR_MS } from '../model/window.js';
import { RetentionStore } from '../store/retention.store.js';
import { Partitions } from './partitions.js';
import { Retention } from './retention.js';

const HOURS_AHEAD = 2;

/** Once a minute: makes the partitions of the next hours and takes away what is past retention. */
@Injectable()
export class MaintenanceWorker implements OnApplicationBootstrap {
  private readonly log = new Logger(MaintenanceWorker.name);
  private isRunning = false;

  constructor(
    private readonly partitions: Partitions,
    private readonly retention: Retention,
    private readonly verdicts: RetentionStore,
  ) {}

  onApplicationBootstrap(): Promise<void> {
    return this.run();
  }

  /** Never throws: what failed is tried again a minute later, and ingest makes a missing hour by itself. */
  @Cron(CronExpression.EVERY_MINUTE)
  async run(): Promise<void> {
    if (this.isRunning) return;
    this.isRunning = true;
    try {
      const nowMs = Date.now();
      const hour = floorHour(nowMs);
      await this.partitions.open(
        Array.from({ length: HOURS_AHEAD + 1 }, (_, ahead) => hour + ahead * HOUR_MS),
        nowMs,
      );
      await this.retention.run(nowMs);
      await this.verdicts.prune(nowMs);
    } catch (error) {
      this.log.warn(`Partitions could not be maintained and will be tried again in a minute: ${String(error)}`);
    } finally {
      this.isRunning = false;
    }
  }
}
