import type { Member, TellReason, Told, Verdict } from '../model/alert-group.js';
import type { Severity } from '../model/incident.js';
import {
  isOwed,
  isTurned,
  isWorse,
  severityOf,
  wantedBy,
  type FlushInput,
  type FlushMessage,
  type Held,
} from './flush-input.js';
import { isEscalationDue, nextAt, repeatAt } from './flush-timing.js';
import { verdictsOn } from './verdict.js';

export interface FlushDecision {
  messages: FlushMessage[];
  /** Told state that changes without a message: of channels that do not want to hear of ends. */
  forgotten: { channelId: string; told: Told }[];
  verdicts: Verdict[];
  /** Alerts that are over, and of whose end nobody has to be told any more. */
  gone: string[];
  isEscalated: boolean;
  /** When there may be something to tell though nothing happens; null: never. */
  nextAtMs: number | null;
}

/**
 * Decides what is told of a group now, by channel, and why the rest is not. As Alertmanager: a channel hears of a group when it has alerts
 * that it was not told of, when some or all that it was told of have ended, and again after the repeat interval. What it was told of is
 * ended for it in any case but mute times, silenced or not; what it was not told of ends without a word.
 */
export function decideFlush(input: FlushInput): FlushDecision {
  const { group, members, told, enabled, nowMs } = input;
  const held = new Map(members.map(({ alert, isFiring }) => [alert.id, isFiring ? input.held(alert) : null]));
  const isEscalated = group.escalatedAtMs !== null || isEscalationDue(input, held);
  const channels = new Map<string, Member[]>();
  for (const member of members) {
    for (const channelId of channelsOf(member, input, isEscalated)) {
      const its = channels.get(channelId);
      if (its === undefined) channels.set(channelId, [member]);
      else its.push(member);
    }
  }
  const messages: FlushMessage[] = [];
  const forgotten: FlushDecision['forgotten'] = [];
  for (const [channelId, its] of channels) {
    if (!enabled.has(channelId) || input.quiet !== null) continue;
    const before = told.get(channelId) ?? null;
    const outcome = forChannel(channelId, its, before, held, input, isEscalated);
    if (outcome === null) continue;
    if (outcome.reason !== null) messages.push({ ...outcome, reason: outcome.reason });
    else forgotten.push({ channelId, told: outcome.told });
  }
  const after = new Map(told);
  for (const each of [...messages, ...forgotten]) after.set(each.channelId, each.told);
  const gone = members
    .filter(({ alert, isFiring }) => !isFiring && !isOwed(alert.id, after, enabled))
    .map(({ alert }) => alert.id);
  // A channel that is off when an alert ends hears nothing of it later, and of its next beginning as of a first.
  const isGone = new Set(gone);
  for (const [channelId, { firing, atMs }] of after) {
    if (!gone.some((id) => Object.hasOwn(firing, id))) continue;
    const left = Object.fromEntries(Object.entries(firing).filter(([id]) => !isGone.has(id)));
    forgotten.push({ channelId, told: { firing: left, atMs } });
  }
  return {
    messages,
    forgotten,
    verdicts: verdictsOn(messages, held, channels, input),
    gone,
    isEscalated,
    nextAtMs: nextAt(input, held, after, isEscalated, nowMs),
  };
}

/** Where an alert is told, and where it was told: there its end is owed. */
function channelsOf(member: Member, input: FlushInput, isEscalated: boolean): Set<string> {
  const channels = new Set<string>(wantedBy(member, input, isEscalated));
  for (const [channelId, { firing }] of input.told) if (Object.hasOwn(firing, member.alert.id)) channels.add(channelId);
  return channels;
}

function forChannel(
  channelId: string,
  members: readonly Member[],
  before: Told | null,
  held: Held,
  input: FlushInput,
  isEscalated: boolean,
): (Omit<FlushMessage, 'reason'> & { reason: TellReason | null }) | null {
  const { settings, nowMs } = input;
  const shown = before?.firing ?? {};
  const wasShown = ({ alert }: Member) => Object.hasOwn(shown, alert.id);
  const firing = members.filter(
    (member) =>
      member.isFiring && held.get(member.alert.id) === null && wantedBy(member, input, isEscalated).includes(channelId),
  );
  const resolved = members.filter((member) => !member.isFiring && wasShown(member));
  const fresh = firing.filter((member) => !wasShown(member));
  const worse = firing.filter((member) => isWorse(member.alert, shown[member.alert.id]));
  const turned = firing.filter((member) => isTurned(member, before));
  const isRepeat = firing.length > 0 && nowMs >= repeatAt(before, settings.repeatIntervalS, nowMs);
  const isOver = new Set(resolved.map(({ alert }) => alert.id));
  const left = Object.fromEntries(Object.entries(shown).filter(([id]) => !isOver.has(id)));
  const next: Record<string, Severity> = { ...left };
  for (const { alert } of firing) next[alert.id] = severityOf(alert);

  let reason: TellReason | null = null;
  if (fresh.length > 0) {
    const isFirst = Object.keys(shown).length === 0;
    const isForEscalation =
      !input.receiver.channelIds.includes(channelId) && input.escalation.channelIds.includes(channelId);
    reason = isFirst ? (isForEscalation && isEscalated ? 'escalation' : 'first') : 'new_alerts';
  } else if (resolved.length > 0 && input.receiver.sendResolved) {
    reason = firing.length === 0 ? 'all_resolved' : 'some_resolved';
  } else if (worse.length > 0 && settings.tellEscalations) {
    reason = 'escalation';
  } else if (turned.length > 0) {
    reason = 'another_cause';
  } else if (isRepeat && input.group.acknowledgedAtMs === null) {
    // Who has not got the last message yet gets it late: that is the repeat.
    if (input.waiting.has(channelId)) {
      return { channelId, reason: null, firing: [], resolved: [], told: { firing: left, atMs: nowMs } };
    }
    reason = 'repeat';
  }
  if (reason !== null) {
    const ended = input.receiver.sendResolved ? resolved : [];
    return { channelId, reason, firing, resolved: ended, told: { firing: next, atMs: nowMs } };
  }
  if (resolved.length === 0) return null;
  return { channelId, reason: null, firing: [], resolved: [], told: { firing: left, atMs: before?.atMs ?? nowMs } };
}
