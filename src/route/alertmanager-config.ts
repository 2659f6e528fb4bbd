import { stringify } from 'yaml';
import type { Inhibition, MuteTime, Receiver, Route, Routing, TimeInterval } from '../model/routing.js';
import { matcherText } from './matcher.js';

/**
 * The routes, inhibitions and mute times in the words of Alertmanager's configuration, so that `amtool config routes` and Grafana show
 * who is told of what. Receivers have names only: their channels are no business of whoever may read this.
 */
export function alertmanagerConfig(
  { receivers, route }: Pick<Routing, 'receivers' | 'route'>,
  inhibitions: readonly Omit<Inhibition, 'id'>[],
  muteTimes: readonly MuteTime[],
): string {
  // A root of theirs has no times of its own.
  const root = { ...route, muteTimes: [], activeTimes: [], matchers: [] };
  return stringify({
    route: routeOf(root),
    inhibit_rules: inhibitions.map(({ source, target, equal }) => ({
      source_matchers: source.map(matcherText),
      target_matchers: target.map(matcherText),
      equal,
    })),
    receivers: receivers.map(({ name }: Receiver) => ({ name })),
    time_intervals: muteTimes.map(({ name, intervals }) => ({ name, time_intervals: intervals.map(intervalOf) })),
  });
}

function routeOf(route: Route): object {
  const { receiver, groupBy, groupWaitS, groupIntervalS, repeatIntervalS, muteTimes, activeTimes } = route;
  return present({
    receiver,
    group_by: groupBy,
    matchers: some(route.matchers.map(matcherText)),
    group_wait: groupWaitS === undefined ? undefined : duration(groupWaitS),
    // They know no interval of zero.
    group_interval: groupIntervalS === undefined ? undefined : duration(Math.max(1, groupIntervalS)),
    repeat_interval: repeatIntervalS === undefined ? undefined : duration(repeatIntervalS),
    mute_time_intervals: some(muteTimes),
    active_time_intervals: some(activeTimes),
    continue: route.continue || undefined,
    routes: some(route.routes.map(routeOf)),
  });
}

function intervalOf({ times, weekdays, daysOfMonth, months, years, location }: TimeInterval): object {
  return present({
    times: some(times.map(({ start, end }) => ({ start_time: start, end_time: end }))),
    weekdays: some(weekdays),
    days_of_month: some(daysOfMonth),
    months: some(months),
    years: some(years),
    location,
  });
}

function duration(seconds: number): string {
  return Number.isInteger(seconds) ? `${seconds}s` : `${Math.round(seconds * 1_000)}ms`;
}

function some<T>(list: readonly T[] | undefined): readonly T[] | undefined {
  return list === undefined || list.length === 0 ? undefined : list;
}

function present(fields: Record<string, unknown>): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
