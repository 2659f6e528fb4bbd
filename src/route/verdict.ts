import type { HoldReason, Member, Verdict } from '../model/alert-group.js';
import { isTurned, isWorse, type FlushInput, type FlushMessage, type Held } from './flush-input.js';

/** What was decided on each member of a group: by which reason it is told, or by what it is held. */
export function verdictsOn(
  messages: readonly FlushMessage[],
  held: Held,
  channels: ReadonlyMap<string, Member[]>,
  input: FlushInput,
): Verdict[] {
  const idsOf = (members: readonly Member[]) => new Set(members.map(({ alert }) => alert.id));
  const said = messages.map((message) => ({
    message,
    firing: idsOf(message.firing),
    resolved: idsOf(message.resolved),
  }));
  const reachable = [...channels].filter(([channelId]) => input.enabled.has(channelId));
  const heard = new Set(reachable.flatMap(([, members]) => members.map(({ alert }) => alert.id)));
  return input.members.map((member) => verdictOn(member, said, held, heard, input));
}

interface Said {
  message: FlushMessage;
  firing: ReadonlySet<string>;
  resolved: ReadonlySet<string>;
}

function verdictOn(
  member: Member,
  said: readonly Said[],
  held: Held,
  heard: ReadonlySet<string>,
  input: FlushInput,
): Verdict {
  const { alert, isFiring, reason } = member;
  const alertId = alert.id;
  const telling = said.filter(({ message: { channelId, reason: why }, firing, resolved }) => {
    if (!isFiring) return resolved.has(alertId);
    if (!firing.has(alertId)) return false;
    const before = input.told.get(channelId) ?? null;
    const shown = before?.firing[alertId];
    if (why === 'repeat' || shown === undefined || isTurned(member, before)) return true;
    return input.settings.tellEscalations && isWorse(alert, shown);
  });
  const [first] = telling;
  if (first !== undefined) {
    const channelIds = telling.map(({ message }) => message.channelId);
    return { alertId, send: true, reason: first.message.reason, detail: null, channelIds };
  }
  const hold = (why: HoldReason, detail: string | null = null): Verdict => {
    return { alertId, send: false, reason: why, detail, channelIds: [] };
  };
  const wasTold = [...input.told.values()].some(({ firing }) => Object.hasOwn(firing, alertId));
  if (!isFiring && !wasTold) return hold('never_told');
  if (input.quiet !== null) return hold('muted', input.quiet);
  const by = held.get(alertId);
  if (by) return hold(by.reason, by.detail);
  if (!heard.has(alertId)) return hold('no_channel');
  return hold(reason === 'reopened' ? 'flapping_already_told' : 'already_told');
}
