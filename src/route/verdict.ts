import type { HoldReason, Member, Verdict } from '../model/alert-group.js';
import { isTurned, isWorse, type FlushInput, type FlushMessage, type Held } from './flush-input.js';

/** What was decided on one member of a group: by which reason it is told, or by what it is held. */
export function verdictOn(
  member: Member,
  messages: readonly FlushMessage[],
  held: Held,
  channels: ReadonlyMap<string, Member[]>,
  input: FlushInput,
): Verdict {
  const { alert, isFiring, reason } = member;
  const alertId = alert.id;
  const telling = messages.filter(({ channelId, firing, resolved, reason: why }) => {
    if (!isFiring) return resolved.some((each) => each.alert.id === alertId);
    if (!firing.some((each) => each.alert.id === alertId)) return false;
    const before = input.told.get(channelId) ?? null;
    const shown = before?.firing[alertId];
    if (why === 'repeat' || shown === undefined || isTurned(member, before)) return true;
    return input.settings.tellEscalations && isWorse(alert, shown);
  });
  const [first] = telling;
  if (first !== undefined) {
    const channelIds = telling.map(({ channelId }) => channelId);
    return { alertId, send: true, reason: first.reason, detail: null, channelIds };
  }
  const hold = (why: HoldReason, detail: string | null = null): Verdict => {
    return { alertId, send: false, reason: why, detail, channelIds: [] };
  };
  const wasTold = [...input.told.values()].some(({ firing }) => Object.hasOwn(firing, alertId));
  if (!isFiring && !wasTold) return hold('never_told');
  if (input.quiet !== null) return hold('muted', input.quiet);
  const by = held.get(alertId);
  if (by) return hold(by.reason, by.detail);
  const its = [...channels].filter(([, members]) => members.some((each) => each.alert.id === alertId));
  if (!its.some(([channelId]) => input.enabled.has(channelId))) return hold('no_channel');
  return hold(reason === 'reopened' ? 'flapping_already_told' : 'already_told');
}
