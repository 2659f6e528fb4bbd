import { Injectable } from '@nestjs/common';
import type { Finding } from '../model/anomaly.js';
import { asJudged, LATE_WINDOWS } from '../model/late.js';
import { DEFAULT_POLICY } from '../model/policy.js';
import { WINDOW_MS, windowsBetween } from '../model/window.js';
import { StageRunner } from '../stage-runner.js';
import { AnomalyStore } from '../store/anomaly.store.js';
import { KnowledgeStore } from '../store/knowledge.store.js';
import { RecentStore } from '../store/recent.store.js';
import { OutlierStore } from '../store/outlier.store.js';
import { SeasonStore } from '../store/season.store.js';
import { detect } from './detect.js';
import { findOutliers } from './outliers.js';
import { againstSeasons } from './seasonal.js';

/** Measured windows + what is normal → what deviates, and single traces that are far out. */
@Injectable()
export class DetectWorker {
  constructor(
    private readonly runner: StageRunner,
    private readonly recent: RecentStore,
    private readonly knowledge: KnowledgeStore,
    private readonly anomalies: AnomalyStore,
    private readonly seasons: SeasonStore,
    private readonly outliers: OutlierStore,
  ) {}

  async run(tenantId: number): Promise<void> {
    await this.runner.run('detect', tenantId, async ({ fromMs, toMs }) => {
      const before = (DEFAULT_POLICY.historyWindows + LATE_WINDOWS) * WINDOW_MS;
      const history = await this.recent.load(tenantId, fromMs - before, toMs);
      const { baselines, operations } = await this.knowledge.about(tenantId, history);
      const judged = windowsBetween(fromMs, toMs).map((atMs) =>
        asJudged(
          history.filter((window) => window.windowAtMs <= atMs && window.windowAtMs > atMs - before),
          DEFAULT_POLICY.historyWindows,
        ),
      );
      const found = judged.flatMap((windows) => detect(windows, baselines, DEFAULT_POLICY, { operations }));
      const findings = await this.againstSeasons(tenantId, fromMs, toMs, found);
      const outliers = judged.flatMap((windows) => {
        const window = windows.at(-1)!;
        const its = findings.filter(({ windowAtMs }) => windowAtMs === window.windowAtMs);
        return findOutliers(window, baselines, operations, its, DEFAULT_POLICY);
      });
      return async (tx) => {
        await this.anomalies.replaceFindings(tx, tenantId, fromMs, toMs, findings);
        await this.outliers.replace(tx, tenantId, fromMs, toMs, outliers);
      };
    });
  }

  /** Seasons of thousands of operations are stored; those of what was raised are read. */
  private async againstSeasons(tenantId: number, fromMs: number, toMs: number, found: Finding[]): Promise<Finding[]> {
    const raised = new Set(found.filter((finding) => finding.raised).map(({ operationId }) => operationId));
    if (raised.size === 0) return found;
    const seasons = await this.seasons.load(tenantId, fromMs, toMs, raised);
    return againstSeasons(found, DEFAULT_POLICY, seasons, this.seasons.timeZone);
  }
}
