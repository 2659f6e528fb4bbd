import type { Alert } from './alert.js';
import type { Severity } from './incident.js';

/** Why a message about a group is sent; the first five are Alertmanager's. */
export type TellReason = 'first' | 'new_alerts' | 'some_resolved' | 'all_resolved' | 'repeat' | 'escalation';

/** Why an alert is not told (again) for now. */
export type HoldReason =
  | 'silenced'
  | 'inhibited'
  | 'muted'
  | 'frequent'
  | 'already_told'
  | 'flapping_already_told'
  | 'never_told'
  | 'no_channel';

/** An alert as routing knows it: as it stood after the last step that was routed. */
export interface RoutedAlert {
  alert: Alert;
  /** Why it took that step: `opened`, `escalated`, `reopened`, `resolved` for incidents. */
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
  routeKey: string;
  labels: Record<string, string>;
  /** When the first message about it went out; null: not yet. */
  firstToldAtMs: number | null;
  /** The last time that it was looked at to be told. */
  flushedAtMs: number | null;
  escalatedAtMs: number | null;
  acknowledgedAtMs: number | null;
  acknowledgedBy: string | null;
  /** Of the last message. */
  sequence: number;
}
