import type { EventRollup } from './event.js';
import { Histogram } from './histogram.js';
import type { InstancePart } from './instance.js';
import type { Paths } from './paths.js';

/** What the sampling probabilities that senders state make of a rollup's spans: an estimate of how many there were before sampling. */
export interface Weighting {
  /** Sum of 1 / probability; a span that states none counts once. */
  n: number;
  /** The same of those that failed. */
  errors: number;
  /** Spans that state no probability. */
  unknown: number;
}

/** What one operation did in one window. */
export interface Rollup {
  operationId: number;
  windowAtMs: number;
  n: number;
  /** Of n; as many as their weights make of n, where spans state their sampling probability. */
  errors: number;
  entries: number;
  /** Of n: spans that came after the window was measured first. Missing: none. */
  lateN?: number;
  durationSumUs: number;
  maxDurationUs: number;
  /** Of n values; where spans state their sampling probability, n values that lie as the weighted ones do. */
  latency: Histogram;
  /** Of whole traces whose root ended in this window: spans of this operation … */
  sampledN: number;
  /** … that failed while no child of theirs failed … */
  failedHere: number;
  /** … and the time in which they were the deepest active span (µs). */
  selfTime: Histogram;
  /** … and which operations one span called (see `shapeOf`), with how many spans did so. */
  shapes: Map<string, number>;
  /** The same spans by the instance that served. */
  instances: Map<string, InstancePart>;
  /** What became of the requests that entered here; null when none did. */
  paths: Paths | null;
  /** Trace ids, worst first. */
  slowest: string[];
  failed: string[];
  /** Missing when no span states a sampling probability. */
  weighting?: Weighting;
}

/** What is measured of an operation before its first span. */
export function emptyRollup(operationId: number, windowAtMs: number): Rollup {
  return {
    operationId,
    windowAtMs,
    n: 0,
    errors: 0,
    entries: 0,
    durationSumUs: 0,
    maxDurationUs: 0,
    latency: new Histogram(),
    sampledN: 0,
    failedHere: 0,
    selfTime: new Histogram(),
    shapes: new Map(),
    instances: new Map(),
    paths: null,
    slowest: [],
    failed: [],
  };
}

/** How many spans a rollup stands for: those received, and those that sampling left out as far as senders say so. */
export function representedSpans({ n, weighting }: Rollup): number {
  return weighting?.n ?? n;
}

/** Calls from one operation to another in the sampled traces of one window. */
export interface EdgeRollup {
  callerId: number;
  calleeId: number;
  windowAtMs: number;
  calls: number;
  errors: number;
  /** Roots of the callee that link to spans of the caller in other traces; they are no calls. Missing: none. */
  links?: number;
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
  /** Missing where no event was measured. */
  events?: EventRollup[];
}
