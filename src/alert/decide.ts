import type { Decision, DecisionReason, EarlierDecision } from '../model/decision.js';
import type { IncidentEvent, IncidentEventKind } from '../model/incident.js';
import type { AnomalyRule } from '../model/rule.js';
import { matchRule } from './match.js';

/**
 * Decides one step of an incident for every rule. A channel hears of an incident once when it opens (or first concerns it) and once when
 * it resolves, however many rules name the channel: a decision counts what all earlier ones told. `enabledChannelIds` are the tenant's.
 */
export function decide(
  event: Pick<IncidentEvent, 'kind' | 'snapshot'>,
  rules: readonly AnomalyRule[],
  earlier: readonly EarlierDecision[],
  enabledChannelIds: readonly string[],
): Decision[] {
  const told = channelsTold(earlier);
  if (event.kind === 'resolved') return decideResolved(rules, told, new Set(enabledChannelIds));
  const { kind, snapshot } = event;
  const decisions: Decision[] = [];
  for (const rule of rules) {
    const decision = decideOpening(kind, snapshot, rule, told, enabledChannelIds);
    for (const channelId of decision.channelIds) told.set(channelId, rule);
    decisions.push(decision);
  }
  return decisions;
}

/** Channels that were told of the incident and not yet of its end, each with the rule that told it. */
function channelsTold(earlier: readonly EarlierDecision[]): Map<string, { id: string; name: string }> {
  const told = new Map<string, { id: string; name: string }>();
  for (const { kind, ruleId, ruleName, channelIds } of earlier) {
    for (const channelId of channelIds) {
      if (kind === 'resolved') told.delete(channelId);
      else told.set(channelId, { id: ruleId, name: ruleName });
    }
  }
  return told;
}

function decideOpening(
  kind: Exclude<IncidentEventKind, 'resolved'>,
  incident: IncidentEvent['snapshot'],
  rule: AnomalyRule,
  told: ReadonlyMap<string, unknown>,
  enabledChannelIds: readonly string[],
): Decision {
  const held = (reason: DecisionReason) => hold(rule, reason);
  if (!rule.enabled) return held('rule_disabled');
  const match = matchRule(rule, incident);
  if (match !== 'matches') return held(match);
  const wanted = enabledChannelIds.filter((id) => rule.channelIds === null || rule.channelIds.includes(id));
  if (wanted.length === 0) return held('no_channel');
  const channelIds = wanted.filter((id) => !told.has(id));
  if (channelIds.length === 0) return held(kind === 'reopened' ? 'flapping_already_told' : 'already_told');
  return { ruleId: rule.id, ruleName: rule.name, send: true, reason: kind, channelIds };
}

/** Whoever was told of the opening is owed the end, also when the rule has been changed, disabled or deleted since. */
function decideResolved(
  rules: readonly AnomalyRule[],
  told: ReadonlyMap<string, { id: string; name: string }>,
  enabled: ReadonlySet<string>,
): Decision[] {
  const owing = new Map<string, { id: string; name: string }>(rules.map((rule) => [rule.id, rule]));
  for (const rule of told.values()) if (!owing.has(rule.id)) owing.set(rule.id, rule);
  return [...owing.values()].map((rule) => {
    const owed = [...told].filter(([, teller]) => teller.id === rule.id).map(([channelId]) => channelId);
    if (owed.length === 0) return hold(rule, 'never_told');
    const channelIds = owed.filter((id) => enabled.has(id));
    if (channelIds.length === 0) return hold(rule, 'no_channel');
    return { ruleId: rule.id, ruleName: rule.name, send: true, reason: 'resolved', channelIds };
  });
}

function hold(rule: { id: string; name: string }, reason: DecisionReason): Decision {
  return { ruleId: rule.id, ruleName: rule.name, send: false, reason, channelIds: [] };
}
