import type { AlertFigures } from './alert.js';
import type { IncidentEventKind } from './incident.js';
import type { CorrelationsView } from './correlation-view.js';
import type { IncidentView } from './incident-view.js';

export type NoticeType =
  | `incident.${IncidentEventKind}`
  | 'alert.firing'
  | 'alert.resolved'
  | 'alert.digest'
  | 'channel.failing'
  | 'channel.test'
  | 'proposal';

/** What is to be told, before any channel has given it a form; an outbox row holds one. Rows of earlier versions lack what is optional. */
export interface Notice {
  type: NoticeType;
  /** When it happened, ISO, event time. */
  timestamp: string;
  reason: string;
  /** Null when it is about no incident. Messages of earlier versions have no correlations. */
  incident: (IncidentView & Partial<CorrelationsView>) | null;
  /** The alerts it is about, those that fire first. */
  alerts?: NoticeAlert[];
  /** How many more there are. */
  truncatedAlerts?: number;
  group?: NoticeGroup;
  links?: NoticeLinks;
  chart?: NoticeChart;
  /** What is said by a notice that is about neither an incident nor alerts: a digest, a failing channel, a proposal. */
  statement?: NoticeStatement;
}

/** One alert as a message shows it; labels and annotations are as the sender gave them, times are ISO, event time. */
export interface NoticeAlert {
  status: 'firing' | 'resolved';
  labels: Record<string, string>;
  annotations: Record<string, string>;
  startsAt: string;
  endsAt: string | null;
  generatorUrl: string | null;
  /** The same for the same labels. */
  fingerprint: string;
  figures: AlertFigures | null;
  /** Trace ids (32 hex) that show it. */
  exemplars: string[];
  /** Null: it came from outside. */
  ruleId: string | null;
  ruleName: string;
}

/** Why these alerts stand in one message, and why it is sent now. */
export interface NoticeGroup {
  /** The same for all messages of the group. */
  key: string;
  /** The route that chose the channel. */
  receiver: string;
  labels: Record<string, string>;
  commonLabels: Record<string, string>;
  commonAnnotations: Record<string, string>;
  notificationReason: 'first' | 'new_alerts' | 'some_resolved' | 'all_resolved' | 'repeat' | 'escalation';
}

/** Signed links that expire, to pages on which one press of a button does it. */
export interface NoticeLinks {
  acknowledge: string | null;
  silence: string | null;
}

/** A small series for the picture: what was observed (null: no data) and between which values it is normal. */
export interface NoticeChart {
  unit: AlertFigures['unit'];
  points: [ms: number, observed: number | null][];
  normal: [ms: number, low: number, high: number][];
}

export interface NoticeStatement {
  title: string;
  lines: string[];
  /** Where more is to be read, below the address of this service. */
  path: string | null;
}
