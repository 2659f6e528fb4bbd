import type { Alert } from '../model/alert.js';
import type { Placement } from '../model/placement.js';
import type { Routing } from '../model/routing.js';
import { groupKey, groupLabels, INCIDENT_LABEL, routesFor } from './tree.js';

/** An alert's labels as routes see them. */
export function routedLabels(alert: Pick<Alert, 'labels' | 'incidentId'>): Record<string, string> {
  if (alert.incidentId === null || Object.hasOwn(alert.labels, INCIDENT_LABEL)) return alert.labels;
  return { ...alert.labels, [INCIDENT_LABEL]: alert.incidentId };
}

/**
 * The groups that an alert belongs to, one for each route that takes it. An alert whose rule names channels goes to those only, with the
 * times and the grouping of the first route.
 */
export function placementsOf(
  routing: Pick<Routing, 'route'>,
  alert: Pick<Alert, 'labels' | 'incidentId'>,
  ruleChannelIds: string[] | null,
): Placement[] {
  const seen = routedLabels(alert);
  const routes = routesFor(routing, seen);
  return (ruleChannelIds === null ? routes : routes.slice(0, 1)).map(({ key, settings }) => {
    const labels = groupLabels(settings.groupBy, seen);
    return { key: groupKey(key, labels), routeKey: key, labels, settings, channelIds: ruleChannelIds };
  });
}

/**
 * When a new group is looked at for the first time: after its wait. What came from outside may have fired for longer than that already
 * when we hear of it, say after a restart of ours; then nothing is waited for, as Alertmanager has it.
 */
export function firstFlushAt(
  alert: Pick<Alert, 'ruleId' | 'activeAtMs'>,
  { groupWaitS }: { groupWaitS: number },
  heardAtMs: number,
): number {
  const waitMs = groupWaitS * 1_000;
  return alert.ruleId === null && alert.activeAtMs + waitMs < heardAtMs ? heardAtMs : heardAtMs + waitMs;
}
