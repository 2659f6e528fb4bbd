import { excludedOperations, FINDINGS_LOOK_BACK_MS } from '../src/baseline/exclude.js';
import { learn } from '../src/baseline/learn.js';
import { entriesOf, learnSeasons } from '../src/baseline/seasons.js';
import { detect } from '../src/detect/detect.js';
import { againstSeasons } from '../src/detect/seasonal.js';
import { type Change, CONFIRMED_WITHIN_MS, REOPEN_WITHIN_MS, step } from '../src/incident/lifecycle.js';
import type { Finding } from '../src/model/anomaly.js';
import type { Baselines } from '../src/model/baseline.js';
import type { EventKnowledge, EventLine } from '../src/model/event.js';
import type { AnomalyGroup } from '../src/model/group.js';
import type { Incident } from '../src/model/incident.js';
import type { Operation } from '../src/model/operation.js';
import { DEFAULT_POLICY, type Policy } from '../src/model/policy.js';
import type { WindowMeasure } from '../src/model/rollup.js';
import type { Seasons } from '../src/model/season.js';
import type { StructuralSpan } from '../src/model/span.js';
import { floorMinute, MINUTE_MS, WINDOW_MS } from '../src/model/window.js';
import { LEARN_LAG_MS, RANK_LOOK_BACK } from '../src/pipeline.js';
import { rank } from '../src/rank/rank.js';
import { PureMeasure } from './pure-measure.js';

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
  private readonly recent: Finding[] = [];
  private readonly measurer = new PureMeasure();
  private readonly seasons: Seasons = new Map();
  private groups: AnomalyGroup[] = [];
  private learnedThroughMs: number | null = null;

  constructor(
    private readonly operations: ReadonlyMap<number, Operation>,
    private readonly policy: Policy = DEFAULT_POLICY,
    private readonly timeZone = 'UTC',
    /** Of windows that were measured elsewhere. */
    templates?: EventKnowledge['templates'],
  ) {
    this.baselines.events = noEvents(operations, templates ?? this.measurer.templates);
  }

  /**
   * Takes all spans that ended in the window that starts at `windowAtMs`, and the log lines with a time in it, and returns what it did to
   * incidents.
   */
  feed(windowAtMs: number, spans: readonly StructuralSpan[], lines: readonly EventLine[] = []): Change[] {
    return this.judge(this.measurer.measure(windowAtMs, spans, lines));
  }

  /** The same for a window that is measured already; a run is given either spans or measured windows. */
  judge(window: WindowMeasure): Change[] {
    const { windowAtMs } = window;
    this.learnedThroughMs ??= floorMinute(windowAtMs);
    this.history.push(window);
    if (this.history.length > KEPT_WINDOWS) this.history.shift();

    const verdicts = detect(this.history.slice(-this.policy.historyWindows), this.baselines, this.policy, {
      operations: this.operations,
    });
    const found = againstSeasons(verdicts, this.policy, this.seasons, this.timeZone);
    this.findings.push(...found);
    const raised = found.filter((finding) => finding.raised);
    this.recent.push(...found);
    const groups =
      raised.length === 0 ? [] : rank(raised, this.history.slice(-RANK_LOOK_BACK), this.baselines, this.operations);
    const current = [...this.incidents.values()].filter(
      (incident) => incident.resolvedMs === null || incident.resolvedMs >= windowAtMs - REOPEN_WITHIN_MS,
    );
    const changes = step(
      current,
      groups,
      { atMs: windowAtMs, hasData: window.n > 0, before: this.groups },
      { tenantId: 1, idOf: (groupNo) => `${windowAtMs}-${groupNo}` },
    );
    for (const { incident } of changes) this.incidents.set(incident.id, incident);
    this.groups = [...this.groups, ...groups].filter((group) => group.windowAtMs > windowAtMs - CONFIRMED_WITHIN_MS);
    this.learnThrough(windowAtMs + WINDOW_MS - LEARN_LAG_MS);
    return changes;
  }

  private learnThrough(readyMs: number): void {
    while (this.learnedThroughMs !== null && this.learnedThroughMs + MINUTE_MS <= readyMs) {
      const atMs = this.learnedThroughMs;
      const windows = this.history.filter(
        (window) => window.windowAtMs >= atMs && window.windowAtMs < atMs + MINUTE_MS,
      );
      const excluded = excludedOperations([...this.incidents.values()], this.recent, this.baselines.operations, atMs);
      learn(this.baselines, windows, excluded, this.policy);
      learnSeasons(this.seasons, windows, entriesOf(this.baselines), excluded, this.timeZone);
      this.learnedThroughMs = atMs + MINUTE_MS;
      const forgottenMs = this.learnedThroughMs - FINDINGS_LOOK_BACK_MS;
      while (this.recent[0] !== undefined && this.recent[0].windowAtMs < forgottenMs) this.recent.shift();
    }
  }
}

/** Nothing is normal yet. */
export function noEvents(
  operations: ReadonlyMap<number, Operation>,
  templates: EventKnowledge['templates'],
): EventKnowledge {
  const serviceOf = new Map([...operations].map(([id, { serviceId }]) => [id, serviceId]));
  return { baselines: new Map(), templates, serviceOf };
}
