import type { AlertGroup, HoldReason, Member, TellReason, Told, Verdict } from '../model/alert-group.js';
import type { Alert } from '../model/alert.js';
import { SEVERITIES, type Severity } from '../model/incident.js';
import type { RouteSettings } from '../model/routing.js';

/** All that a decision about a group depends on. */
export interface FlushInput {
  group: Pick<AlertGroup, 'firstToldAtMs' | 'escalatedAtMs' | 'acknowledgedAtMs'>;
  settings: Pick<RouteSettings, 'repeatIntervalS' | 'groupIntervalS' | 'tellEscalations' | 'escalateAfterS'>;
  members: readonly Member[];
  /** By channel. */
  told: ReadonlyMap<string, Told>;
  /** Channels that can be told at all. */
  enabled: ReadonlySet<string>;
  /** Those of the receiver, and of the one that is told when nobody acknowledges. */
  receiver: { channelIds: readonly string[]; sendResolved: boolean };
  escalation: { channelIds: readonly string[] };
  /** What keeps a firing alert from being told now. `untilMs`: when that may be over by itself. */
  held: (alert: Alert) => { reason: HoldReason; detail: string; untilMs: number | null } | null;
  /** The mute time that is on, or the active time that is not. */
  quiet: string | null;
  nowMs: number;
}

export interface FlushMessage {
  channelId: string;
  reason: TellReason;
  firing: Member[];
  resolved: Member[];
  told: Told;
}

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

const MINUTE_MS = 60_000;

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
      channels.set(channelId, [...(channels.get(channelId) ?? []), member]);
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
  for (const [channelId, { firing, atMs }] of after) {
    if (!gone.some((id) => Object.hasOwn(firing, id))) continue;
    const left = Object.fromEntries(Object.entries(firing).filter(([id]) => !gone.includes(id)));
    forgotten.push({ channelId, told: { firing: left, atMs } });
  }
  return {
    messages,
    forgotten,
    verdicts: members.map((member) => verdictOn(member, messages, held, channels, input)),
    gone,
    isEscalated,
    nextAtMs: nextAt(input, held, after, isEscalated, nowMs),
  };
}

type Held = ReadonlyMap<string, ReturnType<FlushInput['held']>>;

/** Where an alert is told, and where it was told: there its end is owed. */
function channelsOf(member: Member, input: FlushInput, isEscalated: boolean): Set<string> {
  const channels = new Set<string>(wantedBy(member, input, isEscalated));
  for (const [channelId, { firing }] of input.told) if (Object.hasOwn(firing, member.alert.id)) channels.add(channelId);
  return channels;
}

function wantedBy(member: Member, { receiver, escalation }: FlushInput, isEscalated: boolean): string[] {
  if (member.isDetached) return [];
  const wanted = [...(member.channelIds ?? receiver.channelIds), ...(isEscalated ? escalation.channelIds : [])];
  return wanted.filter((channelId) => !member.toldElsewhere.includes(channelId));
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
  const isRepeat = firing.length > 0 && nowMs >= repeatAt(before, settings.repeatIntervalS, nowMs);
  const left = Object.fromEntries(
    Object.entries(shown).filter(([id]) => !resolved.some(({ alert }) => alert.id === id)),
  );
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
  } else if (isRepeat && input.group.acknowledgedAtMs === null) {
    reason = 'repeat';
  }
  if (reason !== null) {
    const ended = input.receiver.sendResolved ? resolved : [];
    return { channelId, reason, firing, resolved: ended, told: { firing: next, atMs: nowMs } };
  }
  if (resolved.length === 0) return null;
  return { channelId, reason: null, firing: [], resolved: [], told: { firing: left, atMs: before?.atMs ?? nowMs } };
}

/** A last message in the future was sent by a clock that has been set back since. */
function repeatAt(before: Told | null, repeatIntervalS: number, nowMs: number): number {
  if (before === null || Object.keys(before.firing).length === 0) return Infinity;
  return Math.min(before.atMs, nowMs) + repeatIntervalS * 1_000;
}

function isEscalationDue({ group, settings, members, nowMs }: FlushInput, held: Held): boolean {
  if (settings.escalateAfterS === null || group.firstToldAtMs === null || group.acknowledgedAtMs !== null) return false;
  const stillFires = members.some(({ alert, isFiring }) => isFiring && held.get(alert.id) === null);
  return stillFires && nowMs >= group.firstToldAtMs + settings.escalateAfterS * 1_000;
}

function isOwed(alertId: string, told: ReadonlyMap<string, Told>, enabled: ReadonlySet<string>): boolean {
  return [...told].some(([channelId, { firing }]) => enabled.has(channelId) && Object.hasOwn(firing, alertId));
}

function verdictOn(
  { alert, isFiring, reason }: Member,
  messages: readonly FlushMessage[],
  held: Held,
  channels: ReadonlyMap<string, Member[]>,
  input: FlushInput,
): Verdict {
  const alertId = alert.id;
  const telling = messages.filter(({ channelId, firing, resolved, reason: why }) => {
    if (!isFiring) return resolved.some((each) => each.alert.id === alertId);
    if (!firing.some((each) => each.alert.id === alertId)) return false;
    const shown = input.told.get(channelId)?.firing[alertId];
    return why === 'repeat' || shown === undefined || (input.settings.tellEscalations && isWorse(alert, shown));
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

function nextAt(
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

function isWorse(alert: Alert, told: Severity | undefined): boolean {
  return told !== undefined && SEVERITIES.indexOf(severityOf(alert)) > SEVERITIES.indexOf(told);
}

/** Labels of alerts from outside may say anything; what is no severity of ours is neither better nor worse. */
export function severityOf(alert: Pick<Alert, 'labels'>): Severity {
  const severity = Object.hasOwn(alert.labels, 'severity') ? alert.labels['severity'] : undefined;
  return SEVERITIES.find((each) => each === severity) ?? 'warning';
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
