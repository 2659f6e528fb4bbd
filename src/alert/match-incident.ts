import type { Affected, Incident } from '../model/incident.js';
import type { Operation } from '../model/operation.js';
import type { AnomalyRule } from '../model/rule.js';
import { isActive } from './active-hours.js';
import { type Match, matchGlob, matchRule } from './match.js';
import type { Resources } from './rule-data.js';
import { guardsOf } from './rule-types/anomaly.js';
import { allPass } from './rule-types/guards.js';
import { selects } from './select.js';

const WEEK_MS = 7 * 86_400_000;
/** Weeks of incidents that an alert budget is measured by. */
export const BUDGET_WEEKS = 4;
/** Score (-log10 of the tail probability) of the strongest series at low sensitivity: twice the exponent that raises a lone series. */
const LOW_SENSITIVITY_SCORE = 20;

/** What matching an incident may depend on besides the incident. */
export interface IncidentContext {
  atMs: number;
  operations: ReadonlyMap<number, Operation>;
  resources: Resources;
  /** Incidents that were opened within BUDGET_WEEKS before: for rules with a budget. */
  past: readonly Incident[];
  /** When the rule fired, within a week before: for rules with a budget. */
  fired: (ruleId: string) => readonly number[];
}

/** Whether a rule is about an incident at an instant, by all that the rule says; the first thing that keeps it quiet otherwise. */
export function matchIncident(rule: AnomalyRule, incident: Incident, context: IncidentContext): Match {
  const match = matchSeries(rule, incident, context);
  if (match !== 'matches') return match;
  if (!isActive(rule.activeHours, context.atMs)) return 'outside_active_hours';
  if (rule.budgetPerWeek === null) return 'matches';
  const { past, fired, atMs } = context;
  if (fired(rule.id).filter((at) => at > atMs - WEEK_MS && at <= atMs).length >= rule.budgetPerWeek)
    return 'budget_spent';
  // As strong as those that the budget would have had room for, had it been known before what was to come.
  const others = past.filter(
    ({ id, openedMs }) => id !== incident.id && openedMs <= atMs && openedMs > atMs - BUDGET_WEEKS * WEEK_MS,
  );
  const strengths = others.filter((other) => matchSeries(rule, other, context) === 'matches').map(strengthOf);
  const stronger = strengths.filter((strength) => strength > strengthOf(incident)).length;
  return stronger >= rule.budgetPerWeek * BUDGET_WEEKS ? 'weaker_than_budget' : 'matches';
}

function matchSeries(rule: AnomalyRule, incident: Incident, { operations, resources }: IncidentContext): Match {
  const match = matchRule(rule, incident);
  if (match !== 'matches') return match;
  const isWide =
    rule.operations.length +
      rule.kinds.length +
      rule.namespaces.length +
      rule.environments.length +
      rule.attributes.length ===
    0;
  const named = (each: { operationId: number; service: string; operation: string }): boolean => {
    if (isWide) return rule.services.some((glob) => matchGlob(glob, each.service));
    const operation = operations.get(each.operationId);
    return operation !== undefined && selects(rule, operation, resources);
  };
  if (!isWide && ![...incident.causes, ...incident.affected].some(named)) return 'operation_not_in_rule';
  if (rule.signals !== null && !incident.affected.some(({ signal }) => rule.signals?.includes(signal)))
    return 'signal_not_in_rule';
  if (rule.sensitivity !== 'low' && rule.minVolume === 0 && rule.effect === null) return 'matches';
  const minScore = rule.sensitivity === 'low' ? LOW_SENSITIVITY_SCORE : 0;
  const strong = (each: Affected): boolean => allPass(guardsOf(rule, each, minScore));
  return incident.affected.some(strong) ? 'matches' : 'weaker_than_rule';
}

function strengthOf({ affected }: Incident): number {
  return affected.reduce((most, { score }) => Math.max(most, score), 0);
}
