import type { Alert } from '../model/alert.js';
import type { FlushedGroup, GroupAtHand, GroupMember, HoldReason } from '../model/alert-group.js';
import type { NoticeFrequent } from '../model/notice.js';
import type { Recurrence } from '../model/recurrence.js';
import type { Inhibition, MuteTime, Receiver, Routing, Silence } from '../model/routing.js';
import { announces, heldByRecurrence, recurrenceKey } from './frequent.js';
import { onGrid } from './flush-timing.js';
import { decideFlush } from './flush.js';
import { quietBecauseOf } from './mute-time.js';
import { noticeOf } from './notice.js';
import { routedLabels } from './place.js';
import { Inhibitor, silencedBy } from './suppress.js';

/** What holds for every group at one instant. */
export interface Around {
  routing: Routing;
  silences: readonly Silence[];
  inhibitions: readonly Inhibition[];
  muteTimes: readonly MuteTime[];
  enabledChannelIds: readonly string[];
  /** What fires and so may inhibit. */
  inhibitor: Inhibitor;
  /** What is muted since it keeps coming back, by its key. */
  recurrences: ReadonlyMap<string, Recurrence>;
  nowMs: number;
}

export function aroundOf(
  given: Omit<Around, 'inhibitor' | 'recurrences'> & { firing: readonly Alert[]; recurrences: readonly Recurrence[] },
): Around {
  const sources = given.firing.map((alert) => ({ id: alert.id, labels: routedLabels(alert) }));
  const recurrences = new Map(given.recurrences.map((each) => [each.key, each]));
  return { ...given, recurrences, inhibitor: new Inhibitor(given.inhibitions, sources) };
}

/** Decides what is told of a group at `nowMs`, and puts it into messages. */
export function decideGroup({ group, members, told, waiting }: GroupAtHand, around: Around): FlushedGroup {
  const { routing, enabledChannelIds, nowMs } = around;
  const { settings } = group;
  const receiver = routing.receivers.find(({ name }) => name === settings.receiver);
  const escalation = routing.receivers.find(({ name }) => name === settings.escalateTo);
  const decision = decideFlush({
    group,
    settings,
    members,
    told,
    waiting,
    enabled: new Set(enabledChannelIds),
    receiver: {
      channelIds: channelsOf(receiver, enabledChannelIds),
      sendResolved: receiver?.sendResolved ?? true,
    },
    escalation: { channelIds: channelsOf(escalation, enabledChannelIds) },
    held: (alert) => heldBy(alert, around),
    quiet: quietBecauseOf(settings, around.muteTimes, nowMs),
    nowMs,
  });
  const byId = new Map(members.map((member) => [member.alert.id, member]));
  const full = (some: readonly { alert: Alert }[]): GroupMember[] => some.map(({ alert }) => byId.get(alert.id)!);
  const { gone, isEscalated, verdicts, nextAtMs } = decision;
  return {
    groupId: group.id,
    notifications: decision.messages.map(({ channelId, reason, firing, resolved }) => ({
      channelId,
      ...noticeOf(group, { reason, firing: full(firing), resolved: full(resolved) }, frequentAmong(firing, around)),
    })),
    told: [...decision.messages, ...decision.forgotten].map((each) => ({ channelId: each.channelId, told: each.told })),
    verdicts,
    gone,
    isEscalated,
    nextAtMs: nextAtMs === null ? null : onGrid(nowMs, settings.groupIntervalS, nextAtMs),
  };
}

/** The word that goes with the firing after which its like is muted. */
function frequentAmong(firing: readonly { alert: Alert }[], { recurrences }: Around): NoticeFrequent | null {
  for (const { alert } of firing) {
    const recurrence = recurrences.get(recurrenceKey(alert) ?? '');
    if (recurrence?.mute == null || !announces(recurrence, alert)) continue;
    const { times, withinS, untilMs } = recurrence.mute;
    return { times, withinS, mutedUntil: new Date(untilMs).toISOString() };
  }
  return null;
}

function channelsOf(receiver: Receiver | undefined, enabled: readonly string[]): readonly string[] {
  if (receiver === undefined) return [];
  return receiver.channelIds ?? enabled;
}

function heldBy(
  alert: Alert,
  { silences, inhibitor, recurrences, nowMs }: Around,
): { reason: HoldReason; detail: string; untilMs: number | null } | null {
  const labels = routedLabels(alert);
  const inhibitedBy = inhibitor.inhibitedBy(labels);
  if (inhibitedBy.length > 0) return { reason: 'inhibited', detail: inhibitedBy.join(' '), untilMs: null };
  const ids = silencedBy(labels, silences, nowMs);
  if (ids.length === 0) {
    const recurrence = recurrences.get(recurrenceKey(alert) ?? '');
    if (recurrence?.mute == null || !heldByRecurrence(recurrence, alert, nowMs)) return null;
    const detail = `came ${recurrence.mute.times} times before it was muted`;
    return { reason: 'frequent', detail, untilMs: recurrence.mute.untilMs };
  }
  const ends = silences.filter(({ id }) => ids.includes(id)).map(({ endsAtMs }) => endsAtMs);
  return { reason: 'silenced', detail: ids.join(' '), untilMs: Math.min(...ends) };
}
