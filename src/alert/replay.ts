import type { Alert, AlertTransition } from '../model/alert.js';
import type { Instance } from '../model/alert-memory.js';
import type { Incident, IncidentEvent } from '../model/incident.js';
import type { AnomalyRule, Rule } from '../model/rule.js';
import { anomalyAlerts } from './anomaly-alerts.js';
import { evaluate, isAtRest, type Naming } from './evaluate.js';
import { type IncidentContext, matchIncident } from './match-incident.js';
import type { RuleData } from './rule-data.js';

const WEEK_MS = 7 * 86_400_000;

/** A stretch of time in which an alert would have fired. */
export interface Firing {
  labels: Record<string, string>;
  /** Since when the condition held. */
  activeAtMs: number;
  firedAtMs: number;
  /** Null: it would still fire. */
  endedAtMs: number | null;
  figures: Alert['figures'];
  /** The incident that an anomaly rule speaks of. */
  incidentId: string | null;
}

/** Evaluates a rule at every step of (fromMs, toMs], as live evaluation does at every window; `seen` is told of each step. */
export function* replay(
  rule: Rule,
  data: RuleData,
  fromMs: number,
  toMs: number,
  stepMs: number,
): Generator<AlertTransition[]> {
  const naming: Naming = { idOf: (_ruleId, key) => key, ruleUrl: (ruleId) => ruleId };
  const instances = new Map<string, Instance>();
  const enabled: Rule = { ...rule, enabled: true };
  for (let nowMs = fromMs + stepMs; nowMs <= toMs; nowMs += stepMs) {
    const { instances: changed, transitions } = evaluate(enabled, data, nowMs, instances, naming);
    for (const instance of changed) {
      if (isAtRest(instance)) instances.delete(instance.alert.id);
      else instances.set(instance.alert.id, instance);
    }
    yield transitions;
  }
}

/** What the steps of incidents would have made an anomaly rule say; `events` oldest first. */
export function replayIncidents(
  rule: AnomalyRule,
  events: readonly IncidentEvent[],
  past: readonly Incident[],
  known: Pick<IncidentContext, 'operations' | 'resources'>,
): AlertTransition[] {
  const enabled = { ...rule, enabled: true };
  const alerts = new Map<string, Alert>();
  const fired: number[] = [];
  return events.flatMap((event) => {
    const context = { ...known, atMs: event.atMs, past, fired: () => fired };
    const before = alerts.get(event.incidentId);
    const names = { idOf: () => event.incidentId, incidentUrl: event.incidentId };
    const transitions = anomalyAlerts(event, [enabled], before === undefined ? [] : [before], names, (each, incident) =>
      matchIncident(each, incident, context),
    );
    for (const { snapshot, from, to, atMs } of transitions) {
      alerts.set(event.incidentId, snapshot);
      if (to === 'firing' && from !== 'firing') fired.push(atMs);
    }
    return transitions;
  });
}

/** Transitions, oldest first, as stretches of firing. */
export function firingsOf(transitions: readonly AlertTransition[]): Firing[] {
  const open = new Map<string, Firing>();
  const firings: Firing[] = [];
  for (const { alertId, from, to, atMs, snapshot } of transitions) {
    const isFiring = to === 'firing' || to === 'recovering';
    const wasFiring = from === 'firing' || from === 'recovering';
    if (isFiring && !wasFiring) {
      const { labels, activeAtMs, figures, incidentId } = snapshot;
      const firing: Firing = { labels, activeAtMs, firedAtMs: atMs, endedAtMs: null, figures, incidentId };
      open.set(alertId, firing);
      firings.push(firing);
    } else if (!isFiring && wasFiring) {
      const firing = open.get(alertId);
      if (firing) firing.endedAtMs = atMs;
      open.delete(alertId);
    }
  }
  return firings;
}

export interface Comparison {
  caught: {
    incident: Incident;
    /** Of the first firing, after the incident was opened; negative: before. */ afterMs: number;
  }[];
  missed: Incident[];
  /** Firings while no incident was under way that concerns what they are about. */
  elsewhere: number;
}

/** Which incidents firings would have told of: those under way at the same time, of the same service where a firing names one. */
export function compareWithIncidents(
  firings: readonly Firing[],
  incidents: readonly Incident[],
  toMs: number,
): Comparison {
  const concerns = (firing: Firing, incident: Incident): boolean => {
    if (firing.incidentId !== null) return firing.incidentId === incident.id;
    const endMs = incident.resolvedMs ?? toMs;
    if (firing.activeAtMs > endMs || (firing.endedAtMs ?? toMs) < incident.startedMs) return false;
    const { service } = firing.labels;
    return service === undefined || [...incident.causes, ...incident.affected].some((each) => each.service === service);
  };
  const comparison: Comparison = { caught: [], missed: [], elsewhere: 0 };
  for (const incident of incidents) {
    const first = firings.find((firing) => concerns(firing, incident));
    if (first) comparison.caught.push({ incident, afterMs: first.firedAtMs - incident.openedMs });
    else comparison.missed.push(incident);
  }
  comparison.elsewhere = firings.filter((firing) => !incidents.some((incident) => concerns(firing, incident))).length;
  return comparison;
}

/** Alerts a week, as far as a period lets one say. */
export function perWeek(n: number, lengthMs: number): number {
  return Number(((n * WEEK_MS) / lengthMs).toPrecision(3));
}
