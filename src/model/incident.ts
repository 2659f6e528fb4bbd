import type { Cause } from './cause.js';
import type { Signal } from './anomaly.js';
import type { Way } from './group.js';

export const SEVERITIES = ['info', 'warning', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** open: deviating now. recovering: quiet, but not for long enough. resolved: over. */
export const INCIDENT_STATES = ['open', 'recovering', 'resolved'] as const;
export type IncidentState = (typeof INCIDENT_STATES)[number];

/** One operation that deviated during the incident, with the worst figures seen. */
export interface Affected {
  operationId: number;
  service: string;
  operation: string;
  signal: Signal;
  /** Which quantile the values are (0 to 1), for latency; else null. */
  quantile: number | null;
  /** In `unit`; what was seen in the worst window. */
  observed: number;
  expected: number;
  unit: 'us' | 'ratio' | 'per_window' | 'calls_per_call';
  n: number;
  score: number;
  sinceMs: number;
  /** So many rare operations of the service were judged together. */
  pooledOperations?: number;
}

/** A service that an incident blames or may come to blame. */
export interface Suspect {
  service: string;
  /** Mean over the windows of the probability that it is at fault, the newest weighing most. */
  score: number;
  /** Whether somebody was told of it. */
  isTold: boolean;
  /** When that was last. Missing: never, or before this was kept. */
  toldMs?: number;
  /** Whether nothing of it deviated in the incident's first minute: what did may be an echo. */
  isNew: boolean;
  /** Names of deviating calls of it to what makes no spans: that may be at fault in its place. */
  behind: string[];
  /** In which ways it is at fault, each with its own mean. Missing in what was written before this was kept. */
  ways?: SuspectedWay[];
}

export interface SuspectedWay {
  way: Way;
  score: number;
  isTold: boolean;
}

export interface Incident {
  id: string;
  tenantId: number;
  state: IncidentState;
  severity: Severity;
  /** Start of the first deviating window. */
  startedMs: number;
  /** End of the window at which it was decided to open. */
  openedMs: number;
  /** End of the last window in which it still deviated. */
  lastSeenMs: number;
  resolvedMs: number | null;
  /** Who resolved it by hand; missing or null: it ended by itself, or has not ended. */
  resolvedBy?: string | null;
  /** Windows with data since then in which it did not deviate. */
  quietWindows: number;
  /** How often it came back after being resolved or while recovering. */
  flaps: number;
  /** Ranked causes, best first, as of the last update. */
  causes: Cause[];
  /** Services that were at fault by themselves, or plainly, in some window of it. Missing in what was written before this was kept. */
  suspects?: Suspect[];
  affected: Affected[];
  /** Trace ids (32 hex) that show it. */
  exemplars: string[];
}

export const INCIDENT_EVENT_KINDS = ['opened', 'reopened', 'another_cause', 'escalated', 'resolved'] as const;
export type IncidentEventKind = (typeof INCIDENT_EVENT_KINDS)[number];

/** A step in an incident's life that somebody may have to be told of; `sequence` counts from 1 within the incident. */
export interface IncidentEvent {
  incidentId: string;
  sequence: number;
  kind: IncidentEventKind;
  /** Event time of the decision. */
  atMs: number;
  reason: string;
  /** The incident as it stood at that step: what a message about it says. */
  snapshot: Incident;
}
