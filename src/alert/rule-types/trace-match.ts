import { durationMs } from '../../model/duration.js';
import type { RuleOf } from '../../model/rule.js';
import type { Condition, RuleData } from '../rule-data.js';
import { atLeast } from './guards.js';

const MAX_EXEMPLARS = 10;

/** Enough traces of the last window match: one condition for each set of labels under which any did. */
export function traceMatchConditions(rule: RuleOf<'trace_match'>, data: RuleData, nowMs: number): Condition[] {
  const groups = new Map<string, { labels: Record<string, string>; n: number; exemplars: string[] }>();
  for (const { labels, n, exemplars } of data.matches(rule.id, nowMs - durationMs(rule.window), nowMs)) {
    const key = JSON.stringify(Object.entries(labels).sort());
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { labels, n, exemplars: [...exemplars] });
    else {
      group.n += n;
      group.exemplars.unshift(...exemplars);
    }
  }
  return [...groups].map(([key, { labels, n, exemplars }]) => {
    const guard = atLeast('minTraces', n, rule.minTraces, 'traces');
    return {
      key,
      labels,
      verdict: guard.passes ? 'holds' : 'clear',
      severity: null,
      figures: { observed: n, expected: rule.minTraces, unit: 'traces', n },
      guards: [guard],
      exemplars: () => [...new Set(exemplars)].slice(0, MAX_EXEMPLARS),
    };
  });
}
