import type { Finding } from '../model/anomaly.js';
import type { Operation } from '../model/operation.js';
import { HOUR_MS, MINUTE_MS, WINDOW_MS } from '../model/window.js';
import { History } from './history.js';
import type { Needs } from './needs.js';
import type { Resources, RuleData, WindowMatches } from './rule-data.js';
import { type StepColumns, type StepRow, Timeline } from './timeline.js';

/** Exemplars kept of an operation, newest first. */
const MAX_EXEMPLARS = 5;

/** A timeline, and whence on it wants to be filled. */
export interface Level {
  timeline: Timeline;
  /** How far back it has to reach. */
  backMs: number;
}

interface Call {
  atMs: number;
  callerId: number;
  calleeId: number;
  n: number;
  errors: number;
}

/** What rules look at, in memory: filled window by window, and forgotten as it grows old. */
export class LiveData {
  readonly levels: Level[];
  readonly callLevels: Level[];
  readonly history: History;
  private readonly callHistory: History;
  private readonly edges = new Map<number, { callerId: number; calleeId: number }>();
  private readonly callers = new Map<number, number>();
  private readonly seriesIds = new Map<string, number>();
  private readonly examples = new Map<number, { slow: string[]; failed: string[] }>();

  /** Empty; to be filled from `startMs` less what is needed. */
  constructor(needs: Needs, startMs: number) {
    const level = (stepMs: number, backMs: number): Level[] =>
      backMs === 0
        ? []
        : [{ timeline: new Timeline(stepMs, Math.floor((startMs - backMs) / stepMs) * stepMs), backMs }];
    this.levels = [
      ...level(WINDOW_MS, needs.fineMs),
      ...level(MINUTE_MS, needs.minutesMs),
      ...level(HOUR_MS, needs.hoursMs),
    ];
    this.callLevels = [
      ...level(WINDOW_MS, needs.callsFineMs),
      ...level(MINUTE_MS, needs.callsMinutesMs),
      ...level(HOUR_MS, needs.callsHoursMs),
    ];
    this.history = new History(this.levels.map(({ timeline }) => timeline));
    this.callHistory = new History(this.callLevels.map(({ timeline }) => timeline));
  }

  putCall(timeline: Timeline, { atMs, callerId, calleeId, n, errors }: Call): void {
    const id = this.seriesOf(callerId, calleeId);
    timeline.put(atMs, { id, n, errors, represented: n, latency: null });
  }

  /** Puts all calls from one operation to another, once, into a timeline that is not extended any more: for a replay. */
  putCalls(timeline: Timeline, calls: Omit<StepColumns, 'id'> & { callerId: number; calleeId: number }): void {
    timeline.putAll({ ...calls, id: this.seriesOf(calls.callerId, calls.calleeId) });
  }

  private seriesOf(callerId: number, calleeId: number): number {
    const name = `${callerId} ${calleeId}`;
    let id = this.seriesIds.get(name);
    if (id === undefined) {
      this.seriesIds.set(name, (id = this.seriesIds.size + 1));
      if (calleeId === 0) this.callers.set(callerId, id);
      else this.edges.set(id, { callerId, calleeId });
    }
    return id;
  }

  putExemplars(operationId: number, slowest: readonly string[], failed: readonly string[]): void {
    const before = this.examples.get(operationId);
    this.examples.set(operationId, {
      slow: [...new Set([...slowest, ...(before?.slow ?? [])])].slice(0, MAX_EXEMPLARS),
      failed: [...new Set([...failed, ...(before?.failed ?? [])])].slice(0, MAX_EXEMPLARS),
    });
  }

  /** Forgets what nobody looks back on from `nowMs` any more. */
  forget(nowMs: number): void {
    let forgot = false;
    for (const { timeline, backMs } of [...this.levels, ...this.callLevels]) {
      forgot = timeline.forgetBefore(nowMs - backMs - 2 * timeline.stepMs) || forgot;
    }
    if (forgot) this.reset();
  }

  /** After steps were put again. */
  reset(): void {
    this.history.reset();
    this.callHistory.reset();
  }

  view(
    operations: ReadonlyMap<number, Operation>,
    resources: Resources,
    findings: readonly Finding[],
    matches: ReadonlyMap<string, readonly WindowMatches[]>,
  ): RuleData {
    return {
      operations,
      resources,
      history: this.history,
      calls: { history: this.callHistory, edges: this.edges, callers: this.callers },
      findings: (fromMs, toMs) => findings.filter(({ windowAtMs }) => windowAtMs >= fromMs && windowAtMs < toMs),
      matches: (ruleId, fromMs, toMs) =>
        (matches.get(ruleId) ?? []).filter(({ windowAtMs }) => windowAtMs >= fromMs && windowAtMs < toMs),
      exemplars: (ids, worst) =>
        [...new Set(ids.flatMap((id) => this.examples.get(id)?.[worst] ?? []))].slice(0, MAX_EXEMPLARS),
    };
  }
}

/** Puts what was measured into a timeline that reaches to `toMs`; `knownAt` are the steps of which anything is known. */
export function fill(
  timeline: Timeline,
  toMs: number,
  rows: readonly (StepRow & { atMs: number })[],
  knownAt: readonly number[],
): void {
  timeline.extend(toMs);
  for (const atMs of knownAt) timeline.markKnown(atMs);
  for (const row of rows) timeline.put(row.atMs, row);
}
