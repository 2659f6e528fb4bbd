import type { AlertFigures } from './alert.js';
import type { IncidentEventKind } from './incident.js';
import type { CorrelationsView } from './correlation-view.js';
import type { IncidentView } from './incident-view.js';
import type { Matcher } from './routing.js';

export type NoticeType =
  | `incident.${IncidentEventKind}`
  | 'alert.firing'
  | 'alert.resolved'
  | 'alert.acknowledged'
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
  /** It keeps coming back, and this is the last of it for a while. */
  frequent?: NoticeFrequent;
  links?: NoticeLinks;
  chart?: NoticeChart;
  /** Read when it is sent, and not stored with it. */
  versions?: NoticeVersion[];
  /** Who calls what a rule's alert is about; an incident knows whom it affects. */
  callers?: NoticeCaller[];
  /** What is said by a notice that is about neither an incident nor alerts: a digest, a failing channel, a proposal. */
  statement?: NoticeStatement;
}

/** One alert as a message shows it; labels and annotations are as the sender gave them, times are ISO, event time. */
export interface NoticeAlert {
  /** Rows of earlier versions lack it. */
  id?: string;
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
  notificationReason:
    | 'first'
    | 'new_alerts'
    | 'some_resolved'
    | 'all_resolved'
    | 'repeat'
    | 'escalation'
    | 'another_cause'
    | 'acknowledged';
}

/** Signed links that expire, to pages on which one press of a button does it; made when the message is sent, and never stored. */
export interface NoticeLinks {
  acknowledge: string | null;
  silence: string | null;
  /** Whether it was worth telling. */
  feedback: string | null;
  /** To a page about the incident (or else the first alert), and to one about each trace of `exemplarsOf`, that open without a key; absent or empty: there are none. */
  incident?: string | null;
  alert?: string | null;
  traces?: string[];
}

/** A small series for the picture, read when the message is sent, and not stored with it: what was observed (null: no data) and between which values it is normal. */
export interface NoticeChart {
  unit: AlertFigures['unit'];
  points: [ms: number, observed: number | null][];
  normal: [ms: number, low: number, high: number][];
}

/** The version of a service that came last of those at work; `since` is ISO, event time. */
export interface NoticeVersion {
  service: string;
  key: string;
  value: string;
  since: string;
}

export interface NoticeCaller {
  service: string;
  operation: string;
  /** In sampled traces of the five minutes before. */
  calls: number;
}

export interface NoticeFrequent {
  times: number;
  withinS: number;
  /** ISO, wall time. */
  mutedUntil: string;
}

export interface NoticeStatement {
  title: string;
  lines: string[];
  /** Where more is to be read, below the address of this service. */
  path: string | null;
}

const MAX_TRACES = 3;

/** Traces (32 hex) that a message leads to. What is no trace id does not get into a link. */
export function exemplarsOf({ incident, alerts = [] }: Pick<Notice, 'incident' | 'alerts'>): string[] {
  const ids =
    incident === null
      ? alerts.flatMap(({ exemplars }) => exemplars)
      : [...(incident.causes[0]?.exemplars ?? []), ...incident.exemplars];
  return [...new Set(ids)].filter((id) => /^[0-9a-f]{32}$/.test(id)).slice(0, MAX_TRACES);
}

/** Labels that make a message of its own, and would let the same fault through under another name or at another severity. */
const PASSING: ReadonlySet<string> = new Set(['incident', 'severity']);

/** What a silence for everything of this kind has to match: what the alerts of the message share. Empty: they share nothing. */
export function silenceMatchers({ group }: Pick<Notice, 'group'>): Matcher[] {
  return Object.entries(group?.commonLabels ?? {})
    .filter(([name, value]) => !PASSING.has(name) && value !== '')
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => ({ name, operator: '=', value }));
}
