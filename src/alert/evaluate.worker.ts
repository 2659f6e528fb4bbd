import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config.js';
import { TracesStore } from '../journal/traces.store.js';
import type { AlertTransition } from '../model/alert.js';
import type { Instance } from '../model/alert-memory.js';
import type { Rule, RuleOf } from '../model/rule.js';
import { HOUR_MS, MINUTE_MS, WINDOW_MS } from '../model/window.js';
import { StageRunner } from '../stage-runner.js';
import { alertId, AlertStore } from '../store/alert.store.js';
import { AnomalyStore } from '../store/anomaly.store.js';
import { isDatabaseOutage } from '../store/outage.js';
import { RuleHistoryStore } from '../store/rule-history.store.js';
import { RuleMatchStore } from '../store/rule-match.store.js';
import { RuleStore } from '../store/rule.store.js';
import { VersionStore } from '../store/version.store.js';
import { continued, endAll, evaluate, type Evaluated, isAtRest, type Naming } from './evaluate.js';
import { fill, LiveData } from './live-data.js';
import { faultOf } from './failure.js';
import { matchWindow } from './match-window.js';
import { covers, type Needs, needsOf } from './needs.js';
import type { RuleData, WindowMatches } from './rule-data.js';

/** A window that late spans changed is looked at again within this time. */
const CHANGES_MS = 6 * MINUTE_MS;
/** Exemplars are taken from so much time before an alert. */
const EXEMPLARS_MS = MINUTE_MS;

/** Whole traces of a window that are looked at. */
const MAX_TRACES = 200;

interface Cached {
  throughMs: number;
  needs: Needs;
  data: LiveData;
  revisions: Map<number, number>;
}

/** Measured windows + rules → alerts and their transitions: all types but steps of incidents. */
@Injectable()
export class EvaluateWorker {
  /** What was loaded, by tenant: valid for whoever goes on from there, and otherwise loaded again. */
  private readonly cache = new Map<number, Cached>();
  /** Windows whose traces could not be read or matched, by tenant, as long as a rule may look back on them. */
  private readonly unmatched = new Map<number, Unmatched[]>();

  constructor(
    private readonly runner: StageRunner,
    private readonly rules: RuleStore,
    private readonly alerts: AlertStore,
    private readonly history: RuleHistoryStore,
    private readonly matches: RuleMatchStore,
    private readonly anomalies: AnomalyStore,
    private readonly versions: VersionStore,
    private readonly traces: TracesStore,
    @Inject(CONFIG) private readonly config: Pick<Config, 'publicUrl'>,
  ) {}

  async run(tenantId: number): Promise<void> {
    await this.runner.run('evaluate', tenantId, async ({ fromMs, toMs }) => {
      const rules = await this.rules.list(tenantId);
      // What cannot be made out says so at once, and not when an incident comes that it should have told of.
      const looking = rules.filter(
        (rule) => rule.type !== 'anomaly' || rule.sensitivity === 'high' || faultOf(rule) !== null,
      );
      const stored = await this.alerts.remembered(tenantId);
      if (looking.length === 0 && stored.length === 0) {
        this.cache.delete(tenantId);
        return () => Promise.resolve();
      }
      const cached = await this.load(tenantId, needsOf(looking.filter(isUsable)), fromMs, toMs);
      const found = await this.matchTraces(tenantId, looking, fromMs, toMs);
      const there = new Set(rules.map(({ id }) => id));
      const evaluated = await this.evaluateAll(tenantId, looking, there, stored, cached, found, fromMs, toMs);
      const loaded = new Set(stored.map(({ alert }) => alert.id));
      const fresh = evaluated.instances.map(({ alert }) => alert.id).filter((id) => !loaded.has(id));
      const { instances, transitions } = continued(evaluated, await this.alerts.standing(tenantId, fresh));
      return async (tx) => {
        await this.matches.save(tx, tenantId, found);
        const kept = instances.map((instance) => ({
          ...instance,
          memory: isAtRest(instance) ? null : instance.memory,
        }));
        await this.alerts.saveEvaluated(tx, tenantId, kept, transitions);
        this.cache.set(tenantId, cached);
      };
    });
  }

  private async evaluateAll(
    tenantId: number,
    rules: readonly Rule[],
    there: ReadonlySet<string>,
    stored: readonly Instance[],
    cached: Cached,
    found: readonly FoundMatches[],
    fromMs: number,
    toMs: number,
  ): Promise<Evaluated> {
    const { needs, data } = cached;
    const matches = new Map<string, WindowMatches[]>();
    if (needs.matchesMs > 0) {
      for (const each of [...(await this.matches.load(tenantId, fromMs - needs.matchesMs, fromMs)), ...found]) {
        matches.set(each.ruleId, [...(matches.get(each.ruleId) ?? []), each]);
      }
    }
    const findings = needs.findings ? await this.anomalies.findings(tenantId, fromMs, toMs) : [];
    const loaded = data.view(
      await this.anomalies.operations(tenantId),
      await this.versions.resources(tenantId),
      findings,
      matches,
    );
    const unmatched = this.unmatched.get(tenantId) ?? [];
    const view: RuleData = {
      ...loaded,
      matches: (ruleId, from, to) => {
        const of = unmatched.find((each) => each.of(ruleId) && each.windowAtMs >= from && each.windowAtMs < to);
        if (of !== undefined) throw of.error;
        return loaded.matches(ruleId, from, to);
      },
    };
    const naming: Naming = {
      idOf: (ruleId, key) => alertId(tenantId, ruleId, key),
      ruleUrl: (ruleId) => `${this.config.publicUrl}/api/v1/rules/${ruleId}`,
    };
    const all = new Map<string, Map<string, Instance>>();
    for (const instance of stored) {
      const ruleId = instance.alert.ruleId ?? '';
      const its = all.get(ruleId);
      if (its === undefined) all.set(ruleId, new Map([[instance.alert.id, instance]]));
      else its.set(instance.alert.id, instance);
    }
    const changed = new Map<string, Instance>();
    const transitions: AlertTransition[] = [];
    const take = (ruleId: string, evaluated: Evaluated): void => {
      transitions.push(...evaluated.transitions);
      let its = all.get(ruleId);
      for (const instance of evaluated.instances) {
        changed.set(instance.alert.id, instance);
        if (its === undefined) all.set(ruleId, (its = new Map()));
        its.set(instance.alert.id, instance);
      }
    };
    const known = new Set(rules.map(({ id }) => id));
    for (const [ruleId, instances] of all) {
      if (known.has(ruleId)) continue;
      const reason = there.has(ruleId) ? 'rule_changed' : 'rule_deleted';
      take(ruleId, endAll([...instances.values()], reason, fromMs + WINDOW_MS));
    }
    for (let nowMs = fromMs + WINDOW_MS; nowMs <= toMs; nowMs += WINDOW_MS) {
      for (const rule of rules) take(rule.id, evaluate(rule, view, nowMs, all.get(rule.id) ?? new Map(), naming));
    }
    return { instances: [...changed.values()], transitions };
  }

  /** All that the rules look at up to `toMs`; what is there already is not loaded again, but for windows that were measured again. */
  private async load(tenantId: number, needs: Needs, fromMs: number, toMs: number): Promise<Cached> {
    const old = this.cache.get(tenantId);
    this.cache.delete(tenantId);
    const goesOn = old !== undefined && old.throughMs === fromMs && covers(old.needs, needs);
    const cached = goesOn
      ? { ...old, throughMs: toMs }
      : { throughMs: toMs, needs, data: new LiveData(needs, fromMs), revisions: new Map<number, number>() };
    const { data } = cached;
    if (goesOn) await this.loadChanged(tenantId, cached, fromMs);
    for (const { timeline } of data.levels) {
      const { stepMs, toMs: doneMs } = timeline;
      const endMs = Math.floor(toMs / stepMs) * stepMs;
      const known = await this.history.known(tenantId, stepMs, doneMs, endMs);
      fill(
        timeline,
        endMs,
        await this.history.load(tenantId, stepMs, doneMs, endMs),
        known.map(({ atMs }) => atMs),
      );
      if (stepMs === WINDOW_MS) for (const { atMs, revision } of known) cached.revisions.set(atMs, revision);
    }
    for (const { timeline } of data.callLevels) {
      const { stepMs, toMs: doneMs } = timeline;
      const endMs = Math.floor(toMs / stepMs) * stepMs;
      const known = await this.history.known(tenantId, stepMs, doneMs, endMs);
      fill(
        timeline,
        endMs,
        [],
        known.map(({ atMs }) => atMs),
      );
      for (const call of await this.history.calls(tenantId, stepMs, doneMs, endMs)) data.putCall(timeline, call);
    }
    for (const row of await this.history.exemplars(tenantId, Math.min(fromMs, toMs - EXEMPLARS_MS), toMs)) {
      data.putExemplars(row.operationId, row.slowest, row.failed);
    }
    for (const atMs of cached.revisions.keys()) if (atMs < toMs - CHANGES_MS) cached.revisions.delete(atMs);
    data.forget(fromMs);
    return cached;
  }

  /** Windows that late spans changed, and the minutes and hours that they lie in. */
  private async loadChanged(tenantId: number, { data, revisions }: Cached, fromMs: number): Promise<void> {
    const now = await this.history.known(tenantId, WINDOW_MS, fromMs - CHANGES_MS, fromMs);
    const other = now.filter(({ atMs, revision }) => revisions.get(atMs) !== revision);
    if (other.length === 0) return;
    for (const { timeline } of data.levels) {
      const { stepMs } = timeline;
      const steps = new Set(other.map(({ atMs }) => Math.floor(atMs / stepMs) * stepMs));
      for (const atMs of steps) {
        if (atMs < timeline.fromMs || atMs >= timeline.toMs) continue;
        timeline.clear(atMs);
        fill(timeline, timeline.toMs, await this.history.load(tenantId, stepMs, atMs, atMs + stepMs), [atMs]);
      }
    }
    for (const { atMs, revision } of other) revisions.set(atMs, revision);
    data.reset();
  }

  private async matchTraces(
    tenantId: number,
    rules: readonly Rule[],
    fromMs: number,
    toMs: number,
  ): Promise<FoundMatches[]> {
    const looking = rules.filter((rule): rule is RuleOf<'trace_match'> => rule.type === 'trace_match' && rule.enabled);
    if (looking.length === 0) return [];
    const resources = await this.versions.resources(tenantId);
    const found: FoundMatches[] = [];
    const unmatched = (this.unmatched.get(tenantId) ?? []).filter(({ windowAtMs }) => windowAtMs >= fromMs - HOUR_MS);
    this.unmatched.set(tenantId, unmatched);
    for (let windowAtMs = fromMs; windowAtMs < toMs; windowAtMs += WINDOW_MS) {
      const { traces, ended } = await this.traces
        .ended(tenantId, windowAtMs, windowAtMs + WINDOW_MS, MAX_TRACES)
        .catch((error: Error) => {
          // While the database is away all wait; what cannot be read concerns the rules that look at it.
          if (isDatabaseOutage(error)) throw error;
          unmatched.push({ windowAtMs, of: () => true, error });
          return { traces: [], ended: 0 };
        });
      for (const rule of looking) {
        try {
          for (const match of matchWindow(rule, traces, resources)) {
            found.push({ ...match, windowAtMs, ruleId: rule.id, epoch: rule.epoch, lookedAt: traces.length, ended });
          }
        } catch (error) {
          unmatched.push({ windowAtMs, of: (ruleId) => ruleId === rule.id, error });
        }
      }
    }
    return found;
  }
}

/** A rule that this version cannot make out is in state error, and asks for nothing. */
function isUsable(rule: Rule): boolean {
  try {
    needsOf([rule]);
    return true;
  } catch {
    return false;
  }
}

interface Unmatched {
  windowAtMs: number;
  of: (ruleId: string) => boolean;
  error: unknown;
}

interface FoundMatches extends WindowMatches {
  ruleId: string;
  epoch: number;
  lookedAt: number;
  /** Traces that ended in the window; more than were looked at when there were too many. */
  ended: number;
}
