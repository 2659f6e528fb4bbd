/** An attribute value as JSON can carry it: integers beyond 2^53 and NaN, Infinity and -Infinity are strings, bytes are base64. */
export type AttributeValue = string | number | boolean | null | AttributeValue[] | { [key: string]: AttributeValue };

export interface Attribute {
  key: string;
  value: AttributeValue;
}

export interface StoredEvent {
  name: string;
  timeUnixNano: string;
  attributes: Attribute[];
}

export interface StoredLink {
  traceId: string;
  spanId: string;
  traceState: string;
  attributes: Attribute[];
}

/** A span as it was sent; ids are lower-case hex, nanoseconds exact decimal strings. */
export interface StoredSpan {
  spanId: string;
  parentSpanId: string | null;
  traceState: string;
  service: string;
  name: string;
  /** OTLP kind number. */
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  /** Never negative. */
  durationUs: number;
  status: { code: 'unset' | 'ok' | 'error'; message: string };
  attributes: Attribute[];
  events: StoredEvent[];
  links: StoredLink[];
  resource: Attribute[];
  scope: { name: string; version: string; attributes: Attribute[] };
  /** How many spans with this id were sent; which of them is shown never changes. */
  copies: number;
}

/** Spans in order of their start; `total` counts those that were not asked for too. */
export interface StoredTrace {
  traceId: string;
  spans: StoredSpan[];
  total: number;
  /** No more of it can be shown after these. */
  isComplete: boolean;
}
