import { Inject, Injectable, Logger } from '@nestjs/common';
import type { OnApplicationBootstrap } from '@nestjs/common';
import { Cron, CronExpression } from '@nestjs/schedule';
import { CONFIG } from '../config.js';
import type { Config } from '../config.js';
import { floorHour, HOUR_MS } from '../model/window.js';
import { RetentionStore } from '../store/retention.store.js';
import { Partitions } from './partitions.js';

const HOURS_AHEAD = 2;

/** Once a minute: makes the partitions of the next hours and drops those that are past retention. */
@Injectable()
export class MaintenanceWorker implements OnApplicationBootstrap {
  private readonly log = new Logger(MaintenanceWorker.name);
  private isRunning = false;

  constructor(
    private readonly partitions: Partitions,
    private readonly retention: RetentionStore,
    @Inject(CONFIG) private readonly config: Config,
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
      await this.partitions.drop(this.config.retention.journalHours, nowMs);
      await this.retention.prune(nowMs);
    } catch (error) {
      this.log.warn(`Partitions could not be maintained and will be tried again in a minute: ${String(error)}`);
    } finally {
      this.isRunning = false;
    }
  }
}
