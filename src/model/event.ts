/** Where an event was written: a log record, or an event on a span. */
export type EventSource = 'log' | 'span_event';

/** OTLP severity numbers at which the bands begin; 0 is unknown. */
export const SEVERITY_INFO = 9;
export const SEVERITY_WARN = 13;
export const SEVERITY_ERROR = 17;
export const SEVERITY_FATAL = 21;

/** Stands for "any event of severity error or worse" of an operation, so that many rare kinds of error count together. */
export const ANY_SEVERE = 0;
/** The text that stands for all templates of a service beyond its cap. */
export const OVERFLOW_TEMPLATE = '__overflow__';

/** What many log lines or events have in common: their text with the changing parts masked. */
export interface EventTemplate {
  /** A hash of what the template was first made of: the same lines give the same id in every run. */
  id: number;
  serviceId: number;
  source: EventSource;
  /** Beginning of its severity band, 0 when unknown. */
  severity: number;
  text: string;
}

/** A log line or span event as it is counted. */
export interface EventLine {
  source: EventSource;
  serviceId: number;
  severity: number;
  text: string;
  timeMs: number;
  /** 32 hex digits, or empty. */
  traceId: string;
  /** Folded id of its span, as in Posting; null when it was written outside any span. */
  spanTag: number | null;
  /** Where it is known already; else it is found by the span. */
  operationId?: number;
}

/** How often one template was seen in one window: in the spans of one operation, or (operation 0) anywhere in its service. */
export interface EventRollup {
  templateId: number;
  /** The operation whose spans, ended in this window, hold it; 0 for all records of the service with a time in this window. */
  operationId: number;
  n: number;
  /** Different spans; for operation 0 the same as `n`. */
  spans: number;
  /** Trace ids that hold it, a few. */
  exemplars: string[];
}

/** Normal share of an operation's spans that hold a template (for operation 0: events per span of the service). */
export interface EventBaseline {
  windows: number;
  /** Spans looked at, and of these: with the template. */
  of: number;
  spans: number;
  chi: { sum: number; n: number };
}

export type EventBaselines = Map<string, EventBaseline>;

/** All that is known of a tenant's events. */
export interface EventKnowledge {
  baselines: EventBaselines;
  templates: Map<number, EventTemplate>;
  /** Service by operation. */
  serviceOf: ReadonlyMap<number, number>;
}

export function eventKey(templateId: number, operationId: number): string {
  return `${templateId}@${operationId}`;
}

export function fromEventKey(key: string): { templateId: number; operationId: number } {
  const [templateId, operationId] = key.split('@').map(Number) as [number, number];
  return { templateId, operationId };
}

/** Key of the baseline that holds log records per span of the whole tenant. */
export const ALL_RECORDS = eventKey(0, 0);

/** What a finding of signal `events` is about. */
export interface EventDeviation {
  templateId: number;
  change: 'new' | 'more' | 'vanished';
  severity: number;
  /** Masked text: still the sender's. */
  text: string;
}
