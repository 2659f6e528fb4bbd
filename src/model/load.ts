import type { Histogram } from './histogram.js';

/** What one operation did over a period. */
export interface OperationLoad {
  service: string;
  name: string;
  kind: number;
  n: number;
  errors: number;
  latencies: Uint8Array[];
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
  n: number;
  requests: number;
  failedRequests: number;
  latencies: Uint8Array[];
  lastSeenAt: string | null;
  hasReadyBaseline: boolean;
  inUnresolvedIncident: boolean;
}
