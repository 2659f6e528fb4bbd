import type { Finding } from '../model/anomaly.js';
import type { Operation } from '../model/operation.js';
import type { Severity } from '../model/incident.js';
import type { AlertFigures } from '../model/alert.js';
import type { Verdict } from './alert-state.js';
import type { History } from './history.js';

/** Values that were noted of the resource of a service, by key. */
export type Resources = ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>;

/** Calls of sampled traces: series of edges, and of callers (their sampled spans), by the ids that `edges` and `callers` name. */
export interface CallHistory {
  history: History;
  /** By id of the series. */
  edges: ReadonlyMap<number, { callerId: number; calleeId: number }>;
  /** By operation. */
  callers: ReadonlyMap<number, number>;
}

/** Traces of one window that match a rule, under one set of labels. */
export interface WindowMatches {
  windowAtMs: number;
  labels: Record<string, string>;
  n: number;
  exemplars: string[];
}

/** All that the condition of a rule depends on; nothing of it is newer than the instant it is asked for. */
export interface RuleData {
  operations: ReadonlyMap<number, Operation>;
  resources: Resources;
  history: History;
  calls: CallHistory;
  /** Of the windows that start in [fromMs, toMs): for rules of high sensitivity. */
  findings: (fromMs: number, toMs: number) => readonly Finding[];
  /** Of the windows that start in [fromMs, toMs): for rules that match traces. */
  matches: (ruleId: string, fromMs: number, toMs: number) => readonly WindowMatches[];
  /** Trace ids that show these operations at their worst, of the newest windows. */
  exemplars: (operationIds: readonly number[], worst: 'slow' | 'failed') => string[];
}

/** One thing that must be so for a rule to fire. */
export interface Guard {
  name: string;
  value: number | null;
  limit: number;
  unit: string;
  passes: boolean;
}

/** Whether anybody wants to know of a condition: what says nothing new of nothing that is known need not be put together. */
export type Wanted = (key: string, verdict: Condition['verdict']) => boolean;

export const ALL_WANTED: Wanted = () => true;

/** What a rule says of one set of labels at one instant. */
export interface Condition {
  /** What tells it from the rule's others; stable over time. */
  key: string;
  labels: Record<string, string>;
  /** error: it could not be looked at, and `failure` says why. */
  verdict: Verdict | 'error';
  failure?: string;
  /** Null: that of the rule. */
  severity: Severity | null;
  figures: AlertFigures | null;
  guards: Guard[];
  /** Lazily: only an alert that changes needs them. */
  exemplars: () => string[];
}
