import type { Histogram } from './histogram.js';

/** Durations of one window, which stand for `weight` times as many. */
export interface WeightedLatency {
  /** A `Histogram`, encoded. */
  histogram: Uint8Array;
  weight: number;
}

/** What one operation did in one step of a period. */
export interface LoadStep {
  /** Start of the step. */
  atMs: number;
  /** Spans that those received stand for. */
  n: number;
  errors: number;
  latencies: WeightedLatency[];
}

/** What one operation did over a period. */
export interface OperationLoad {
  id: number;
  service: string;
  name: string;
  kind: number;
  /** Spans received. */
  received: number;
  /** Of these, how many did not state how probably they were sampled. */
  unknownWeight: number;
  /** Spans that those received stand for. */
  n: number;
  errors: number;
  latencies: WeightedLatency[];
  /** Of the spans received in the newest minutes of the period: how many came after their window was measured first; null without any. */
  lateShare: number | null;
  baseline: LearnedLatency | null;
}

/** The part of a learned baseline that is shown. */
export interface LearnedLatency {
  windows: number;
  n: number;
  latency: Histogram;
}

/** What one service did over a period. */
export interface ServiceLoad {
  name: string;
  operations: number;
  /** As in `OperationLoad`. */
  received: number;
  unknownWeight: number;
  n: number;
  requests: number;
  failedRequests: number;
  latencies: WeightedLatency[];
  lastSeenAt: string | null;
  hasReadyBaseline: boolean;
  inUnresolvedIncident: boolean;
}
