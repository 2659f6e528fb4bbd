import type { IncidentEventKind } from './incident.js';

/** Why a rule sent a message or held it back; stored with every decision. */
export type DecisionReason =
  | 'opened'
  | 'escalated'
  | 'reopened'
  | 'resolved'
  | 'rule_disabled'
  | 'severity_below_rule'
  | 'service_not_in_rule'
  | 'no_channel'
  | 'already_told'
  | 'flapping_already_told'
  | 'never_told';

/** What one rule does about one step of an incident. `channelIds` is empty unless it sends. */
export interface Decision {
  ruleId: string;
  ruleName: string;
  send: boolean;
  reason: DecisionReason;
  channelIds: string[];
}

/** A decision about an earlier step of the same incident, by whichever rule; oldest first. */
export interface EarlierDecision {
  kind: IncidentEventKind;
  ruleId: string;
  ruleName: string;
  channelIds: string[];
}
