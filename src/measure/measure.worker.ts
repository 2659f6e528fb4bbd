import { Injectable } from '@nestjs/common';
import { VersionCollector } from '../journal/collect-versions.js';
import { LogReader, type ReadLog } from '../journal/log-read.js';
import { JournalReader, type SpanEvent } from '../journal/read.js';
import { type EventLine, SEVERITY_ERROR, SEVERITY_INFO } from '../model/event.js';
import type { WindowMeasure } from '../model/rollup.js';
import type { SpanLink, StructuralSpan } from '../model/span.js';
import { WINDOW_MS, windowsBetween } from '../model/window.js';
import { SAMPLED_TRACES } from '../pipeline.js';
import { CompactionStore } from '../store/compaction.store.js';
import { EventStore } from '../store/event.store.js';
import { type Reopened, ReopenedStore } from '../store/reopened.store.js';
import { RollupStore } from '../store/rollup.store.js';
import { VersionStore } from '../store/version.store.js';
import { StageRunner } from '../stage-runner.js';
import { TemplateTree } from './drain.js';
import { EVENT_LOOK_BACK_MS, measureEvents } from './events.js';
import { isDueAgain, withLate } from './late.js';
import { linkedTraceIds } from './links.js';
import { measureWindow } from './measure.js';
import { sampleTraces } from './sample.js';
import { severityOf } from './severity.js';

/** Closed windows → rollups, and those of whole minutes and hours; and windows that late spans reopened → the same rollups again. */
@Injectable()
export class MeasureWorker {
  /** Templates by tenant, with the instant up to which they have learned: valid for whoever goes on from there. */
  private readonly trees = new Map<number, { throughMs: number; tree: TemplateTree }>();

  constructor(
    private readonly runner: StageRunner,
    private readonly journal: JournalReader,
    private readonly logs: LogReader,
    private readonly rollups: RollupStore,
    private readonly events: EventStore,
    private readonly reopened: ReopenedStore,
    private readonly versions: VersionStore,
    private readonly compactions: CompactionStore,
  ) {}

  async run(tenantId: number): Promise<void> {
    await this.runner.run('measure', tenantId, async ({ fromMs, toMs }) => {
      const known = this.trees.get(tenantId);
      this.trees.delete(tenantId);
      const tree = known?.throughMs === fromMs ? known.tree : await this.tree(tenantId);
      const windows = await this.measure(tenantId, fromMs, toMs, tree);
      const reopened = await this.reopened.before(tenantId, fromMs);
      const due = reopened.filter(({ windowAtMs }) => isDueAgain(windowAtMs, fromMs, toMs));
      const again = await this.measureAgain(tenantId, due, tree);
      return async (tx) => {
        await this.rollups.replace(tx, tenantId, windows);
        for (const each of due) await this.reopened.replace(tx, tenantId, each, again.get(each.windowAtMs) ?? null);
        await this.compactions.compact(tx, tenantId, fromMs, toMs);
        // If the transaction fails, nobody goes on from there.
        this.trees.set(tenantId, { throughMs: toMs, tree });
      };
    });
    const stalled = await this.reopened.stalled(tenantId);
    if (stalled.length === 0) return;
    const again = await this.measureAgain(tenantId, stalled, await this.tree(tenantId));
    for (const each of stalled) {
      await this.reopened.replaceNow(tenantId, each, again.get(each.windowAtMs) ?? null);
    }
  }

  /** Windows with what came late, by their starts. */
  private async measureAgain(
    tenantId: number,
    reopened: readonly Reopened[],
    tree: TemplateTree,
  ): Promise<Map<number, WindowMeasure>> {
    const measured = new Map<number, WindowMeasure>();
    for (const { windowAtMs } of reopened) {
      const endMs = windowAtMs + WINDOW_MS;
      const [before] = await this.rollups.load(tenantId, windowAtMs, endMs);
      const [again] = await this.measure(tenantId, windowAtMs, endMs, tree);
      if (again !== undefined) measured.set(windowAtMs, withLate(again, before!));
    }
    return measured;
  }

  private async tree(tenantId: number): Promise<TemplateTree> {
    return new TemplateTree(await this.events.templates(tenantId));
  }

  private async measure(tenantId: number, fromMs: number, toMs: number, tree: TemplateTree): Promise<WindowMeasure[]> {
    const postings = await this.journal.postings(tenantId, fromMs, toMs);
    const logs = await this.logs.written(tenantId, fromMs - EVENT_LOOK_BACK_MS, toMs);
    const lines = (logs ?? []).map(lineOf);
    const measured: WindowMeasure[] = [];
    const versions = new VersionCollector();
    for (const windowAtMs of windowsBetween(fromMs, toMs)) {
      const endMs = windowAtMs + WINDOW_MS;
      const its = postings.filter((posting) => posting.windowAtMs === windowAtMs);
      if (its.length === 0) continue;
      const sample = sampleTraces(its, SAMPLED_TRACES);
      const traces = await this.journal.structure(tenantId, sample.traceIds, versions);
      const ended = endedBy(traces, endMs);
      const linked = await this.linked(tenantId, ended);
      const window = measureWindow(windowAtMs, its, ended, sample.total, linked);
      const onSpans = await this.journal.spanEvents(tenantId, sample.traceIds, endMs);
      const near = lines.filter(({ timeMs }) => timeMs >= windowAtMs - EVENT_LOOK_BACK_MS && timeMs < endMs);
      window.events = measureEvents(windowAtMs, [...near, ...onSpans.map(eventLineOf)], its, tree);
      measured.push(window);
    }
    // Outside of the window's transaction: noting a version or a template twice, or one of a window that is done again, changes nothing.
    await this.versions.note(tenantId, versions.result());
    await this.events.saveTemplates(tenantId, tree.takeChanged(), fromMs);
    return measured;
  }

  /** The operations of spans in other traces to which these link. */
  private async linked(
    tenantId: number,
    traces: ReadonlyMap<string, readonly StructuralSpan[]>,
  ): Promise<(link: SpanLink) => number | undefined> {
    const others = await this.journal.structure(tenantId, linkedTraceIds(traces));
    const operations = new Map<string, number>();
    for (const { traceId, spanId, operationId } of [...others.values()].flat()) {
      operations.set(`${traceId}/${spanId}`, operationId);
    }
    return ({ traceId, spanId }) => operations.get(`${traceId}/${spanId}`);
  }
}

function lineOf({ severityNumber, severityText, text, ...log }: ReadLog): EventLine {
  return { ...log, source: 'log', text, severity: severityOf(severityNumber, severityText, text) };
}

function eventLineOf({ endMs, text, isException, ...event }: SpanEvent): EventLine {
  return {
    ...event,
    source: 'span_event',
    text,
    timeMs: endMs,
    severity: isException ? SEVERITY_ERROR : SEVERITY_INFO,
  };
}

/** What had ended when the window closed: the same whether the window is measured live, late or again. */
function endedBy(traces: ReadonlyMap<string, StructuralSpan[]>, endMs: number): Map<string, StructuralSpan[]> {
  return new Map([...traces].map(([id, spans]) => [id, spans.filter((span) => span.endUs < endMs * 1000)]));
}
