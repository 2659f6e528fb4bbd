import type { AlertGroup, HoldReason, Member, TellReason, Told } from '../model/alert-group.js';
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
  /** Channels that have not got the last message yet. */
  waiting: ReadonlySet<string>;
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

/** Of each member what keeps it from being told; null: nothing does. */
export type Held = ReadonlyMap<string, ReturnType<FlushInput['held']>>;

/** The channels that are to hear of a member that fires. */
export function wantedBy(member: Member, { receiver, escalation }: FlushInput, isEscalated: boolean): string[] {
  if (member.isDetached) return [];
  const wanted = [...(member.channelIds ?? receiver.channelIds), ...(isEscalated ? escalation.channelIds : [])];
  return wanted.filter((channelId) => !member.toldElsewhere.includes(channelId));
}

/** Whether a channel that can be told was told of the alert, and so is owed its end. */
export function isOwed(alertId: string, told: ReadonlyMap<string, Told>, enabled: ReadonlySet<string>): boolean {
  return [...told].some(([channelId, { firing }]) => enabled.has(channelId) && Object.hasOwn(firing, alertId));
}

/** Whether an incident that a channel was told of has come to have another cause since then. */
export function isTurned({ alert, reason, routedAtMs }: Member, before: Told | null): boolean {
  const wasTold = before !== null && Object.hasOwn(before.firing, alert.id);
  return wasTold && reason === 'another_cause' && routedAtMs > before.atMs;
}

/** Whether the alert is more severe than a channel was told; it is not where nobody was. */
export function isWorse(alert: Alert, told: Severity | undefined): boolean {
  return told !== undefined && SEVERITIES.indexOf(severityOf(alert)) > SEVERITIES.indexOf(told);
}

/** Labels of alerts from outside may say anything; what is no severity of ours is neither better nor worse. */
export function severityOf(alert: Pick<Alert, 'labels'>): Severity {
  const severity = Object.hasOwn(alert.labels, 'severity') ? alert.labels['severity'] : undefined;
  return SEVERITIES.find((each) => each === severity) ?? 'warning';
}
