import type { IncidentEventKind } from './incident.js';
import type { CorrelationsView } from './correlation-view.js';
import type { IncidentView } from './incident-view.js';

export type NoticeType = `incident.${IncidentEventKind}` | 'channel.test';

/** What is to be told, before any channel has given it a form; an outbox row holds one. */
export interface Notice {
  type: NoticeType;
  /** When it happened, ISO, event time. */
  timestamp: string;
  reason: string;
  /** Null only for a channel test. Messages of earlier versions have no correlations. */
  incident: (IncidentView & Partial<CorrelationsView>) | null;
}
