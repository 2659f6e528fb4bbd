export const EVIDENCE_KINDS = ['self_time', 'network_gap', 'failing', 'vanished_calls', 'deviates'] as const;

/** Why an operation is blamed; one entry a kind of evidence that spoke. */
export interface Evidence {
  kind: (typeof EVIDENCE_KINDS)[number];
  /** A sentence with figures, safe to show (names in it are still the sender's text). */
  text: string;
  /** In `unit`. */
  observed: number;
  expected: number;
  unit: 'us' | 'ratio' | 'per_window' | 'calls_per_call';
  /** Raw number of spans or calls behind `observed`. */
  n: number;
  /** Part of the whole deviation of this kind that falls on this operation, 0 to 1. */
  share: number;
}

/** A candidate root cause. `score` (0 to 1) orders causes; it is a share of the deviation explained, not yet a calibrated probability. */
export interface Cause {
  operationId: number;
  service: string;
  operation: string;
  score: number;
  evidence: Evidence[];
  /** Trace ids (32 hex) that show it, worst first. */
  exemplars: string[];
}
