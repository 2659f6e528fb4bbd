import type { RuleOf } from '../../model/rule.js';
import { failureOf } from '../failure.js';
import type { Condition, RuleData } from '../rule-data.js';
import { groupsOf, type OperationGroup } from '../select.js';
import { NO_TRACES } from './guards.js';

/** A condition for each group of operations that `say` says anything of. A group that it throws at is in error, and the others go on. */
export function eachGroup(
  rule: RuleOf<'threshold' | 'burn_rate' | 'absence'>,
  data: RuleData,
  say: (group: OperationGroup) => Condition | null,
): Condition[] {
  const conditions: Condition[] = [];
  for (const group of groupsOf(rule, data.operations, data.resources)) {
    try {
      const condition = say(group);
      if (condition !== null) conditions.push(condition);
    } catch (error) {
      conditions.push(inError(group, error));
    }
  }
  return conditions;
}

function inError({ key, labels }: OperationGroup, error: unknown): Condition {
  const failure = failureOf(error);
  return { key, labels, verdict: 'error', failure, severity: null, figures: null, guards: [], exemplars: NO_TRACES };
}
