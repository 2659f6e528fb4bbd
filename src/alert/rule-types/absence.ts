import { durationMs } from '../../model/duration.js';
import type { RuleOf } from '../../model/rule.js';
import type { Condition, RuleData } from '../rule-data.js';
import { groupsOf } from '../select.js';
import { allPass, atLeast, beyond, NO_TRACES } from './guards.js';

/** Half of the window must be known: when nothing at all arrives, nobody in particular is absent. */
const MIN_KNOWN = 0.5;

/** What was there before the window and is not in it, although others are. */
export function absenceConditions(rule: RuleOf<'absence'>, data: RuleData, nowMs: number): Condition[] {
  const fromMs = nowMs - durationMs(rule.window);
  const known = data.history.knownShare(fromMs, nowMs);
  return groupsOf(rule, data.operations, data.resources).map(({ key, labels, ids }) => {
    const { n } = data.history.load(key, ids, fromMs, nowMs);
    const before = data.history.load(`before ${key}`, ids, fromMs - durationMs(rule.expectedWithin), fromMs).n;
    const guards = [
      atLeast('known', known, MIN_KNOWN, 'ratio'),
      atLeast('seenBefore', before, 1, 'spans'),
      beyond('count', n, rule.minCount, 'below', 'spans'),
    ];
    return {
      key,
      labels,
      verdict: !guards[0]!.passes ? 'no_data' : allPass(guards) ? 'holds' : 'clear',
      severity: null,
      figures: { observed: n, expected: rule.minCount, unit: 'per_window', n },
      guards,
      exemplars: NO_TRACES,
    };
  });
}
