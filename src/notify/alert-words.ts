import { attributeLabel } from '../model/correlation-lines.js';
import { displayText, formatDurationUs, formatMinuteUtc, formatQuantity, formatUtc } from '../model/display.js';
import { SEVERITIES, type Severity } from '../model/incident.js';
import type { Notice, NoticeAlert, NoticeFrequent } from '../model/notice.js';

const MAX_ALERTS = 10;
const MAX_LABELS = 6;
const MAX_SUMMARIES = 2;
const MAX_VERSIONS = 3;
/** Labels that are said in other words. */
const SAID: ReadonlySet<string> = new Set(['alertname', 'severity', 'service', 'operation']);

/** What the alerts of one message are about, in a line: the first one's name and place, and how many others there are. */
export function alertsTitle(alerts: readonly NoticeAlert[], truncated: number): string {
  const firing = alerts.filter(({ status }) => status === 'firing');
  const told = firing.length > 0 ? firing : alerts;
  const first = told[0];
  if (first === undefined) return 'no alert';
  const others = told.length - 1 + truncated;
  return `${nameAndPlace(first)}${others > 0 ? ` and ${others} more` : ''}`;
}

/** `since 03:11:40 UTC` or `from 03:11:40 UTC for 5 min`, of the alert that began first. */
export function alertsWhen(alerts: readonly NoticeAlert[]): string {
  const firing = alerts.filter(({ status }) => status === 'firing');
  const beganMs = Math.min(...(firing.length > 0 ? firing : alerts).map(({ startsAt }) => Date.parse(startsAt)));
  const clock = isTime(beganMs) ? formatUtc(beganMs).slice(11) : 'an unknown time';
  if (firing.length > 0) return `since ${clock}`;
  const endedMs = Math.max(...alerts.map(({ endsAt }) => Date.parse(endsAt ?? '')));
  return isTime(endedMs - beganMs) && endedMs >= beganMs
    ? `from ${clock} for ${formatDurationUs((endedMs - beganMs) * 1_000)}`
    : `from ${clock}`;
}

/** One line an alert: status, name, place, what is observed against what is expected, since when, and its own labels. */
export function alertLines(alerts: readonly NoticeAlert[], truncated: number): string[] {
  const lines = alerts.slice(0, MAX_ALERTS).map((alert) => {
    const { observed = null, expected = null, unit = 'ratio', n = 0 } = alert.figures ?? {};
    const against = expected === null ? '' : ` (expected ${formatQuantity(expected, unit)})`;
    const figures = observed === null ? '' : `: ${formatQuantity(observed, unit)}${against}, n ${n}`;
    const labels = Object.entries(alert.labels)
      .filter(([name]) => !SAID.has(name))
      .slice(0, MAX_LABELS)
      .map(([name, value]) => `${displayText(name, 40)}=${displayText(value, 80)}`);
    return [`${alert.status} ${nameAndPlace(alert)}${figures}, ${alertsWhen([alert])}`, ...labels].join(', ');
  });
  const more = Math.max(0, alerts.length - MAX_ALERTS) + truncated;
  return more > 0 ? [...lines, `and ${more} more`] : lines;
}

/** What the rule's authors wrote to be read: each summary or description once. */
export function alertSummaries(alerts: readonly NoticeAlert[]): string[] {
  const texts = alerts.map(({ annotations }) => annotations['summary'] ?? annotations['description'] ?? '');
  return [...new Set(texts.filter((text) => text.trim() !== '').map((text) => displayText(text, 300)))].slice(
    0,
    MAX_SUMMARIES,
  );
}

export function alertFacts(alerts: readonly NoticeAlert[]): string[] {
  const firing = alerts.filter(({ status }) => status === 'firing').length;
  const severity = worstSeverity(alerts);
  return [
    ...(severity === null ? [] : [`severity ${severity}`]),
    `${alertsWhen(alerts)}`,
    ...(alerts.length > 1 ? [`${firing} firing, ${alerts.length - firing} resolved`] : []),
  ];
}

const WHY: Partial<Record<NonNullable<Notice['group']>['notificationReason'], string>> = {
  new_alerts: 'more alerts',
  some_resolved: 'some are resolved',
  repeat: 'still firing: told again',
  another_cause: 'it has another cause',
  escalation: 'nobody acknowledged it: escalated',
};

/** Why it is said again, when it is. */
export function groupFacts({ group, frequent }: Notice): string[] {
  const why = group && WHY[group.notificationReason];
  return [...(frequent === undefined ? [] : [frequentFact(frequent)]), ...(why === undefined ? [] : [why])];
}

function frequentFact({ times, withinS, mutedUntil }: NoticeFrequent): string {
  const days = withinS / 86_400;
  const within =
    days === 7 ? 'this week' : `within ${days >= 2 ? `${Math.round(days)} days` : `${Math.round(24 * days)} h`}`;
  return `happened ${times} times ${within}: muted until ${formatUtc(Date.parse(mutedUntil))} unless it gets clearly worse`;
}

/** `cart version 2.4.1, first seen 2026-11-21 03:05 UTC`. */
export function versionFacts({ versions = [] }: Notice): string[] {
  return versions
    .slice(0, MAX_VERSIONS)
    .map(
      ({ service, key, value, since }) =>
        `${displayText(service, 80)} ${attributeLabel(key)} ${displayText(value, 80)}, first seen ${formatMinuteUtc(Date.parse(since))}`,
    );
}

/** Who calls what fires. */
export function callerLines({ callers = [] }: Notice): string[] {
  return callers.map(
    ({ service, operation, calls }) =>
      `${displayText(service, 120)} / ${displayText(operation, 120)} calls it: ${calls} ${calls === 1 ? 'call' : 'calls'} seen in 5 min`,
  );
}

/** The worst severity among those that fire, else among all; a word that is not one of ours counts as warning. */
export function worstSeverity(alerts: readonly NoticeAlert[]): Severity | null {
  const firing = alerts.filter(({ status }) => status === 'firing');
  const ranks = (firing.length > 0 ? firing : alerts).map(({ labels }) => {
    const rank = SEVERITIES.findIndex((each) => each === labels['severity']);
    return rank < 0 ? SEVERITIES.indexOf('warning') : rank;
  });
  return SEVERITIES[Math.max(...ranks)] ?? null;
}

function nameAndPlace({ labels, ruleName }: NoticeAlert): string {
  const name = displayText(labels['alertname'] ?? ruleName, 120);
  const place = [labels['service'], labels['operation']].flatMap((each) =>
    each === undefined ? [] : [displayText(each, 120)],
  );
  return place.length === 0 ? name : `${name} at ${place.join(' / ')}`;
}

function isTime(ms: number): boolean {
  return Number.isFinite(ms) && Math.abs(ms) < 8.64e15;
}
