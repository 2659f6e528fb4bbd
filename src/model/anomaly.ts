import type { EventDeviation } from './event.js';

export const SIGNALS = ['latency', 'self_time', 'gap', 'errors', 'traffic', 'calls', 'events'] as const;
/** latency, self_time, errors, traffic, events (log lines and span events): of an operation. gap, calls: of a callee as its caller sees it (time between the two, how often). */
export type Signal = (typeof SIGNALS)[number];

/** Why a finding was raised or held back; stored, shown and counted. */
export type FindingReason =
  | 'raised'
  | 'learning'
  | 'low_volume'
  | 'small_absolute_effect'
  | 'small_relative_effect'
  | 'not_significant'
  | 'not_persistent'
  /** Its durations are waiting by design: nothing follows from them. */
  | 'waits_by_design'
  /** This hour of the week was like that before. */
  | 'seasonal'
  /** A template that is new, frequent or gone, and nothing to be told about: information. */
  | 'harmless'
  /** All log lines of the service fell silent at once: the logging changed, or did not arrive. */
  | 'logging_changed'
  /** The caller was answered as ever: spans are missing, not calls. */
  | 'only_unseen'
  /** Every entry shows the same surge at once: sampling or instrumentation changed. */
  | 'all_entries_alike'
  /** Never seen before: information, no alarm. */
  | 'new_operation'
  | 'new_call';

/**
 * What became of the calls of a finding of signal `calls`: many times more of them (a loop over rows, N+1 queries), more of them that fail as they never
 * did (a retry storm), or fewer.
 */
export const CALL_PATTERNS = ['repeated', 'retried', 'vanished'] as const;
export type CallPattern = (typeof CALL_PATTERNS)[number];

/** One series' verdict in one window. */
export interface Finding {
  signal: Signal;
  operationId: number;
  /** The caller for signals `gap` and `calls`, else 0. */
  callerId: number;
  windowAtMs: number;
  raised: boolean;
  reason: FindingReason;
  direction: 'up' | 'down';
  /** Which quantile `observed` and `expected` are (0 to 1), for latency; else null. */
  quantile: number | null;
  observed: number;
  expected: number;
  unit: 'us' | 'ratio' | 'per_window' | 'calls_per_call';
  /** Raw spans behind `observed`. */
  n: number;
  /** Raw spans behind `expected`. */
  baselineN: number;
  /** -log10 of the tail probability, capped at 300. */
  score: number;
  /** Start of the first of the deviating windows looked at. */
  sinceMs: number;
  /** For signal `events`. */
  event?: EventDeviation;
  /** Operations judged together, each too rare by itself; `operationId` is the one that deviates most. */
  pooled?: number[];
  /** For signal `calls`, where there were calls before. */
  pattern?: CallPattern;
}
