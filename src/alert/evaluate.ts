import type { Alert, AlertState, AlertTransition } from '../model/alert.js';
import type { Instance, Memory } from '../model/alert-memory.js';
import { displayText } from '../model/display.js';
import { durationMs } from '../model/duration.js';
import type { Severity } from '../model/incident.js';
import type { Rule, RuleCommon } from '../model/rule.js';
import { WINDOW_MS } from '../model/window.js';
import { isActive } from './active-hours.js';
import {
  endState,
  INACTIVE,
  isForgettable,
  type StatePolicy,
  type StateStep,
  stepState,
  type Verdict,
} from './alert-state.js';
import { describeCondition } from './describe.js';
import { failureOf, faultOf } from './failure.js';
import type { Condition, RuleData, Wanted } from './rule-data.js';
import { conditionsOf } from './rule-types/conditions.js';

/** Alerts that one rule may have at a time; a rule that would have more says so in an alert of its own and keeps those it has. */
export const MAX_ALERTS = 1_000;
/** Keys of what a rule says of itself: no condition has them, since those of conditions are lists. */
const BOUND_KEY = 'bound';
const ERROR_KEY = 'error';
const MAX_REASON = 300;

export interface Naming {
  /** The alert of a rule by the key of its condition. */
  idOf: (ruleId: string, key: string) => string;
  ruleUrl: (ruleId: string) => string;
}

export interface Evaluated {
  /** Those that changed in any way. */
  instances: Instance[];
  transitions: AlertTransition[];
}

const NOTHING: Evaluated = { instances: [], transitions: [] };

/**
 * Evaluates a rule at the end of a window. `instances` are what is remembered of the rule, by alert id. The result depends on the arguments
 * alone: live evaluation, dry runs, backtests and unit tests of rules are all this function. A rule that cannot be evaluated is in state
 * `error`, with the reason, until it can; its alerts stay as they are, since not knowing is no recovery. What concerns one set of labels leaves the others alone.
 */
export function evaluate(
  rule: Rule,
  data: RuleData,
  nowMs: number,
  instances: ReadonlyMap<string, Instance>,
  naming: Naming,
): Evaluated {
  try {
    return evaluated(rule, data, nowMs, instances, naming);
  } catch (error) {
    return failed(rule, failureOf(error), nowMs, instances, naming);
  }
}

function evaluated(
  rule: Rule,
  data: RuleData,
  nowMs: number,
  instances: ReadonlyMap<string, Instance>,
  naming: Naming,
): Evaluated {
  const reset = [...instances.values()].filter(({ epoch }) => epoch !== rule.epoch);
  if (!rule.enabled || reset.length > 0) {
    const ending = rule.enabled ? reset : [...instances.values()];
    return endAll(ending, rule.enabled ? 'rule_changed' : 'rule_disabled', nowMs, rule.epoch);
  }
  // Steps of incidents are decided elsewhere; here it is said that they cannot be.
  const fault = rule.type === 'anomaly' && rule.sensitivity !== 'high' ? faultOf(rule) : null;
  if (fault !== null) throw new Error(fault);
  if (nowMs % durationMs(rule.every) !== 0) return NOTHING;
  const isKnown =
    data.history.over(nowMs - Math.max(WINDOW_MS, data.history.levels[0]?.stepMs ?? 0), nowMs).knownShare > 0;
  const isOn = isActive(rule.activeHours, nowMs);
  const conditions = new Map<string, Condition>();
  if (isKnown && isOn) {
    // Most conditions are of nothing that ever happened.
    const isWanted: Wanted = (key, verdict) =>
      isNews(rule, verdict) || verdict === 'error' || (instances.size > 0 && instances.has(naming.idOf(rule.id, key)));
    for (const condition of conditionsOf(rule, data, nowMs, isWanted)) {
      conditions.set(naming.idOf(rule.id, condition.key), condition);
    }
  }
  const absent: Verdict = isKnown || !isOn ? 'clear' : 'no_data';
  const policy = policyOf(rule);
  const result: Evaluated = { instances: [], transitions: [] };
  const take = (id: string, known: Instance | undefined, condition: Condition | undefined): void => {
    const before = known ?? newInstance(rule, id, nowMs, naming);
    const verdict = condition?.verdict ?? absent;
    if (verdict === 'error') return;
    const step = stepState(before.memory, verdict, nowMs, policy);
    keep(result, apply(rule, before, step, condition, nowMs));
  };
  const [boundId, errorId] = [naming.idOf(rule.id, BOUND_KEY), naming.idOf(rule.id, ERROR_KEY)];
  let room = MAX_ALERTS - instances.size;
  for (const id of [boundId, errorId]) if (instances.has(id)) room++;
  let left = 0;
  for (const [id, known] of instances) {
    if (id !== boundId && id !== errorId) take(id, known, conditions.get(id));
  }
  for (const [id, condition] of conditions) {
    if (instances.has(id) || !isNews(rule, condition.verdict)) continue;
    if (room > 0) {
      room--;
      take(id, undefined, condition);
    } else left++;
  }
  const bound = instances.get(boundId);
  if (left > 0) take(boundId, bound, beyondBound(left));
  else if (bound !== undefined) take(boundId, bound, undefined);
  const failures = [...conditions.values()].filter(({ verdict }) => verdict === 'error');
  const error = instances.get(errorId);
  if (failures.length > 0) {
    const said = failed(rule, failureOfSome(failures), nowMs, instances, naming);
    result.instances.push(...said.instances);
    result.transitions.push(...said.transitions);
  } else if (error !== undefined && isKnown && isOn) {
    keep(result, transit(error, endState(error.memory, 'evaluated'), nowMs, rule.epoch));
  }
  return result;
}

/** Whether it begins something where there was nothing. */
function isNews({ noData }: Rule, verdict: Condition['verdict']): boolean {
  return verdict === 'holds' || (verdict === 'no_data' && noData === 'fire');
}

/** The alerts of a rule that there are too many of, told like any other. */
function beyondBound(left: number): Condition {
  return {
    key: BOUND_KEY,
    labels: { bound: 'alerts' },
    verdict: 'holds',
    severity: null,
    figures: { observed: MAX_ALERTS + left, expected: MAX_ALERTS, unit: 'alerts', n: left },
    guards: [],
    exemplars: () => [],
  };
}

function failed(
  rule: Rule,
  why: string,
  nowMs: number,
  instances: ReadonlyMap<string, Instance>,
  naming: Naming,
): Evaluated {
  const id = naming.idOf(rule.id, ERROR_KEY);
  const before = instances.get(id) ?? newInstance(rule, id, nowMs, naming);
  if (before.memory.state === 'error') return NOTHING;
  const result: Evaluated = { instances: [], transitions: [] };
  const memory: Memory = { ...INACTIVE, state: 'error', activeAtMs: nowMs, seenAtMs: nowMs };
  const change = { from: before.memory.state, to: 'error' as const, reason: `failed: ${why}` };
  const severity = 'severity' in rule ? rule.severity : 'warning';
  const words = {
    labels: { alertname: rule.name, severity, error: 'evaluation' },
    annotations: { summary: `${rule.name} cannot be evaluated: ${why}` },
  };
  keep(result, transit(before, { memory, change }, nowMs, rule.epoch, { activeAtMs: nowMs, figures: null, words }));
  return result;
}

/** What could not be looked at: the first, and how many more. */
function failureOfSome([first, ...others]: readonly Condition[]): string {
  const name = Object.values(first?.labels ?? {}).join(' ');
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
  return displayText(`${name === '' ? '' : `${name}: `}${first?.failure ?? ''}${more}`, MAX_REASON);
}

function keep(result: Evaluated, { instance, transition }: Changed): void {
  result.instances.push(instance);
  if (transition !== null) result.transitions.push(transition);
}

/** Ends what a rule has left that was changed (to a new epoch), disabled or deleted. */
export function endAll(instances: readonly Instance[], reason: string, nowMs: number, epoch?: number): Evaluated {
  const result: Evaluated = { instances: [], transitions: [] };
  for (const instance of instances) {
    const step = endState(instance.memory, reason);
    const forgotten = { ...step, memory: { ...step.memory, recent: [] } };
    keep(result, transit(instance, forgotten, nowMs, epoch ?? instance.epoch));
  }
  return result;
}

/**
 * Goes on counting where alerts that were at rest left off: they are not loaded for an evaluation, and come back under the same id.
 * `rested` are those of them that are there already.
 */
export function continued(
  { instances, transitions }: Evaluated,
  rested: ReadonlyMap<string, { sequence: number; state: AlertState }>,
): Evaluated {
  const first = new Set<string>();
  return {
    instances: instances.map((instance) => {
      const before = rested.get(instance.alert.id);
      if (before === undefined) return instance;
      return { ...instance, alert: { ...instance.alert, sequence: instance.alert.sequence + before.sequence } };
    }),
    transitions: transitions.map((transition) => {
      const before = rested.get(transition.alertId);
      if (before === undefined) return transition;
      const sequence = transition.sequence + before.sequence;
      const from = first.has(transition.alertId) ? transition.from : before.state;
      first.add(transition.alertId);
      return { ...transition, from, sequence, snapshot: { ...transition.snapshot, sequence } };
    }),
  };
}

/** Whether an instance need not be loaded for the next evaluation. */
export function isAtRest({ memory }: Instance): boolean {
  return isForgettable(memory);
}

interface Changed {
  instance: Instance;
  transition: AlertTransition | null;
}

function policyOf(rule: Rule): StatePolicy {
  return {
    forMs: durationMs(rule.for),
    keepFiringForMs: durationMs(rule.keepFiringFor),
    nOfM: rule.nOfM,
    noData: rule.noData,
  };
}

function newInstance(rule: Rule, id: string, nowMs: number, naming: Naming): Instance {
  return {
    alert: {
      id,
      tenantId: rule.tenantId,
      ruleId: rule.id,
      incidentId: null,
      state: 'inactive',
      labels: {},
      annotations: {},
      figures: null,
      exemplars: [],
      activeAtMs: nowMs,
      firedAtMs: null,
      endsAtMs: null,
      generatorUrl: naming.ruleUrl(rule.id),
      sequence: 0,
    },
    memory: INACTIVE,
    epoch: rule.epoch,
  };
}

function apply(
  rule: Rule & RuleCommon,
  before: Instance,
  step: StateStep,
  condition: Condition | undefined,
  nowMs: number,
): Changed {
  const holds = condition?.verdict === 'holds';
  const severity: Severity | undefined = condition?.severity ?? ('severity' in rule ? rule.severity : undefined);
  const escalates =
    step.change === null && step.memory.state === 'firing' && holds && before.alert.labels['severity'] !== severity;
  const changes = step.change !== null || escalates;
  const activeAtMs = step.memory.activeAtMs ?? before.alert.activeAtMs;
  const said: Said = { activeAtMs, figures: before.alert.figures };
  if (condition !== undefined && (changes || holds)) said.figures = condition.figures;
  if (condition !== undefined && changes && holds) {
    said.words = describeCondition(rule, condition, severity ?? 'warning', activeAtMs);
  }
  const change = escalates ? ({ from: 'firing', to: 'firing', reason: 'escalated' } as const) : step.change;
  return transit(before, { memory: step.memory, change }, nowMs, rule.epoch, said);
}

/** What an alert says of its condition, as far as that is news. */
interface Said {
  activeAtMs: number;
  figures: Alert['figures'];
  words?: Partial<Pick<Alert, 'labels' | 'annotations' | 'exemplars'>>;
}

function transit(
  before: Instance,
  { memory, change }: StateStep,
  nowMs: number,
  epoch: number,
  said: Said = before.alert,
): Changed {
  const isOver = memory.state === 'resolved' || memory.state === 'no_data' || memory.state === 'inactive';
  const { activeAtMs, figures, words } = said;
  // One copy and no more: a replay makes millions of them.
  const alert: Alert = { ...before.alert };
  if (words !== undefined) Object.assign(alert, words);
  alert.activeAtMs = activeAtMs;
  alert.figures = figures;
  alert.state = memory.state;
  if (memory.firedAtMs !== null) alert.firedAtMs = memory.firedAtMs;
  if (change !== null) {
    alert.endsAtMs = isOver ? nowMs : null;
    alert.sequence++;
  }
  const instance = { alert, memory, epoch };
  if (change === null) return { instance, transition: null };
  const { from, to, reason } = change;
  return {
    instance,
    transition: { alertId: alert.id, sequence: alert.sequence, atMs: nowMs, from, to, reason, snapshot: alert },
  };
}
