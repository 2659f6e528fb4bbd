import type { Finding } from '../model/anomaly.js';
import type { Baselines } from '../model/baseline.js';
import type { Evidence } from '../model/cause.js';
import type { Operation } from '../model/operation.js';
import type { WindowMeasure } from '../model/rollup.js';
import type { CallGraph } from './graph.js';
import type { Observed } from './observe.js';

/**
 * Kinds of deviation that are shared out among operations: added time (µs), failures, spans that stop short of their usual calls, and spans
 * that write what such spans do not, or no longer write what they do, and requests that come too few or too many.
 */
export type Dimension = 'time' | 'failures' | 'vanished' | 'events' | 'traffic';

/** A part of the deviation that falls on one operation; `share` is filled in when all parts are known. */
export interface Credit {
  operationId: number;
  /** Whose spans it was measured in: the caller's, for time between two services and for calls that were not answered. */
  originId: number;
  dimension: Dimension;
  /** Beyond normal: µs, failures or spans. */
  amount: number;
  /** Of time: all that was observed, the normal part too (µs). */
  observedUs?: number;
  /** -log10 of the chance to see this when nothing has changed. */
  surprise: number;
  evidence: Omit<Evidence, 'share' | 'text'>;
}

/** A credit with its part of all credit of its dimension, 0 to 1. */
export type SharedCredit = Credit & { share: number };

/** What credit is given from: the windows at hand, the past, and which operations may be blamed. */
export interface Trial {
  windows: readonly WindowMeasure[];
  seen: Observed;
  baselines: Baselines;
  candidates: ReadonlySet<number>;
  operations: ReadonlyMap<number, Operation>;
  graph: CallGraph;
  /** What detection found; none when windows are given. */
  findings: readonly Finding[];
  /** Series that could deviate by chance. */
  tried: number;
}

/** One kind of evidence: a pure function in a file of its own. */
export type CreditSource = (trial: Trial) => Credit[];
