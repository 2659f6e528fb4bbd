import { Injectable } from '@nestjs/common';
import { DEFAULT_POLICY } from '../model/policy.js';
import { MINUTE_MS } from '../model/window.js';
import { StageRunner } from '../stage-runner.js';
import { AnomalyStore } from '../store/anomaly.store.js';
import { BaselineStore } from '../store/baseline.store.js';
import { IncidentStore } from '../store/incident.store.js';
import { KnowledgeStore } from '../store/knowledge.store.js';
import { RecentStore } from '../store/recent.store.js';
import { SeasonStore } from '../store/season.store.js';
import { excludedOperations, FINDINGS_LOOK_BACK_MS } from './exclude.js';
import { learn } from './learn.js';
import { entriesOf, learnSeasons } from './seasons.js';

/** Judged minutes → what is normal. */
@Injectable()
export class BaselineWorker {
  constructor(
    private readonly runner: StageRunner,
    private readonly recent: RecentStore,
    private readonly knowledge: KnowledgeStore,
    private readonly anomalies: AnomalyStore,
    private readonly incidents: IncidentStore,
    private readonly baselines: BaselineStore,
    private readonly seasons: SeasonStore,
  ) {}

  async run(tenantId: number): Promise<void> {
    await this.runner.run('baseline', tenantId, async ({ fromMs, toMs }) => {
      const seasons = await this.seasons.load(tenantId, fromMs, toMs);
      const history = await this.recent.load(tenantId, fromMs, toMs);
      const knowledge = await this.knowledge.take(tenantId, fromMs, history);
      const known = knowledge.baselines;
      const changed = { operations: new Set<number>(), edges: new Set<string>(), events: new Set<string>() };
      const changedSeasons = new Set<string>();
      for (let atMs = fromMs; atMs < toMs; atMs += MINUTE_MS) {
        const windows = history.filter(({ windowAtMs }) => windowAtMs >= atMs && windowAtMs < atMs + MINUTE_MS);
        const incidents = await this.incidents.during(tenantId, atMs, atMs + MINUTE_MS);
        const odd = await this.anomalies.findings(tenantId, atMs - FINDINGS_LOOK_BACK_MS, atMs + 2 * MINUTE_MS);
        const excluded = excludedOperations(incidents, odd, known.operations, atMs);
        const learned = learn(known, windows, excluded, DEFAULT_POLICY);
        const learnedSeasons = learnSeasons(seasons, windows, entriesOf(known), excluded, this.seasons.timeZone);
        for (const id of learned.operations) changed.operations.add(id);
        for (const key of learned.edges) changed.edges.add(key);
        for (const key of learned.events) changed.events.add(key);
        for (const key of learnedSeasons) changedSeasons.add(key);
      }
      return async (tx) => {
        await this.baselines.save(tx, tenantId, toMs, known, changed);
        await this.seasons.save(tx, tenantId, seasons, changedSeasons);
        // If the transaction fails, nobody goes on from there.
        this.knowledge.keep(tenantId, toMs, knowledge);
      };
    });
  }
}
