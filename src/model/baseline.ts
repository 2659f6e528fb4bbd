import type { EventKnowledge } from './event.js';
import { Histogram } from './histogram.js';
import { type Dispersion, emptySpread, type Spread } from './spread.js';

/**
 * What is normal for one operation, folded window by window in event-time order.
 * `windows` counts learned windows in which the tenant had data; everything is halved together when it reaches its cap, so old
 * observations fade and all ratios stay.
 */
export interface OperationBaseline {
  windows: number;
  n: number;
  errors: number;
  /** Spans that were roots. */
  entries: number;
  /** Sum and sum of squares of spans a window; a window without a span of this operation counts as 0. */
  perWindowSum: number;
  perWindowSumSq: number;
  latency: Histogram;
  sampledN: number;
  failedHere: number;
  selfTime: Histogram;
  /** How much more windows differ than chance alone would make them. */
  latencySpread: Spread;
  selfTimeSpread: Spread;
  /** Which operations one span called, and how many spans did so. */
  shapes: Map<string, number>;
  errorChi: Dispersion;
}

/** What is normal for the calls of one operation to another. */
export interface EdgeBaseline {
  windows: number;
  callerN: number;
  calls: number;
  errors: number;
  gap: Histogram;
  gapSpread: Spread;
  callsChi: Dispersion;
}

export function emptyOperationBaseline(): OperationBaseline {
  return {
    windows: 0,
    n: 0,
    errors: 0,
    entries: 0,
    perWindowSum: 0,
    perWindowSumSq: 0,
    latency: new Histogram(),
    sampledN: 0,
    failedHere: 0,
    selfTime: new Histogram(),
    latencySpread: emptySpread(),
    selfTimeSpread: emptySpread(),
    shapes: new Map(),
    errorChi: { sum: 0, n: 0 },
  };
}

export function emptyEdgeBaseline(): EdgeBaseline {
  return {
    windows: 0,
    callerN: 0,
    calls: 0,
    errors: 0,
    gap: new Histogram(),
    gapSpread: emptySpread(),
    callsChi: { sum: 0, n: 0 },
  };
}

/** Baselines as they are known at one instant, by operation id and by `edgeKey`. */
export interface Baselines {
  operations: Map<number, OperationBaseline>;
  edges: Map<string, EdgeBaseline>;
  /** Missing where no event was ever measured. */
  events?: EventKnowledge;
}

export function edgeKey(callerId: number, calleeId: number): string {
  return `${callerId}>${calleeId}`;
}

/** Caller and callee of an `edgeKey`. */
export function edgeEnds(key: string): [callerId: number, calleeId: number] {
  const at = key.indexOf('>');
  return [Number(key.slice(0, at)), Number(key.slice(at + 1))];
}
