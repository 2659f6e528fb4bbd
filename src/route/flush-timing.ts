import type { Told } from '../model/alert-group.js';
import { isOwed, wantedBy, type FlushInput, type Held } from './flush-input.js';

const MINUTE_MS = 60_000;

/** When what a channel was told of is told again. A last message in the future was sent by a clock that has been set back since. */
export function repeatAt(before: Told | null, repeatIntervalS: number, nowMs: number): number {
  if (before === null || Object.keys(before.firing).length === 0) return Infinity;
  return Math.min(before.atMs, nowMs) + repeatIntervalS * 1_000;
}

/** Whether those who hear of it when nobody acknowledges are told now. */
export function isEscalationDue({ group, settings, members, nowMs }: FlushInput, held: Held): boolean {
  if (settings.escalateAfterS === null || group.firstToldAtMs === null || group.acknowledgedAtMs !== null) return false;
  const stillFires = members.some(({ alert, isFiring }) => isFiring && held.get(alert.id) === null);
  return stillFires && nowMs >= group.firstToldAtMs + settings.escalateAfterS * 1_000;
}

/** When there may be something to tell of the group though nothing happens; null: never. */
export function nextAt(
  input: FlushInput,
  held: Held,
  after: ReadonlyMap<string, Told>,
  isEscalated: boolean,
  nowMs: number,
): number | null {
  const { group, settings, members, enabled, quiet } = input;
  const instants: number[] = [];
  const firing = members.filter(({ isFiring }) => isFiring);
  const owed = members.some(({ alert, isFiring }) => !isFiring && isOwed(alert.id, after, enabled));
  // Mute times begin and end on whole minutes.
  if (quiet !== null && (firing.length > 0 || owed)) instants.push((Math.floor(nowMs / MINUTE_MS) + 1) * MINUTE_MS);
  for (const { alert } of firing) {
    const untilMs = held.get(alert.id)?.untilMs ?? null;
    if (untilMs !== null) instants.push(untilMs);
  }
  const told = firing.filter(({ alert, isDetached }) => !isDetached && held.get(alert.id) === null);
  if (told.length > 0 && quiet === null && group.acknowledgedAtMs === null) {
    for (const [channelId, before] of after) {
      const isWanted = told.some((member) => wantedBy(member, input, isEscalated).includes(channelId));
      if (isWanted && enabled.has(channelId)) instants.push(repeatAt(before, settings.repeatIntervalS, nowMs));
    }
    const firstToldAtMs = group.firstToldAtMs ?? (after.size > 0 ? nowMs : null);
    if (settings.escalateAfterS !== null && !isEscalated && firstToldAtMs !== null) {
      instants.push(firstToldAtMs + settings.escalateAfterS * 1_000);
    }
  }
  const next = Math.min(...instants);
  return Number.isFinite(next) ? Math.max(nowMs + 1, next) : null;
}

/**
 * When a group that was last looked at may be looked at next, not before `wantedMs`: at once without an interval, else a whole number of
 * intervals later, as Alertmanager's timer ticks. A last look in the future is that of a clock that was set back.
 */
export function onGrid(flushedAtMs: number | null, groupIntervalS: number, wantedMs: number): number {
  if (flushedAtMs === null || groupIntervalS === 0) return wantedMs;
  const stepMs = groupIntervalS * 1_000;
  if (flushedAtMs > wantedMs + stepMs) return wantedMs;
  return flushedAtMs + Math.max(1, Math.ceil((wantedMs - flushedAtMs) / stepMs)) * stepMs;
}
