/** Why a step of an incident does not concern a rule; stored with every decision. */
export type DecisionReason = 'rule_disabled' | 'severity_below_rule' | 'service_not_in_rule';

/** What keeps one rule out of one step of an incident. */
export interface Decision {
  ruleId: string;
  ruleName: string;
  reason: DecisionReason;
}
