import type { Route, RouteSettings, Routing } from '../model/routing.js';
import { matcherText, matchesAll } from './matcher.js';

export const INCIDENT_LABEL = 'incident';
export const ALL_LABELS = '...';

/** A route that takes an alert: its settings with what it inherits, and a name for it that holds as long as its place in the tree means the same. */
export interface RouteMatch {
  /** The matchers on the way down, as in Alertmanager's group keys. */
  key: string;
  settings: RouteSettings;
}

/**
 * The routes that take an alert with these labels, as Alertmanager walks its tree: the deepest on each way down; the first of a route's
 * children that matches ends the search among them unless it says `continue`. Never empty, since the root takes everything.
 */
export function routesFor(routing: Pick<Routing, 'route'>, labels: Readonly<Record<string, string>>): RouteMatch[] {
  const { route } = routing;
  return walk(route, route, keyOf('', route, 0), labels);
}

function walk(
  route: Route,
  settings: RouteSettings,
  key: string,
  labels: Readonly<Record<string, string>>,
): RouteMatch[] {
  const found: RouteMatch[] = [];
  for (const [index, child] of route.routes.entries()) {
    if (!matchesAll(child.matchers, labels)) continue;
    found.push(...walk(child, inherited(settings, child), keyOf(`${key}/`, child, sameBefore(route, index)), labels));
    if (!child.continue) break;
  }
  return found.length > 0 ? found : [{ key, settings }];
}

/** Every route with its settings, the root first: what can be asked of a tree without an alert. */
export function allRoutes({
  route,
}: Pick<Routing, 'route'>): { route: Route; settings: RouteSettings; path: string }[] {
  const all: { route: Route; settings: RouteSettings; path: string }[] = [];
  const visit = (each: Route, settings: RouteSettings, path: string) => {
    all.push({ route: each, settings, path });
    each.routes.forEach((child, index) => visit(child, inherited(settings, child), `${path}.routes.${index}`));
  };
  visit(route, route, 'route');
  return all;
}

function inherited(above: RouteSettings, route: Route): RouteSettings {
  return {
    receiver: route.receiver ?? above.receiver,
    groupBy: route.groupBy ?? above.groupBy,
    groupWaitS: route.groupWaitS ?? above.groupWaitS,
    groupIntervalS: route.groupIntervalS ?? above.groupIntervalS,
    repeatIntervalS: route.repeatIntervalS ?? above.repeatIntervalS,
    tellEscalations: route.tellEscalations ?? above.tellEscalations,
    escalateAfterS: route.escalateAfterS === undefined ? above.escalateAfterS : route.escalateAfterS,
    escalateTo: route.escalateTo === undefined ? above.escalateTo : route.escalateTo,
    ...inheritedMute(above, route),
    // As in Alertmanager, times when a route is quiet are its own.
    muteTimes: route.muteTimes ?? [],
    activeTimes: route.activeTimes ?? [],
  };
}

function inheritedMute(above: RouteSettings, route: Route): Pick<RouteSettings, 'muteFrequent'> {
  const muteFrequent = route.muteFrequent === undefined ? above.muteFrequent : route.muteFrequent;
  return muteFrequent === undefined ? {} : { muteFrequent };
}

function keyOf(above: string, { matchers, receiver }: Route, twin: number): string {
  const own = `{${matchers.map(matcherText).toSorted().join(',')}}`;
  return `${above}${own}${receiver === undefined || above === '' ? '' : `@${receiver}`}${twin === 0 ? '' : `#${twin}`}`;
}

/** How many brothers before this one have the same matchers and receiver: those need a number to be told apart. */
function sameBefore(route: Route, index: number): number {
  const own = keyOf('/', route.routes[index]!, 0);
  return route.routes.slice(0, index).filter((brother) => keyOf('/', brother, 0) === own).length;
}

/**
 * What the alerts of one group share. An alert without a label of `groupBy` counts as having it empty, and the label is left out of what
 * is shown.
 */
export function groupLabels(
  groupBy: readonly string[],
  labels: Readonly<Record<string, string>>,
): Record<string, string> {
  const names = groupBy.includes(ALL_LABELS) ? Object.keys(labels) : groupBy;
  const shared = [...new Set(names)].filter((name) => Object.hasOwn(labels, name) && labels[name] !== '').toSorted();
  return Object.fromEntries(shared.map((name) => [name, labels[name]!]));
}

/** The same text for the same route and labels: what a group is known by. */
export function groupKey(routeKey: string, labels: Readonly<Record<string, string>>): string {
  const shared = Object.entries(labels).map(([name, value]) => matcherText({ name, operator: '=', value }));
  return `${routeKey}:{${shared.join(',')}}`;
}
