import { excludedOperations } from '../src/baseline/exclude.js';
import { learn } from '../src/baseline/learn.js';
import { detect } from '../src/detect/detect.js';
import { type Change, REOPEN_WITHIN_MS, step } from '../src/incident/lifecycle.js';
import { measureWindow } from '../src/measure/measure.js';
import { sampleTraces } from '../src/measure/sample.js';
import type { Finding } from '../src/model/anomaly.js';
import type { Baselines } from '../src/model/baseline.js';
import type { Incident } from '../src/model/incident.js';
import type { Operation } from '../src/model/operation.js';
import { DEFAULT_POLICY, type Policy } from '../src/model/policy.js';
import { POSTED_ERROR, POSTED_ROOT, type Posting } from '../src/model/posting.js';
import type { WindowMeasure } from '../src/model/rollup.js';
import type { StructuralSpan } from '../src/model/span.js';
import { floorMinute, MINUTE_MS, WINDOW_MS, windowOf } from '../src/model/window.js';
import { LEARN_LAG_MS, RANK_LOOK_BACK, SAMPLED_TRACES } from '../src/pipeline.js';
import { rank } from '../src/rank/rank.js';

const KEPT_WINDOWS = 30;

/**
 * The stages of src/pipeline.ts in memory, in the order that their cursors allow: for tests and for evaluation on recorded data.
 * Spans are given window by window, oldest first.
 */
export class PureRun {
  readonly baselines: Baselines = { operations: new Map(), edges: new Map() };
  readonly incidents = new Map<string, Incident>();
  readonly findings: Finding[] = [];
  private readonly history: WindowMeasure[] = [];
  private readonly raised: Finding[] = [];
  private readonly recentSpans = new Map<string, StructuralSpan[]>();
  private learnedThroughMs: number | null = null;

  constructor(
    private readonly operations: ReadonlyMap<number, Operation>,
    private readonly policy: Policy = DEFAULT_POLICY,
  ) {}

  /** Takes all spans that ended in the window that starts at `windowAtMs` and returns what it did to incidents. */
  feed(windowAtMs: number, spans: readonly StructuralSpan[]): Change[] {
    this.learnedThroughMs ??= floorMinute(windowAtMs);
    const window = this.measure(windowAtMs, spans);
    this.history.push(window);
    if (this.history.length > KEPT_WINDOWS) this.history.shift();

    const found = detect(this.history.slice(-this.policy.pooledWindows), this.baselines, this.policy);
    this.findings.push(...found);
    const raised = found.filter((finding) => finding.raised);
    this.raised.push(...raised);
    const groups =
      raised.length === 0 ? [] : rank(raised, this.history.slice(-RANK_LOOK_BACK), this.baselines, this.operations);
    const current = [...this.incidents.values()].filter(
      (incident) => incident.resolvedMs === null || incident.resolvedMs >= windowAtMs - REOPEN_WITHIN_MS,
    );
    const changes = step(
      current,
      groups,
      { atMs: windowAtMs, hasData: window.n > 0 },
      { tenantId: 1, idOf: (groupNo) => `${windowAtMs}-${groupNo}` },
    );
    for (const { incident } of changes) this.incidents.set(incident.id, incident);
    this.learnThrough(windowAtMs + WINDOW_MS - LEARN_LAG_MS);
    return changes;
  }

  private measure(windowAtMs: number, spans: readonly StructuralSpan[]): WindowMeasure {
    for (const span of spans) {
      const trace = this.recentSpans.get(span.traceId);
      if (trace === undefined) this.recentSpans.set(span.traceId, [span]);
      else trace.push(span);
    }
    const postings = postingsOf(windowAtMs, spans);
    const sample = sampleTraces(postings, SAMPLED_TRACES);
    const traces = new Map(sample.traceIds.map((id) => [id, this.recentSpans.get(id) ?? []]));
    const measured = measureWindow(windowAtMs, postings, traces, sample.total);
    for (const span of spans) if (span.parentSpanId === '') this.recentSpans.delete(span.traceId);
    return measured;
  }

  private learnThrough(readyMs: number): void {
    while (this.learnedThroughMs !== null && this.learnedThroughMs + MINUTE_MS <= readyMs) {
      const atMs = this.learnedThroughMs;
      const windows = this.history.filter(
        (window) => window.windowAtMs >= atMs && window.windowAtMs < atMs + MINUTE_MS,
      );
      const excluded = excludedOperations([...this.incidents.values()], this.raised, atMs);
      learn(this.baselines, windows, excluded);
      this.learnedThroughMs = atMs + MINUTE_MS;
    }
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
