import { displayText } from '../../model/display.js';
import { durationMs } from '../../model/duration.js';
import type { RuleOf } from '../../model/rule.js';
import type { Condition, Guard, RuleData } from '../rule-data.js';
import { groupKey, groupLabels, matchesAny, selects } from '../select.js';
import { allPass, atLeast, beyond } from './guards.js';

/** A call that is missing must have been made this often in the reference, so that its absence is no chance. */
const MIN_CALLS_BEFORE = 20;
/** The reference must be known for this share, or everything would be new after a start. */
const MIN_KNOWN = 0.5;

/**
 * Who calls whom is not as it was: a call that was not made in the reference, one that is made no more although its caller works as ever, or
 * one that is made many times a span. One condition for each pair; the labels of the rule's groups are the caller's.
 */
export function structuralConditions(rule: RuleOf<'structural'>, data: RuleData, nowMs: number): Condition[] {
  const { history, edges, callers } = data.calls;
  const fromMs = nowMs - durationMs(rule.window);
  const referenceMs = fromMs - durationMs(rule.reference);
  const known = rule.change === 'repeated_call' ? 1 : history.knownShare(referenceMs, fromMs);
  const conditions: Condition[] = [];
  for (const [id, { callerId, calleeId }] of edges) {
    const caller = data.operations.get(callerId);
    const callee = data.operations.get(calleeId);
    if (caller === undefined || callee === undefined || !selects(rule, caller, data.resources)) continue;
    if (!matchesAny(rule.calleeServices, callee.service)) continue;
    const callerSeries = callers.get(callerId);
    const series = callerSeries === undefined ? [] : [callerSeries];
    const now = history.load(`edge ${id}`, [id], fromMs, nowMs).n;
    const callerN = history.load(`caller ${callerId}`, series, fromMs, nowMs).n;
    const before = rule.change === 'repeated_call' ? 0 : history.load(`before ${id}`, [id], referenceMs, fromMs).n;
    const guards = [
      atLeast('minVolume', callerN, rule.minVolume, 'spans'),
      ...guardsOf(rule, { now, before, known, callerN }),
    ];
    const ratio = callerN === 0 ? null : now / callerN;
    conditions.push({
      key: `${groupKey(rule.groupBy, caller)} ${groupKey(['service', 'operation', 'kind'], callee)} ${callerId}`,
      labels: {
        ...groupLabels(rule.groupBy, caller),
        callee_service: displayText(callee.service),
        callee_operation: displayText(callee.name),
      },
      verdict: allPass(guards) ? 'holds' : callerN === 0 ? 'no_data' : 'clear',
      severity: null,
      figures: {
        observed: ratio,
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
