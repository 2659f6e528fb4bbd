import { Injectable } from '@nestjs/common';
import { asJudged, LATE_WINDOWS } from '../model/late.js';
import { WINDOW_MS } from '../model/window.js';
import { RANK_LOOK_BACK } from '../pipeline.js';
import { StageRunner } from '../stage-runner.js';
import { AnomalyStore } from '../store/anomaly.store.js';
import { KnowledgeStore } from '../store/knowledge.store.js';
import { RecentStore } from '../store/recent.store.js';
import { rank } from './rank.js';

/** Raised anomalies → groups with ranked causes. */
@Injectable()
export class RankWorker {
  constructor(
    private readonly runner: StageRunner,
    private readonly recent: RecentStore,
    private readonly knowledge: KnowledgeStore,
    private readonly anomalies: AnomalyStore,
  ) {}

  async run(tenantId: number): Promise<void> {
    await this.runner.run('rank', tenantId, async ({ fromMs, toMs }) => {
      const findings = await this.anomalies.raised(tenantId, fromMs, toMs);
      if (findings.length === 0) return (tx) => this.anomalies.replaceGroups(tx, tenantId, fromMs, toMs, []);
      const before = (RANK_LOOK_BACK + LATE_WINDOWS) * WINDOW_MS;
      const history = await this.recent.load(tenantId, fromMs - before, toMs);
      const { baselines, operations } = await this.knowledge.about(tenantId, history);
      const windows = [...new Set(findings.map((finding) => finding.windowAtMs))].sort((a, b) => a - b);
      const groups = windows.flatMap((atMs) =>
        rank(
          findings.filter((finding) => finding.windowAtMs === atMs),
          asJudged(
            history.filter((window) => window.windowAtMs <= atMs && window.windowAtMs > atMs - before),
            RANK_LOOK_BACK,
          ),
          baselines,
          operations,
        ),
      );
      return (tx) => this.anomalies.replaceGroups(tx, tenantId, fromMs, toMs, groups);
    });
  }
}
