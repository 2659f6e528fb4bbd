import type { Alert } from './alert.js';
import type { Severity } from './incident.js';
import type { Notice } from './notice.js';
import type { RouteSettings } from './routing.js';

/** Why a message about a group is sent; the first five are Alertmanager's. */
export type TellReason =
  'first' | 'new_alerts' | 'some_resolved' | 'all_resolved' | 'repeat' | 'escalation' | 'another_cause';

/** Why an alert is not told (again) for now. */
export type HoldReason =
  | 'silenced'
  | 'inhibited'
  | 'frequent'
  | 'muted'
  | 'already_told'
  | 'flapping_already_told'
  | 'never_told'
  | 'no_channel';

/** An alert as routing knows it: as it stood after the last step that was routed. */
export interface RoutedAlert {
  alert: Alert;
  /** Why it took that step: `opened`, `escalated`, `another_cause`, `reopened`, `resolved` for incidents. */
  reason: string;
  isFiring: boolean;
  /** When routing learned of the step. */
  routedAtMs: number;
}

/** An alert in a group. */
export interface Member extends RoutedAlert {
  /** Channels that the alert's rule names; null: those of the group's receiver. */
  channelIds: string[] | null;
  /** The tree leads the alert elsewhere by now: what was told here is ended here, nothing is begun. */
  isDetached: boolean;
  /** Channels that were told of it in a group from which it is detached: they hear of its end there, and nothing here. */
  toldElsewhere: string[];
}

/** What one channel was told of a group: firing alerts, each with the severity that it had then. */
export interface Told {
  firing: Record<string, Severity>;
  atMs: number;
}

export interface AlertGroup {
  id: string;
  /** Readable: route and labels. */
  key: string;
  labels: Record<string, string>;
  settings: RouteSettings;
  createdAtMs: number;
  /** When the first message about it went out; null: not yet. */
  firstToldAtMs: number | null;
  escalatedAtMs: number | null;
  acknowledgedAtMs: number | null;
  acknowledgedBy: string | null;
  /** Of the last message. */
  sequence: number;
}

/** A group as one decision sees it. */
export interface GroupAtHand {
  group: AlertGroup;
  members: GroupMember[];
  /** By channel. */
  told: ReadonlyMap<string, Told>;
  /** Channels for which an earlier message about it still waits in the outbox. */
  waiting: ReadonlySet<string>;
}

export interface GroupMember extends Member {
  /** Event time of the alert's last step. */
  stepAtMs: number;
  /** What there is to say of an incident, as of that step. */
  notice: Notice | null;
  /** The last decision on it that was written down; null: none yet. */
  said: { sequence: number; what: string } | null;
}

/** What was decided on one alert of a group. */
export interface Verdict {
  alertId: string;
  send: boolean;
  reason: TellReason | HoldReason;
  /** By what it is held: silences, alerts, a mute time. */
  detail: string | null;
  channelIds: string[];
}

/** What comes of a decision about a group. */
export interface FlushedGroup {
  groupId: string;
  /** One message a channel. */
  notifications: { channelId: string; kind: string; incidentId: string | null; notice: Notice }[];
  /** What channels know of by now, for those for which it has changed. */
  told: { channelId: string; told: Told }[];
  verdicts: Verdict[];
  /** Alerts that leave the group. */
  gone: string[];
  isEscalated: boolean;
  /** When it is looked at again though nothing happens; null: never. */
  nextAtMs: number | null;
}
