import { Module } from '@nestjs/common';
import { EvaluateWorker } from './alert/evaluate.worker.js';
import { BaselineWorker } from './baseline/baseline.worker.js';
import { CorrelateWorker } from './correlate/correlate.worker.js';
import { DetectWorker } from './detect/detect.worker.js';
import { IncidentWorker } from './incident/incident.worker.js';
import { JournalModule } from './journal/journal.module.js';
import { MeasureWorker } from './measure/measure.worker.js';
import type { WindowStage } from './pipeline.js';
import { WorkerHost } from './queue/worker-host.js';
import { RankWorker } from './rank/rank.worker.js';
import { StageRunner } from './stage-runner.js';

/** The stages that walk over windows, each behind its bell. */
@Module({
  imports: [JournalModule],
  providers: [
    StageRunner,
    MeasureWorker,
    BaselineWorker,
    DetectWorker,
    RankWorker,
    IncidentWorker,
    CorrelateWorker,
    EvaluateWorker,
  ],
})
export class StagesModule {
  constructor(
    host: WorkerHost,
    measure: MeasureWorker,
    baseline: BaselineWorker,
    detect: DetectWorker,
    rank: RankWorker,
    incident: IncidentWorker,
    correlate: CorrelateWorker,
    evaluate: EvaluateWorker,
  ) {
    const workers: Record<WindowStage, { run(tenantId: number): Promise<void> }> = {
      measure,
      baseline,
      detect,
      rank,
      incident,
      correlate,
      evaluate,
    };
    for (const [stage, worker] of Object.entries(workers) as [
      WindowStage,
      { run(tenantId: number): Promise<void> },
    ][]) {
      host.handle(stage, (tenantId) => worker.run(tenantId));
    }
  }
}
