import { Injectable } from '@nestjs/common';
import { TracesStore } from '../journal/traces.store.js';
import type { Finding } from '../model/anomaly.js';
import { Rejected } from '../model/failure.js';
import type { Operation } from '../model/operation.js';
import type { Rule } from '../model/rule.js';
import { HOUR_MS, MINUTE_MS, WINDOW_MS } from '../model/window.js';
import { AnomalyStore } from '../store/anomaly.store.js';
import { OPERATIONS_AT_ONCE, RuleHistoryStore } from '../store/rule-history.store.js';
import { VersionStore } from '../store/version.store.js';
import { fill, LiveData } from './live-data.js';
import { matchWindow } from './match-window.js';
import { type Needs, needsOf } from './needs.js';
import type { Resources, RuleData, WindowMatches } from './rule-data.js';
import { selects } from './select.js';
import type { Timeline } from './timeline.js';

/** Whole traces of a window that are looked at, as in live evaluation. */
const MAX_TRACES = 200;
/** Reading traces again takes long: so much time is given to it, newest windows first. */
const TRACES_BUDGET_MS = 8_000;

/** Steps of operations in memory at once, some 170 bytes each: a week of 500 operations in minutes. */
const MAX_STEPS = 5_100_000;

export interface Replay {
  data: RuleData;
  /** From here on there was all that the rule looks at; later than asked for when traces could not all be read in time. */
  fromMs: number;
}

/** Loads what a rule looks at over a period of the past. */
@Injectable()
export class ReplayData {
  constructor(
    private readonly history: RuleHistoryStore,
    private readonly anomalies: AnomalyStore,
    private readonly versions: VersionStore,
    private readonly traces: TracesStore,
  ) {}

  /** Everything to evaluate the rule at instants in (fromMs, toMs], every `stepMs`: windows, or minutes where a period is long. `report` is told what share is loaded. */
  async load(
    tenantId: number,
    rule: Rule,
    fromMs: number,
    toMs: number,
    stepMs: number,
    report: (share: number) => Promise<void> = () => Promise.resolve(),
  ): Promise<Replay> {
    const { operations, resources } = await this.operations(tenantId);
    const live = new LiveData(stepped(needsOf([{ ...rule, enabled: true }]), stepMs), fromMs);
    const chosen = [...operations.values()].filter((operation) => selects(rule, operation, resources));
    const steps = Math.ceil((toMs - fromMs) / stepMs) * chosen.length;
    if (looksAtLoad(rule) && steps > MAX_STEPS) {
      const most = Math.floor((MAX_STEPS * stepMs) / (toMs - fromMs));
      const message = `the rule is about ${chosen.length} operations; so long a period can be replayed for ${most}: name services, or a later from`;
      throw new Rejected('too_much', message, 422, 'from');
    }
    let loaded = 0;
    for (const { timeline } of live.levels) {
      const endMs = await this.begin(tenantId, timeline, toMs);
      if (!looksAtLoad(rule)) continue;
      const ids = chosen.map(({ id }) => id);
      const columns = this.history.replay(tenantId, timeline.stepMs, timeline.fromMs, endMs, ids, {
        represented: rule.type === 'threshold' && rule.measure === 'rate',
        latency: looksAtLatency(rule),
      });
      for await (const some of columns) {
        for (const each of some) timeline.putAll(each);
        loaded += some.length;
        await report(loaded / (ids.length * live.levels.length));
      }
    }
    let parts = 0;
    for (const { timeline } of live.callLevels) {
      const endMs = await this.begin(tenantId, timeline, toMs);
      const ids = chosen.map(({ id }) => id);
      for await (const some of this.history.replayCalls(tenantId, timeline.stepMs, timeline.fromMs, endMs, ids)) {
        for (const calls of some) live.putCalls(timeline, calls);
        await report(++parts / (Math.ceil(ids.length / OPERATIONS_AT_ONCE) * live.callLevels.length));
      }
    }
    const findings = rule.type === 'anomaly' ? await this.anomalies.findings(tenantId, fromMs, toMs) : [];
    const found = await this.matches(tenantId, rule, fromMs, toMs, resources, report);
    const data = live.view(operations, resources, findings, new Map([[rule.id, found.matches]]));
    return { data: { ...data, findings: byTime(findings) }, fromMs: found.fromMs };
  }

  async operations(tenantId: number): Promise<{ operations: Map<number, Operation>; resources: Resources }> {
    return {
      operations: await this.anomalies.operations(tenantId),
      resources: await this.versions.resources(tenantId),
    };
  }

  /** Has the timeline go up to the last whole step before `toMs`, which is returned, and marks what was measured; it holds no load yet. */
  private async begin(tenantId: number, timeline: Timeline, toMs: number): Promise<number> {
    const endMs = Math.floor(toMs / timeline.stepMs) * timeline.stepMs;
    const known = await this.history.known(tenantId, timeline.stepMs, timeline.fromMs, endMs);
    fill(
      timeline,
      endMs,
      [],
      known.map(({ atMs }) => atMs),
    );
    return endMs;
  }

  /** The journal is read again: what is no longer in it cannot match. */
  private async matches(
    tenantId: number,
    rule: Rule,
    fromMs: number,
    toMs: number,
    resources: Resources,
    report: (share: number) => Promise<void>,
  ): Promise<{ matches: WindowMatches[]; fromMs: number }> {
    if (rule.type !== 'trace_match') return { matches: [], fromMs };
    const matches: WindowMatches[] = [];
    const begunMs = performance.now();
    let atMs = toMs - WINDOW_MS;
    for (; atMs >= fromMs && performance.now() - begunMs < TRACES_BUDGET_MS; atMs -= WINDOW_MS) {
      const { traces } = await this.traces.ended(tenantId, atMs, atMs + WINDOW_MS, MAX_TRACES);
      matches.unshift(...matchWindow(rule, traces, resources).map((match) => ({ ...match, windowAtMs: atMs })));
      await report(Math.max((toMs - atMs) / (toMs - fromMs), (performance.now() - begunMs) / TRACES_BUDGET_MS));
    }
    return { matches, fromMs: atMs + WINDOW_MS };
  }
}

/** Where steps are minutes, minutes stand for windows too. */
function stepped(needs: Needs, stepMs: number): Needs {
  if (stepMs === WINDOW_MS) return needs;
  return {
    ...needs,
    fineMs: 0,
    minutesMs: Math.max(needs.fineMs, needs.minutesMs) + MINUTE_MS,
    callsFineMs: 0,
    callsMinutesMs: needs.callsFineMs === 0 ? 0 : Math.max(needs.callsFineMs, needs.callsMinutesMs) + MINUTE_MS,
    hoursMs: needs.hoursMs === 0 ? 0 : needs.hoursMs + HOUR_MS,
  };
}

function looksAtLoad(rule: Rule): boolean {
  return rule.type === 'threshold' || rule.type === 'burn_rate' || rule.type === 'absence';
}

function looksAtLatency(rule: Rule): boolean {
  if (rule.type === 'burn_rate') return rule.latency !== null;
  return rule.type === 'threshold' && rule.measure !== 'rate' && rule.measure !== 'error_rate';
}

/** A week has many findings, and each instant asks for those of one window. */
function byTime(findings: readonly Finding[]): RuleData['findings'] {
  const windows = new Map<number, Finding[]>();
  for (const finding of findings) {
    const its = windows.get(finding.windowAtMs);
    if (its === undefined) windows.set(finding.windowAtMs, [finding]);
    else its.push(finding);
  }
  return (fromMs, toMs) => {
    const some: Finding[] = [];
    for (let atMs = fromMs; atMs < toMs; atMs += WINDOW_MS) some.push(...(windows.get(atMs) ?? []));
    return some;
  };
}
