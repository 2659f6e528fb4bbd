import type { Alert } from '../model/alert.js';
import { SEVERITIES } from '../model/incident.js';
import type { MuteFrequent, Recurrence } from '../model/recurrence.js';
import type { Routing } from '../model/routing.js';
import { severityOf } from './flush-input.js';
import { routedLabels } from './place.js';
import { routesFor } from './tree.js';

/** What begins sooner after the begin of another is the same episode: a flapping alert and a storm of incidents did not come back. */
const EPISODE_MS = 10 * 60_000;
/** So many times as far from what is expected as ever before is clearly worse. */
const CLEARLY_WORSE = 2;
const MAX_BEGINS = 1_000;
const PASSING: ReadonlySet<string> = new Set(['incident', 'severity']);

type Begun = Pick<Alert, 'ruleId' | 'labels' | 'figures' | 'firedAtMs' | 'activeAtMs'>;

/** By what an alert is known again when it comes back; null for alerts from outside, which their senders group. */
export function recurrenceKey({ ruleId, labels }: Pick<Alert, 'ruleId' | 'labels'>): string | null {
  if (ruleId === null) return null;
  const kept = Object.entries(labels).filter(([name]) => !PASSING.has(name));
  return JSON.stringify([ruleId, kept.toSorted(([a], [b]) => (a < b ? -1 : 1))]);
}

/** How an alert is counted: by the first of its routes that mutes what keeps coming back. */
export function recurrenceOf(
  routing: Pick<Routing, 'route'>,
  alert: Pick<Alert, 'ruleId' | 'labels' | 'incidentId'>,
): { key: string; setting: MuteFrequent } | null {
  const key = recurrenceKey(alert);
  const routes = key === null ? [] : routesFor(routing, routedLabels(alert));
  const setting = routes.map(({ settings }) => settings.muteFrequent).find((each) => each != null);
  return key === null || setting == null ? null : { key, setting };
}

/** What becomes of a recurrence when such an alert begins to fire; `heardAtMs` is wall time. */
export function recur(
  before: Recurrence | null,
  alert: Begun,
  heardAtMs: number,
  { times, withinS, forS }: MuteFrequent,
): Recurrence {
  const strength = strengthOf(alert);
  const recent = (before?.beginsMs ?? []).filter((ms) => ms > heardAtMs - withinS * 1_000);
  const isNew = recent.length === 0 || heardAtMs - recent.at(-1)! >= EPISODE_MS;
  const beginsMs = (isNew ? [...recent, heardAtMs] : recent).slice(-MAX_BEGINS);
  if (before?.mute && heardAtMs < before.mute.untilMs) {
    const isHeld = isNew && heldByRecurrence(before, alert, heardAtMs);
    return { ...before, beginsMs, held: before.held + (isHeld ? 1 : 0) };
  }
  const mute =
    isNew && beginsMs.length >= times
      ? {
          fromMs: heardAtMs,
          untilMs: heardAtMs + forS * 1_000,
          times: beginsMs.length,
          withinS,
          firedAtMs: beganMs(alert),
        }
      : null;
  const known = recent.length === 0 ? null : before;
  const severity = known && rank(known.severity) > rank(severityOf(alert)) ? known.severity : severityOf(alert);
  return {
    key: recurrenceKey(alert)!,
    ruleId: alert.ruleId!,
    labels: Object.fromEntries(Object.entries(alert.labels).filter(([name]) => !PASSING.has(name))),
    beginsMs,
    severity,
    strength: known?.strength == null ? strength : Math.max(known.strength, strength ?? 0),
    mute,
    held: 0,
  };
}

/** Whether a firing alert is not told since its like keeps coming: it began after the one with which that was said, and is not clearly worse. */
export function heldByRecurrence({ mute, severity, strength }: Recurrence, alert: Begun, nowMs: number): boolean {
  if (mute === null || nowMs < mute.fromMs || nowMs >= mute.untilMs || beganMs(alert) <= mute.firedAtMs) return false;
  if (rank(severityOf(alert)) > rank(severity)) return false;
  const now = strengthOf(alert);
  return now === null || strength === null || now < CLEARLY_WORSE * strength;
}

/** Whether this firing is the one with which it is said that its like keeps coming. */
export function announces({ mute }: Recurrence, alert: Begun): boolean {
  return mute !== null && beganMs(alert) === mute.firedAtMs;
}

function beganMs({ firedAtMs, activeAtMs }: Begun): number {
  return firedAtMs ?? activeAtMs;
}

function strengthOf({ figures }: Pick<Alert, 'figures'>): number | null {
  const { observed = null, expected = null } = figures ?? {};
  if (observed === null || expected === null || observed <= 0 || expected <= 0) return null;
  return Math.max(observed / expected, expected / observed);
}

function rank(severity: (typeof SEVERITIES)[number]): number {
  return SEVERITIES.indexOf(severity);
}
