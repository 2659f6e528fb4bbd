import { displayText } from '../../model/display.js';
import { durationMs } from '../../model/duration.js';
import type { RuleOf } from '../../model/rule.js';
import type { Condition, Guard, RuleData, Wanted } from '../rule-data.js';
import { groupKey, groupLabels, matchesAny, selects } from '../select.js';
import { allPass, atLeast, beyond } from './guards.js';

/** A call that is missing must have been made this often in the reference, so that its absence is no chance. */
const MIN_CALLS_BEFORE = 20;
/** The reference must be known for this share, or everything would be new after a start. */
const MIN_KNOWN = 0.5;

/** Calls that a rule is about, and how they are named. */
interface Call {
  key: string;
  labels: Record<string, string>;
  callerId: number;
  ids: readonly number[];
  callerSeries: readonly number[];
}

/** Calls are asked for at every instant of a replay, of the same edges. */
const callsKnown = new WeakMap<
  object,
  { operations: object; resources: object; edges: object; n: number; calls: Call[] }
>();

function callsOf(rule: RuleOf<'structural'>, { operations, resources, calls: { edges, callers } }: RuleData): Call[] {
  const known = callsKnown.get(rule);
  const n = edges.size + callers.size;
  const isSame = known?.operations === operations && known.resources === resources && known.edges === edges;
  if (isSame && known.n === n) return known.calls;
  const calls: Call[] = [];
  for (const [id, { callerId, calleeId }] of edges) {
    const caller = operations.get(callerId);
    const callee = operations.get(calleeId);
    if (caller === undefined || callee === undefined || !selects(rule, caller, resources)) continue;
    if (!matchesAny(rule.calleeServices, callee.service)) continue;
    const callerSeries = callers.get(callerId);
    calls.push({
      key: `${groupKey(rule.groupBy, caller)} ${groupKey(['service', 'operation', 'kind'], callee)} ${callerId}`,
      labels: {
        ...groupLabels(rule.groupBy, caller),
        callee_service: displayText(callee.service),
        callee_operation: displayText(callee.name),
      },
      callerId,
      ids: [id],
      callerSeries: callerSeries === undefined ? [] : [callerSeries],
    });
  }
  callsKnown.set(rule, { operations, resources, edges, n, calls });
  return calls;
}

/**
 * Who calls whom is not as it was: a call that was not made in the reference, one that is made no more although its caller works as ever, or
 * one that is made many times a span. One condition for each pair; the labels of the rule's groups are the caller's.
 */
export function structuralConditions(
  rule: RuleOf<'structural'>,
  data: RuleData,
  nowMs: number,
  wanted: Wanted,
): Condition[] {
  const { history } = data.calls;
  const fromMs = nowMs - durationMs(rule.window);
  const window = history.over(fromMs, nowMs);
  const reference = history.over(fromMs - durationMs(rule.reference), fromMs);
  const known = rule.change === 'repeated_call' ? 1 : reference.knownShare;
  const conditions: Condition[] = [];
  for (const { key, labels, callerId, ids, callerSeries } of callsOf(rule, data)) {
    const now = window.counts(ids).n;
    const callerN = window.counts(callerSeries).n;
    const before = rule.change === 'repeated_call' ? 0 : reference.counts(ids).n;
    const guards = [
      atLeast('minVolume', callerN, rule.minVolume, 'spans'),
      ...guardsOf(rule, { now, before, known, callerN }),
    ];
    const verdict = allPass(guards) ? 'holds' : callerN === 0 ? 'no_data' : 'clear';
    if (!wanted(key, verdict)) continue;
    conditions.push({
      key,
      labels,
      verdict,
      severity: null,
      figures: {
        observed: callerN === 0 ? null : now / callerN,
        expected: rule.change === 'repeated_call' ? rule.minRatio : null,
        unit: 'calls_per_call',
        n: callerN,
      },
      guards,
      exemplars: () => data.exemplars([callerId], 'slow'),
    });
  }
  return conditions;
}

function guardsOf(
  rule: RuleOf<'structural'>,
  { now, before, known, callerN }: { now: number; before: number; known: number; callerN: number },
): Guard[] {
  switch (rule.change) {
    case 'repeated_call':
      return [atLeast('minRatio', callerN === 0 ? null : now / callerN, rule.minRatio, 'calls_per_call')];
    case 'new_call':
      return [
        atLeast('knownReference', known, MIN_KNOWN, 'ratio'),
        beyond('callsBefore', before, 1, 'below', 'calls'),
        atLeast('calls', now, 1, 'calls'),
      ];
    case 'missing_call':
      return [atLeast('callsBefore', before, MIN_CALLS_BEFORE, 'calls'), beyond('calls', now, 1, 'below', 'calls')];
  }
}
