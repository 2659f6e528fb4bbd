/** Why a step of an incident does not concern a rule; kept in the row of the step. */
export type DecisionReason =
  | 'rule_disabled'
  | 'severity_below_rule'
  | 'service_not_in_rule'
  | 'operation_not_in_rule'
  | 'signal_not_in_rule'
  | 'weaker_than_rule'
  | 'outside_active_hours'
  | 'weaker_than_budget'
  | 'budget_spent'
  | 'rule_failed';

/** What keeps one rule out of one step of an incident. */
export interface Decision {
  ruleId: string;
  ruleName: string;
  reason: DecisionReason;
}
