import { Injectable } from '@nestjs/common';
import { MINUTE_MS } from '../model/window.js';
import { StageRunner } from '../stage-runner.js';
import { AnomalyStore } from '../store/anomaly.store.js';
import { BaselineStore } from '../store/baseline.store.js';
import { IncidentStore } from '../store/incident.store.js';
import { RollupStore } from '../store/rollup.store.js';
import { learn } from './learn.js';

/** A deviation that has lasted this long has been told; from then on it is learned as the new normal. */
const ADOPT_AFTER_MS = 30 * MINUTE_MS;

/** Judged minutes → what is normal. */
@Injectable()
export class BaselineWorker {
  constructor(
    private readonly runner: StageRunner,
    private readonly rollups: RollupStore,
    private readonly anomalies: AnomalyStore,
    private readonly incidents: IncidentStore,
    private readonly baselines: BaselineStore,
  ) {}

  async run(tenantId: number): Promise<void> {
    await this.runner.run('baseline', tenantId, async ({ fromMs, toMs }) => {
      const known = await this.baselines.load(tenantId);
      const changed = { operations: new Set<number>(), edges: new Set<string>() };
      for (let atMs = fromMs; atMs < toMs; atMs += MINUTE_MS) {
        const windows = await this.rollups.load(tenantId, atMs, atMs + MINUTE_MS);
        // The verdicts of the minute after count too: a fault is older than its first verdict.
        const raised = await this.anomalies.raised(tenantId, atMs, atMs + 2 * MINUTE_MS);
        const excluded = await this.incidents.affectedOperations(tenantId, atMs, atMs + MINUTE_MS, ADOPT_AFTER_MS);
        if (excluded.size > 0 || raised.length > 0) {
          const adopted = await this.incidents.adoptedOperations(tenantId, atMs, ADOPT_AFTER_MS);
          for (const finding of raised) if (!adopted.has(finding.operationId)) excluded.add(finding.operationId);
        }
        const learned = learn(known, windows, excluded);
        for (const id of learned.operations) changed.operations.add(id);
        for (const key of learned.edges) changed.edges.add(key);
      }
      return (tx) => this.baselines.save(tx, tenantId, toMs, known, changed);
    });
  }
}
