import type { Histogram } from './histogram.js';

/** What one operation did in one window. */
export interface Rollup {
  operationId: number;
  windowAtMs: number;
  n: number;
  errors: number;
  entries: number;
  durationSumUs: number;
  maxDurationUs: number;
  latency: Histogram;
  /** Of whole traces whose root ended in this window: spans of this operation … */
  sampledN: number;
  /** … that failed while no child of theirs failed … */
  failedHere: number;
  /** … and the time in which they were the deepest active span (µs). */
  selfTime: Histogram;
  /** … and which operations one span called (see `shapeOf`), with how many spans did so. */
  shapes: Map<string, number>;
  /** Trace ids, worst first. */
  slowest: string[];
  failed: string[];
}

/** Calls from one operation to another in the sampled traces of one window. */
export interface EdgeRollup {
  callerId: number;
  calleeId: number;
  windowAtMs: number;
  calls: number;
  errors: number;
  /** Between services: the caller's duration less the callee's (µs), network and queueing. */
  gap: Histogram;
}

/** One window of one tenant. `n` of 0 means that nothing is known of it, not that nothing happened. */
export interface WindowMeasure {
  windowAtMs: number;
  n: number;
  traces: number;
  sampledTraces: number;
  duplicateSpans: number;
  rollups: Rollup[];
  edges: EdgeRollup[];
}
