/** Where an attribute stood: on a span, on the resource that sent it, or on an event of a span. */
export const CORRELATION_SCOPES = ['span', 'resource', 'event'] as const;
export type CorrelationScope = (typeof CORRELATION_SCOPES)[number];

/** What makes a trace a bad one; `now` compares traces of the incident's time with those before it. */
export const BAD_KINDS = ['slow', 'failed', 'lacking_call', 'repeating_call', 'now'] as const;
export type BadKind = (typeof BAD_KINDS)[number];

/** Where the good traces come from: the incident's own time, that and the time before, or the time before alone. */
export const GOOD_FROM = ['during', 'during_and_before', 'before'] as const;
export type GoodFrom = (typeof GOOD_FROM)[number];

/** Names one attribute value; all of it is the sender's text. */
export interface AttributeName {
  scope: CorrelationScope;
  service: string;
  /** Null for a resource: it speaks for all operations of its service. */
  operation: string | null;
  key: string;
  value: string;
}

/** An attribute value that more bad traces have than good ones. */
export interface Correlation extends AttributeName {
  /** Of the traces in which the service (for a resource) or the operation took part, the part that has the value. */
  badShare: number;
  goodShare: number;
  /** How many traces those shares are of. */
  badN: number;
  goodN: number;
  /** badShare - goodShare. */
  effect: number;
  /** With half a trace added to each cell, so that it is finite. */
  oddsRatio: number;
  /** False discovery rate at which it counts as found, over everything that was tried. */
  q: number;
  /** Says that something failed rather than why: a status, an error type, an exception. */
  isSymptom: boolean;
  /** Event time at which the value was first seen, for versions; null for others, and when it was there from the start. */
  firstSeenMs: number | null;
  /** First seen shortly before the incident began or later. */
  isNew: boolean;
  /** Other attributes that stand on nearly the same traces. */
  alsoAs: AttributeName[];
  /** Position in the list of the correlation that explains this one away; null for one that stands by itself. */
  explainedBy: number | null;
}

/** What came of the comparison for one incident. */
export interface CorrelationReport {
  /** correlated: something was found. nothing: compared, and no difference. not_comparable: no two groups of traces to compare. */
  outcome: 'correlated' | 'nothing' | 'not_comparable' | 'failed';
  reason: string;
  /** Spans that ended before this instant (event time) were looked at. */
  throughMs: number;
  compared: Comparison | null;
  /** Best first. */
  correlations: Correlation[];
}

/** What was compared with what. */
export interface Comparison {
  service: string;
  operation: string;
  bad: BadKind;
  goodFrom: GoodFrom;
  /** Traces read. */
  badN: number;
  goodN: number;
  /** Values that were tested. */
  tested: number;
  /** What a limit left out, by reason. */
  left: Record<string, number>;
}
