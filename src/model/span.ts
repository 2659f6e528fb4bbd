/** OTLP span kinds by their wire number. */
export const SPAN_KIND = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'] as const;

export const KIND_SERVER = 2;
export const KIND_CLIENT = 3;
export const KIND_PRODUCER = 4;
export const KIND_CONSUMER = 5;

/** A span of another trace, by its ids in lower-case hex. */
export interface SpanLink {
  traceId: string;
  spanId: string;
}

/**
 * What measuring and ranking need of a span; attributes stay in the journal's bytes.
 * Ids are lower-case hex. Times are epoch microseconds: whole numbers, safe in a double until the year 2255.
 */
export interface StructuralSpan {
  traceId: string;
  spanId: string;
  /** Empty for a root. */
  parentSpanId: string;
  operationId: number;
  serviceId: number;
  /** OTLP kind number. */
  kind: number;
  startUs: number;
  /** Never before startUs: a span that ends before it starts is kept with duration 0. */
  endUs: number;
  isError: boolean;
  /** Of a root, the spans that it says it goes on from, a few; missing or empty when there are none. */
  links?: readonly SpanLink[];
  /** Which pod, host or version served, see `instanceOf`; missing or empty when nothing says so. */
  servedBy?: string;
}
