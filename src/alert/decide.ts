import type { Decision } from '../model/decision.js';
import type { IncidentEvent } from '../model/incident.js';
import type { AnomalyRule } from '../model/rule.js';
import type { Matcher } from './anomaly-alerts.js';
import { matchRule } from './match.js';

/** The rules that a step of an incident does not concern, each with the reason. Who hears of those that it concerns is decided by routing. */
export function decide(
  { kind, snapshot }: Pick<IncidentEvent, 'kind' | 'snapshot'>,
  rules: readonly AnomalyRule[],
  match: Matcher = matchRule,
): Decision[] {
  if (kind === 'resolved') return [];
  return rules.flatMap((rule) => {
    const reason = rule.enabled ? match(rule, snapshot) : 'rule_disabled';
    return reason === 'matches' ? [] : [{ ruleId: rule.id, ruleName: rule.name, reason }];
  });
}
