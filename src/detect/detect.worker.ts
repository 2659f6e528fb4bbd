import { Injectable } from '@nestjs/common';
import { DEFAULT_POLICY } from '../model/policy.js';
import { WINDOW_MS, windowsBetween } from '../model/window.js';
import { StageRunner } from '../stage-runner.js';
import { AnomalyStore } from '../store/anomaly.store.js';
import { RecentStore } from '../store/recent.store.js';
import { OutlierStore } from '../store/outlier.store.js';
import { SeasonStore } from '../store/season.store.js';
import { detect } from './detect.js';
import { findOutliers } from './outliers.js';

/** Measured windows + what is normal → what deviates, and single traces that are far out. */
@Injectable()
export class DetectWorker {
  constructor(
    private readonly runner: StageRunner,
    private readonly recent: RecentStore,
    private readonly anomalies: AnomalyStore,
    private readonly seasons: SeasonStore,
    private readonly outliers: OutlierStore,
  ) {}

  async run(tenantId: number): Promise<void> {
    await this.runner.run('detect', tenantId, async ({ fromMs, toMs }) => {
      const before = DEFAULT_POLICY.historyWindows * WINDOW_MS;
      const history = await this.recent.load(tenantId, fromMs - before, toMs);
      const operations = await this.anomalies.operations(tenantId);
      const baselines = await this.recent.normal(tenantId);
      const seasons = {
        known: await this.seasons.load(tenantId, fromMs, toMs),
        timeZone: this.seasons.timeZone,
      };
      const findings = windowsBetween(fromMs, toMs).flatMap((atMs) =>
        detect(
          history.filter((window) => window.windowAtMs <= atMs && window.windowAtMs > atMs - before),
          baselines,
          DEFAULT_POLICY,
          { operations, seasons },
        ),
      );
      const outliers = history
        .filter(({ windowAtMs }) => windowAtMs >= fromMs)
        .flatMap((window) => {
          const its = findings.filter(({ windowAtMs }) => windowAtMs === window.windowAtMs);
          return findOutliers(window, baselines, operations, its, DEFAULT_POLICY);
        });
      return async (tx) => {
        await this.anomalies.replaceFindings(tx, tenantId, fromMs, toMs, findings);
        await this.outliers.replace(tx, tenantId, fromMs, toMs, outliers);
      };
    });
  }
}
