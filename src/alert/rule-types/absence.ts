import { durationMs } from '../../model/duration.js';
import type { RuleOf } from '../../model/rule.js';
import type { Condition, RuleData, Wanted } from '../rule-data.js';
import { eachGroup } from './each-group.js';
import { allPass, atLeast, beyond, NO_TRACES } from './guards.js';

/** Half of the window must be known: when nothing at all arrives, nobody in particular is absent. */
const MIN_KNOWN = 0.5;

/** What was there before the window and is not in it, although others are. */
export function absenceConditions(rule: RuleOf<'absence'>, data: RuleData, nowMs: number, wanted: Wanted): Condition[] {
  const fromMs = nowMs - durationMs(rule.window);
  const window = data.history.over(fromMs, nowMs);
  const before = data.history.over(fromMs - durationMs(rule.expectedWithin), fromMs);
  const known = window.knownShare;
  return eachGroup(rule, data, ({ key, labels, ids }) => {
    const { n } = window.counts(ids);
    const guards = [
      atLeast('known', known, MIN_KNOWN, 'ratio'),
      atLeast('seenBefore', before.counts(ids).n, 1, 'spans'),
      beyond('count', n, rule.minCount, 'below', 'spans'),
    ];
    const verdict = !guards[0]!.passes ? 'no_data' : allPass(guards) ? 'holds' : 'clear';
    if (!wanted(key, verdict)) return null;
    return {
      key,
      labels,
      verdict,
      severity: null,
      figures: { observed: n, expected: rule.minCount, unit: 'per_window', n },
      guards,
      exemplars: NO_TRACES,
    };
  });
}
