import type { CorrelationScope } from './correlation.js';

/** A service, or one operation of it. */
export interface Place {
  service: string;
  /** Null: the service as a whole. */
  operation: string | null;
}

/** An attribute with its value, at one place. */
export interface Term {
  scope: CorrelationScope;
  /** Index into `places`. */
  place: number;
  key: string;
  /** As text; the sender's. */
  value: string;
  /** The value, when it was sent as a number. */
  number: number | null;
}

/** Which attribute values stand in which traces. */
export interface TraceTerms {
  places: Place[];
  terms: Term[];
  /** By trace id (32 hex digits): where its spans are, and what they carry, as indexes. */
  traces: Map<string, { places: ReadonlySet<number>; terms: ReadonlySet<number> }>;
  /** What was left out, by reason. */
  left: Record<string, number>;
}
