export const EVIDENCE_KINDS = [
  'self_time',
  'network_gap',
  'unanswered',
  'failing',
  'vanished_calls',
  'repeated_calls',
  'retried_calls',
  'traffic',
  'event_template',
  'deviates',
  // What speaks against it: the telemetry changed at the same time.
  'names_changed',
  'sampling_changed',
  // Nobody's fault, and worth knowing: never seen before.
  'new_calls',
  'new_operation',
] as const;

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
  /** Masked text of the template, for `event_template`; the sender's. */
  template?: string;
  /** What was called, or is new, where the evidence is about calls or something new; names are the sender's. */
  of?: { service: string; operation: string };
}

/** One value of a resource attribute from which most of a cause's excess comes. */
export interface InstanceShare {
  attribute: string;
  /** The sender's text. */
  value: string;
  /** Part of the excess, and part of the spans, that is its; 0 to 1. */
  share: number;
  ofSpans: number;
}

/** What would be gone without a cause. */
export interface Counterfactual {
  of: 'time' | 'failures';
  /** Part of `added` that would be gone, 0 to 1. */
  share: number;
  /** What a request has more than normal, on average: time (µs) or failures. */
  added: number;
  unit: 'us' | 'ratio';
  /** Requests looked at. */
  n: number;
  /** A sentence with figures; it holds no text of the sender's. */
  text: string;
}

/**
 * A candidate root cause. The `score` of a service's first operation is the calibrated probability that the service is at fault; that of
 * its other operations is their part of it. Causes may both be likely: scores need not add up to 1.
 */
export interface Cause {
  operationId: number;
  service: string;
  operation: string;
  score: number;
  evidence: Evidence[];
  /** Where in the service it sits, when not in all of it; clearest first. Missing in what was written before this was measured. */
  instances?: InstanceShare[];
  /** What would be gone without it. */
  counterfactuals?: Counterfactual[];
  /** Trace ids (32 hex) that show it, worst first. */
  exemplars: string[];
}
