import { Injectable } from '@nestjs/common';
import { VersionCollector } from '../journal/collect-versions.js';
import { JournalReader } from '../journal/read.js';
import type { WindowMeasure } from '../model/rollup.js';
import type { StructuralSpan } from '../model/span.js';
import { WINDOW_MS, windowsBetween } from '../model/window.js';
import { SAMPLED_TRACES } from '../pipeline.js';
import { CompactionStore } from '../store/compaction.store.js';
import { ReopenedStore } from '../store/reopened.store.js';
import { RollupStore } from '../store/rollup.store.js';
import { VersionStore } from '../store/version.store.js';
import { StageRunner } from '../stage-runner.js';
import { measureWindow } from './measure.js';
import { sampleTraces } from './sample.js';

/** Closed windows → rollups, and those of whole minutes and hours; and windows that late spans reopened → the same rollups again. */
@Injectable()
export class MeasureWorker {
  constructor(
    private readonly runner: StageRunner,
    private readonly journal: JournalReader,
    private readonly rollups: RollupStore,
    private readonly reopened: ReopenedStore,
    private readonly versions: VersionStore,
    private readonly compactions: CompactionStore,
  ) {}

  async run(tenantId: number): Promise<void> {
    await this.runner.run('measure', tenantId, async ({ fromMs, toMs }) => {
      const windows = await this.measure(tenantId, fromMs, toMs);
      return async (tx) => {
        await this.rollups.replace(tx, tenantId, windows);
        await this.compactions.compact(tx, tenantId, fromMs, toMs);
      };
    });
    await this.reopened.work(tenantId, (windowAtMs) => this.measure(tenantId, windowAtMs, windowAtMs + WINDOW_MS));
  }

  private async measure(tenantId: number, fromMs: number, toMs: number): Promise<WindowMeasure[]> {
    const postings = await this.journal.postings(tenantId, fromMs, toMs);
    const measured: WindowMeasure[] = [];
    const versions = new VersionCollector();
    for (const windowAtMs of windowsBetween(fromMs, toMs)) {
      const its = postings.filter((posting) => posting.windowAtMs === windowAtMs);
      if (its.length === 0) continue;
      const sample = sampleTraces(its, SAMPLED_TRACES);
      const traces = await this.journal.structure(tenantId, sample.traceIds, versions);
      measured.push(measureWindow(windowAtMs, its, endedBy(traces, windowAtMs + WINDOW_MS), sample.total));
    }
    // Outside of the window's transaction: noting a version twice, or one of a window that is done again, changes nothing.
    await this.versions.note(tenantId, versions.result());
    return measured;
  }
}

/** What had ended when the window closed: the same whether the window is measured live, late or again. */
function endedBy(traces: ReadonlyMap<string, StructuralSpan[]>, endMs: number): Map<string, StructuralSpan[]> {
  return new Map([...traces].map(([id, spans]) => [id, spans.filter((span) => span.endUs < endMs * 1000)]));
}
