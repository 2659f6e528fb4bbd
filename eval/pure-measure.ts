import { TemplateTree } from '../src/measure/drain.js';
import { EVENT_LOOK_BACK_MS, measureEvents } from '../src/measure/events.js';
import { measureWindow } from '../src/measure/measure.js';
import { sampleTraces } from '../src/measure/sample.js';
import type { EventLine, EventTemplate } from '../src/model/event.js';
import { POSTED_ERROR, POSTED_ROOT, type Posting } from '../src/model/posting.js';
import type { WindowMeasure } from '../src/model/rollup.js';
import { KIND_PRODUCER, type StructuralSpan } from '../src/model/span.js';
import { MINUTE_MS, windowOf } from '../src/model/window.js';
import { SAMPLED_TRACES } from '../src/pipeline.js';

/** Spans whose root never ends, or ended before them, are forgotten after this much event time. */
const REMEMBERED_MS = 10 * MINUTE_MS;

/** The journal's reader and the measure stage in memory: spans window by window, oldest first, in; measures out. */
export class PureMeasure {
  private readonly recentSpans = new Map<string, StructuralSpan[]>();
  /** Where links may lead: what sent messages, by the ids of its spans, with when it ended (µs). */
  private readonly senders = new Map<string, { operationId: number; endUs: number }>();
  private tidiedMs = -Infinity;
  private readonly tree = new TemplateTree([]);
  private recentLines: EventLine[] = [];

  /** Templates of all lines so far, by id. */
  get templates(): Map<number, EventTemplate> {
    return this.tree.templates;
  }

  /** Measures all spans that ended in the window that starts at `windowAtMs`, with the log lines that have a time in it. */
  measure(windowAtMs: number, spans: readonly StructuralSpan[], lines: readonly EventLine[] = []): WindowMeasure {
    for (const span of spans) {
      const trace = this.recentSpans.get(span.traceId);
      if (trace === undefined) this.recentSpans.set(span.traceId, [span]);
      else trace.push(span);
      if (span.kind === KIND_PRODUCER) {
        const { traceId, spanId, operationId, endUs } = span;
        this.senders.set(`${traceId}/${spanId}`, { operationId, endUs });
      }
    }
    const postings = postingsOf(windowAtMs, spans);
    const sample = sampleTraces(postings, SAMPLED_TRACES);
    const traces = new Map(sample.traceIds.map((id) => [id, this.recentSpans.get(id) ?? []]));
    const measured = measureWindow(
      windowAtMs,
      postings,
      traces,
      sample.total,
      ({ traceId, spanId }) => this.senders.get(`${traceId}/${spanId}`)?.operationId,
    );
    const isRecent = ({ timeMs }: EventLine): boolean => timeMs >= windowAtMs - EVENT_LOOK_BACK_MS;
    this.recentLines = [...this.recentLines.filter(isRecent), ...lines];
    measured.events = measureEvents(windowAtMs, this.recentLines, postings, this.tree);
    for (const span of spans) if (span.parentSpanId === '') this.recentSpans.delete(span.traceId);
    if (windowAtMs >= this.tidiedMs + REMEMBERED_MS) this.tidy(windowAtMs);
    return measured;
  }

  private tidy(nowMs: number): void {
    for (const [traceId, spans] of this.recentSpans) {
      if (spans.at(-1)!.endUs < (nowMs - REMEMBERED_MS) * 1000) this.recentSpans.delete(traceId);
    }
    for (const [id, { endUs }] of this.senders) {
      if (endUs < (nowMs - REMEMBERED_MS) * 1000) this.senders.delete(id);
    }
    this.tidiedMs = nowMs;
  }
}

function postingsOf(windowAtMs: number, spans: readonly StructuralSpan[]): Posting[] {
  const byOperation = new Map<number, StructuralSpan[]>();
  for (const span of spans) {
    if (windowOf(span.endUs / 1000) !== windowAtMs)
      throw new Error('a span was fed to a window in which it did not end');
    const list = byOperation.get(span.operationId);
    if (list === undefined) byOperation.set(span.operationId, [span]);
    else list.push(span);
  }
  return [...byOperation].map(([operationId, list]) => ({
    operationId,
    windowAtMs,
    n: list.length,
    durationUs: Float64Array.from(list, (span) => span.endUs - span.startUs),
    endOffsetUs: Uint32Array.from(list, (span) => span.endUs - windowAtMs * 1000),
    flags: Uint8Array.from(
      list,
      (span) => (span.isError ? POSTED_ERROR : 0) | (span.parentSpanId === '' ? POSTED_ROOT : 0),
    ),
    spanTag: Uint32Array.from(list, (span) => parseInt(span.spanId.slice(-8), 16)),
    weight: null,
    traceId: (i) => list[i]!.traceId,
  }));
}
