import type { Alert, AlertState, AlertTransition } from '../model/alert.js';
import { displayText } from '../model/display.js';
import type { IncidentEvent } from '../model/incident.js';
import { headline, incidentView } from '../model/incident-view.js';
import type { AnomalyRule } from '../model/rule.js';
import { matchRule } from './match.js';

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
): AlertTransition[] {
  const { kind, snapshot, atMs } = event;
  if (kind === 'resolved') {
    return alerts
      .filter(({ state }) => state === 'firing')
      .map((alert) => stepTo(alert, 'resolved', event, { exemplars: snapshot.exemplars, endsAtMs: atMs }));
  }
  const byRule = new Map(alerts.map((alert) => [alert.ruleId, alert]));
  const transitions: AlertTransition[] = [];
  for (const rule of rules) {
    if (!rule.enabled || matchRule(rule, snapshot) !== 'matches') continue;
    const before = byRule.get(rule.id) ?? unborn(rule, event, idOf(rule.id), incidentUrl);
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
  return {
    labels: {
      alertname: rule.name,
      severity: snapshot.severity,
      incident: incidentId,
      ...(named && { service: displayText(named.service), operation: displayText(named.operation) }),
    },
    annotations: { summary: incidentView(snapshot).title, description: reason },
    figures: worst ? { observed: worst.observed, expected: worst.expected, unit: worst.unit, n: worst.n } : null,
    exemplars: snapshot.exemplars,
  };
}

function stepTo(
  before: Alert,
  to: AlertState,
  { kind, atMs }: Pick<IncidentEvent, 'kind' | 'atMs'>,
  change: Partial<Alert>,
): AlertTransition {
  const sequence = before.sequence + 1;
  return {
    alertId: before.id,
    sequence,
    atMs,
    from: before.state,
    to,
    reason: kind,
    snapshot: { ...before, ...change, state: to, sequence },
  };
}
