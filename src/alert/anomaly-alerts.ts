import type { Alert, AlertState, AlertTransition } from '../model/alert.js';
import { displayText } from '../model/display.js';
import type { Incident, IncidentEvent } from '../model/incident.js';
import { headline, incidentView } from '../model/incident-view.js';
import type { AnomalyRule } from '../model/rule.js';
import { describeCondition } from './describe.js';
import { type Match, matchRule } from './match.js';

/** Whether a rule is about an incident, and otherwise what keeps it quiet. */
export type Matcher = (rule: AnomalyRule, incident: Incident) => Match;

/**
 * What a step of an incident does to the alerts of anomaly rules, one alert a rule. A rule that matches fires; one that fires is told of a
 * higher severity; at the end all that fire are resolved, also those of rules that were changed, disabled or deleted since.
 * `alerts` are the incident's so far, `idOf` names the alert of a rule, `incidentUrl` is where a reader finds more.
 */
export function anomalyAlerts(
  event: Omit<IncidentEvent, 'sequence'>,
  rules: readonly AnomalyRule[],
  alerts: readonly Alert[],
  { idOf, incidentUrl }: { idOf: (ruleId: string) => string; incidentUrl: string },
  match: Matcher = matchRule,
): AlertTransition[] {
  const { kind, snapshot, atMs } = event;
  if (kind === 'resolved') {
    return alerts
      .filter(({ state }) => state === 'firing')
      .map((alert) =>
        stepTo(alert, 'resolved', event, { exemplars: snapshot.exemplars, endsAtMs: snapshot.resolvedMs ?? atMs }),
      );
  }
  const byRule = new Map(alerts.map((alert) => [alert.ruleId, alert]));
  const transitions: AlertTransition[] = [];
  for (const rule of rules) {
    const known = byRule.get(rule.id);
    // What fires goes on: a budget that is spent, or the end of office hours, is no reason to keep a worse turn from whoever was told.
    const matches = known?.state === 'firing' ? matchRule(rule, snapshot) : match(rule, snapshot);
    if (!rule.enabled || matches !== 'matches') continue;
    const before = known ?? unborn(rule, event, idOf(rule.id), incidentUrl);
    const firedAtMs = before.state === 'firing' ? before.firedAtMs : atMs;
    const now = { ...described(rule, event), firedAtMs, endsAtMs: null };
    transitions.push(stepTo(before, 'firing', event, now));
  }
  return transitions;
}

function unborn(
  rule: AnomalyRule,
  event: Pick<IncidentEvent, 'incidentId' | 'snapshot'>,
  id: string,
  url: string,
): Alert {
  const { incidentId, snapshot } = event;
  return {
    id,
    tenantId: rule.tenantId,
    ruleId: rule.id,
    incidentId,
    state: 'inactive',
    labels: {},
    annotations: {},
    figures: null,
    exemplars: [],
    activeAtMs: snapshot.startedMs,
    firedAtMs: null,
    endsAtMs: null,
    generatorUrl: url,
    sequence: 0,
  };
}

/** Names are a sender's text: made fit for one line here, once, since labels go to every channel. */
function described(
  rule: AnomalyRule,
  { incidentId, snapshot, reason }: Pick<IncidentEvent, 'incidentId' | 'snapshot' | 'reason'>,
): Pick<Alert, 'labels' | 'annotations' | 'figures' | 'exemplars'> {
  const worst = headline(snapshot.affected, snapshot.causes[0]);
  const named = snapshot.causes[0] ?? worst;
  const figures = worst ? { observed: worst.observed, expected: worst.expected, unit: worst.unit, n: worst.n } : null;
  const labels = {
    incident: incidentId,
    ...(named && { service: displayText(named.service), operation: displayText(named.operation) }),
  };
  const words = describeCondition(
    rule,
    { labels, figures, exemplars: () => snapshot.exemplars },
    snapshot.severity,
    snapshot.startedMs,
  );
  const annotations = {
    ...words.annotations,
    summary: rule.annotations['summary'] === undefined ? incidentView(snapshot).title : words.annotations['summary']!,
  };
  return { ...words, annotations: { description: reason, ...annotations } };
}

function stepTo(
  before: Alert,
  to: AlertState,
  { kind, atMs, snapshot }: Pick<IncidentEvent, 'kind' | 'atMs' | 'snapshot'>,
  change: Partial<Alert>,
): AlertTransition {
  const sequence = before.sequence + 1;
  return {
    alertId: before.id,
    sequence,
    atMs,
    from: before.state,
    to,
    reason: kind === 'resolved' && snapshot.resolvedBy ? `resolved by ${displayText(snapshot.resolvedBy)}` : kind,
    snapshot: { ...before, ...change, state: to, sequence },
  };
}
