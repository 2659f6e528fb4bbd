import type { AlertState } from '../model/alert.js';
import type { Memory } from '../model/alert-memory.js';
import type { NoDataPolicy } from '../model/rule.js';
import { HOUR_MS } from '../model/window.js';

/** holds: all guards pass. between: past the limit no more, and not yet at the recovery threshold. */
export type Verdict = 'holds' | 'between' | 'clear' | 'no_data';

/** After this long without data an alert that was kept is shown as without data; Prometheus tolerates an outage as long. */
export const KEEP_WITHOUT_DATA_MS = HOUR_MS;

export interface StatePolicy {
  forMs: number;
  keepFiringForMs: number;
  nOfM: { n: number; m: number } | null;
  noData: NoDataPolicy;
}

export interface StateStep {
  memory: Memory;
  /** At most one change of state an evaluation, with its reason; null: none. */
  change: { from: AlertState; to: AlertState; reason: string } | null;
}

const NONE: boolean[] = [];

export const INACTIVE: Memory = {
  state: 'inactive',
  activeAtMs: null,
  firedAtMs: null,
  clearSinceMs: null,
  seenAtMs: 0,
  recent: [],
};

/**
 * What one evaluation does to one alert. After Prometheus: it fires as soon as now - activeAt >= for, and with a `for` of zero at once,
 * without being pending. After Grafana: a firing alert whose condition is gone recovers for keepFiringFor before it is resolved.
 */
export function stepState(before: Memory, verdict: Verdict, nowMs: number, policy: StatePolicy): StateStep {
  // An evaluation gap that is longer than an outage may be: what was pending says nothing any more.
  const memory =
    before.state === 'pending' && nowMs - before.seenAtMs > KEEP_WITHOUT_DATA_MS ? forgotten(before) : before;
  if (verdict === 'no_data' && policy.noData !== 'fire') return withoutData(memory, nowMs, policy.noData, before.state);
  const holds = verdict === 'holds' || verdict === 'no_data';
  const recent = policy.nOfM === null ? NONE : [...memory.recent, holds].slice(-policy.nOfM.m);
  const isActive = policy.nOfM === null ? holds : recent.filter(Boolean).length >= policy.nOfM.n;
  const seen: Memory = { ...memory };
  seen.recent = recent;
  seen.seenAtMs = nowMs;
  const step = isActive ? active(seen, nowMs, policy) : quiet(seen, nowMs, policy, verdict === 'between');
  return changed(before.state, step.memory, step.reason);
}

interface Reasoned {
  memory: Memory;
  reason: string;
}

function active(memory: Memory, nowMs: number, { forMs }: StatePolicy): Reasoned {
  const { state } = memory;
  if (state === 'firing' && memory.clearSinceMs === null) return { memory, reason: 'holds' };
  if (state === 'firing' || state === 'recovering') {
    return { memory: { ...memory, state: 'firing', clearSinceMs: null }, reason: 'returned' };
  }
  const activeAtMs = state === 'pending' ? (memory.activeAtMs ?? nowMs) : nowMs;
  if (nowMs - activeAtMs >= forMs) {
    return {
      memory: { ...memory, state: 'firing', activeAtMs, firedAtMs: nowMs, clearSinceMs: null },
      reason: forMs === 0 ? 'holds' : 'held_for',
    };
  }
  return { memory: { ...memory, state: 'pending', activeAtMs }, reason: 'holds' };
}

function quiet(memory: Memory, nowMs: number, { keepFiringForMs }: StatePolicy, isBetween: boolean): Reasoned {
  const { state } = memory;
  if (state === 'firing' || state === 'recovering') {
    if (isBetween) return { memory: { ...memory, state: 'firing', clearSinceMs: null }, reason: 'not_recovered' };
    const clearSinceMs = memory.clearSinceMs ?? nowMs;
    if (nowMs - clearSinceMs < keepFiringForMs) {
      return { memory: { ...memory, state: 'recovering', clearSinceMs }, reason: 'clear' };
    }
    return { memory: ended(memory, 'resolved'), reason: keepFiringForMs === 0 ? 'clear' : 'clear_for' };
  }
  // A resolved alert stays so: inactive is what never fired.
  if (state === 'resolved') return { memory, reason: 'clear' };
  return { memory: ended(memory, 'inactive'), reason: 'clear' };
}

function withoutData(
  memory: Memory,
  nowMs: number,
  policy: Exclude<NoDataPolicy, 'fire'>,
  from: AlertState,
): StateStep {
  const { state } = memory;
  const isLong = nowMs - memory.seenAtMs >= KEEP_WITHOUT_DATA_MS;
  if (state === 'firing' || state === 'recovering') {
    if (policy === 'resolve') return changed(from, ended(memory, 'resolved'), 'no_data');
    if (policy === 'no_data' || isLong) return changed(from, ended(memory, 'no_data'), 'no_data');
    return { memory, change: null };
  }
  if (state === 'pending' && (policy !== 'keep' || isLong)) return changed(from, ended(memory, 'inactive'), 'no_data');
  return changed(from, memory, 'no_data');
}

/** Ends it for a reason that lies in the rule: it was changed, disabled or deleted. */
export function endState(memory: Memory, reason: string): StateStep {
  const fired = memory.state === 'firing' || memory.state === 'recovering';
  const rests = memory.state === 'resolved' || memory.state === 'inactive';
  return changed(memory.state, ended(memory, rests ? memory.state : fired ? 'resolved' : 'inactive'), reason);
}

/** Whether nothing need be remembered of it. */
export function isForgettable({ state, recent }: Memory): boolean {
  return (state === 'inactive' || state === 'resolved') && !recent.includes(true);
}

function forgotten(memory: Memory): Memory {
  return { ...ended(memory, 'inactive'), recent: [] };
}

function ended(memory: Memory, state: AlertState): Memory {
  return { ...memory, state, activeAtMs: null, firedAtMs: null, clearSinceMs: null };
}

function changed(from: AlertState, memory: Memory, reason: string): StateStep {
  return { memory, change: from === memory.state ? null : { from, to: memory.state, reason } };
}
