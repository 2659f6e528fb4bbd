import { z } from 'zod';
import { CALL_PATTERNS, SIGNALS } from '../model/anomaly.js';
import { EVIDENCE_KINDS } from '../model/cause.js';
import { BAD_KINDS, CORRELATION_SCOPES, GOOD_FROM } from '../model/correlation.js';
import { INCIDENT_EVENT_KINDS, INCIDENT_STATES, SEVERITIES } from '../model/incident.js';
import { OUTLIER_REASONS } from '../model/outlier.js';
import { SPAN_KIND } from '../model/span.js';
import { WAIT_REASONS } from '../model/waits.js';

/**
 * Every answer of the API, as schemas (for OpenAPI and tests) and as types (for the controllers and the web pages).
 * Times are ISO 8601 in UTC with milliseconds; ids are strings; units stand in the names.
 */
const Time = z.iso.datetime({ precision: 3 });
const TraceId = z.string().regex(/^[0-9a-f]{32}$/);
const Unit = z.enum(['us', 'ratio', 'per_window', 'calls_per_call']);
const NextCursor = z.string().nullable().describe('Pass it as `cursor` for the next page; null on the last page.');

export const EvidenceView = z
  .object({
    kind: z.enum(EVIDENCE_KINDS),
    text: z.string(),
    observed: z.number(),
    expected: z.number(),
    unit: Unit,
    n: z.int().describe('Spans or calls behind `observed`.'),
    share: z.number().describe('Part of the whole deviation of this kind that falls on this operation, 0 to 1.'),
    template: z.string().optional().describe('What the log lines say, changing parts masked; for `event_template`.'),
    of: z
      .object({ service: z.string(), operation: z.string() })
      .optional()
      .describe('What is called, or is new, where the evidence is about calls or something new.'),
  })
  .meta({ id: 'Evidence' });

export const InstanceShareView = z
  .object({
    attribute: z.string(),
    value: z.string(),
    share: z.number().describe('Part of the excess that comes from here, 0 to 1.'),
    ofSpans: z.number().describe('Part of the spans that come from here, 0 to 1.'),
  })
  .meta({ id: 'InstanceShare' });

export const CounterfactualView = z
  .object({
    of: z.enum(['time', 'failures']),
    share: z.number().describe('Part of `added` that would be gone, 0 to 1.'),
    added: z.number().describe('What a request has more than normal, on average.'),
    unit: z.enum(['us', 'ratio']),
    n: z.int().describe('Requests looked at.'),
    text: z.string(),
  })
  .meta({ id: 'Counterfactual' });

export const CauseView = z
  .object({
    service: z.string(),
    operation: z.string(),
    score: z
      .number()
      .describe(
        'Calibrated probability that this service is at fault, 0 to 1; of its further operations their part of it. Causes are judged each by itself.',
      ),
    evidence: z.array(EvidenceView),
    instances: z
      .array(InstanceShareView)
      .describe('Where in the service it sits, when not in all of it; clearest first.'),
    counterfactuals: z.array(CounterfactualView).describe('What would be gone without it.'),
    exemplars: z.array(TraceId),
  })
  .meta({ id: 'Cause' });

export const AffectedView = z
  .object({
    service: z.string(),
    operation: z.string(),
    signal: z.enum(SIGNALS),
    quantile: z.number().nullable().describe('Which quantile the values are (0 to 1), for latency; else null.'),
    observed: z.number(),
    expected: z.number(),
    unit: Unit,
    n: z.int().describe('Spans behind `observed`.'),
    score: z.number().describe('-log10 of the probability of so large a deviation by chance.'),
    since: Time,
    pooledOperations: z
      .int()
      .optional()
      .describe('So many rare operations of the service were judged together; missing: this one by itself.'),
  })
  .meta({ id: 'Affected' });

export const IncidentView = z
  .object({
    id: z.guid(),
    state: z.enum(INCIDENT_STATES),
    severity: z.enum(SEVERITIES),
    title: z.string(),
    startedAt: Time.describe('Start of the first deviating window.'),
    openedAt: Time.describe('End of the window at which the incident was opened.'),
    lastSeenAt: Time.describe('End of the last window that still deviated.'),
    resolvedAt: Time.nullable(),
    flaps: z.int().describe('How often it came back after it had gone quiet.'),
    causes: z.array(CauseView).describe('Best first.'),
    affected: z.array(AffectedView),
    exemplars: z.array(TraceId).describe('Traces that show it.'),
  })
  .meta({ id: 'Incident' });

export const IncidentEventView = z
  .object({
    sequence: z.int(),
    kind: z.enum(INCIDENT_EVENT_KINDS),
    at: Time,
    reason: z.string(),
    undecided: z
      .object({ attempts: z.int(), error: z.string(), isSetAside: z.boolean() })
      .nullable()
      .describe('Failed attempts to decide who is told; null when there were none.'),
  })
  .meta({ id: 'IncidentEvent' });

export const DecisionView = z
  .object({
    sequence: z.int().describe('The event that was decided upon.'),
    at: Time.nullable(),
    ruleId: z.guid(),
    ruleName: z.string(),
    send: z.boolean(),
    reason: z.string(),
    detail: z.string().nullable().describe('What held it: ids of silences or of other alerts, or a mute time.'),
    channelIds: z.array(z.guid()).describe('Who was told; empty unless it was sent.'),
  })
  .meta({ id: 'Decision' });

export const DeliveryAttemptView = z
  .object({
    attempt: z.int(),
    at: Time,
    status: z.int().nullable().describe('HTTP status; null when no answer came.'),
    outcome: z.enum(['sent', 'retry', 'failed']),
    reason: z.string(),
    tookMs: z.int(),
  })
  .meta({ id: 'DeliveryAttempt' });

export const DeliveryView = z
  .object({
    id: z.guid().describe('The webhook-id of every attempt.'),
    sequence: z.int().describe('Its number among the messages about the same group of alerts.'),
    channelId: z.guid(),
    channelName: z.string().nullable().describe('null once the channel is deleted.'),
    kind: z.string(),
    state: z.enum(['pending', 'sent', 'failed', 'digested']).describe('digested: told in a digest, with others.'),
    createdAt: Time,
    nextAttemptAt: Time.nullable().describe('null unless pending.'),
    sentAt: Time.nullable(),
    lastError: z.string().nullable(),
    attempts: z.array(DeliveryAttemptView),
  })
  .meta({ id: 'Delivery' });

const AttributeNameView = z
  .object({
    scope: z.enum(CORRELATION_SCOPES),
    service: z.string(),
    operation: z.string().nullable().describe('null for a resource, which speaks for all operations of its service.'),
    key: z.string(),
    value: z.string().describe('As text; "≥ 512" where an amount was cut.'),
  })
  .meta({ id: 'AttributeName' });

export const CorrelationView = AttributeNameView.extend({
  badShare: z.number().describe('Part of the bad traces that have the value, 0 to 1 …'),
  goodShare: z.number().describe('… and of the good ones.'),
  badN: z.int().describe('Bad traces that the share is of: those in which the service or operation took part.'),
  goodN: z.int(),
  effect: z.number().describe('badShare - goodShare.'),
  oddsRatio: z.number().describe('With half a trace added to each cell.'),
  q: z.number().describe('False discovery rate (Benjamini-Hochberg) over all values that were tested.'),
  isSymptom: z.boolean().describe('Says that something failed rather than why: a status, an error, an exception.'),
  firstSeenAt: Time.nullable().describe(
    'For versions; null for other attributes, and when it was there from the start.',
  ),
  isNew: z.boolean().describe('First seen shortly before the incident began, or later.'),
  alsoAs: z.array(AttributeNameView).describe('Other attributes that stand on nearly the same traces.'),
  explainedBy: z
    .int()
    .nullable()
    .describe('Position of the correlation that explains this one away; null for one that stands by itself.'),
}).meta({ id: 'Correlation' });

export const ComparisonView = z
  .object({
    service: z.string(),
    operation: z.string(),
    bad: z.enum(BAD_KINDS).describe('What makes a trace of the operation a bad one.'),
    goodFrom: z.enum(GOOD_FROM).describe('Time from which the good traces are.'),
    badN: z.int().describe('Traces that were read.'),
    goodN: z.int(),
    tested: z.int().describe('Values that were tested.'),
    left: z.record(z.string(), z.int()).describe('What a limit left out, by reason.'),
    through: Time.describe('Spans that ended before were looked at.'),
  })
  .meta({ id: 'Comparison' });

export const IncidentDetailView = IncidentView.extend({
  compared: ComparisonView.nullable().describe('Which traces were compared; null while none could be.'),
  comparisonReason: z.string().nullable().describe('What came of the comparison, or why there was none (yet).'),
  correlations: z.array(CorrelationView).describe('What more bad traces have than good ones; best first.'),
  events: z.array(IncidentEventView),
  decisions: z.array(DecisionView).describe('Who was told at which event, and why or why not.'),
  deliveries: z.array(DeliveryView),
}).meta({ id: 'IncidentDetail' });

export const IncidentList = z
  .object({ incidents: z.array(IncidentView), nextCursor: NextCursor })
  .meta({ id: 'IncidentList' });

const UnknownWeightShare = z
  .number()
  .nullable()
  .describe(
    'Share of the spans received that do not say how probably they were sampled (tracestate `ot=th:`, or the attribute of ' +
      'SAMPLING_ATTRIBUTES). Each of them counts once; where it is 1, all figures are those of the spans received.',
  );

export const SERVICE_STATES = ['deviating', 'silent', 'learning', 'normal'] as const;

export const ServiceView = z
  .object({
    name: z.string(),
    operations: z.int(),
    spansPerSecond: z
      .number()
      .nullable()
      .describe('Of all spans, those left out by sampling too; null without spans in the period.'),
    unknownWeightShare: UnknownWeightShare,
    errorRatio: z.number().nullable().describe('Of requests served; null without any in the period.'),
    p95Us: z.number().nullable().describe('Of requests served; null without any in the period.'),
    lastSeenAt: Time.nullable().describe('Latest end of a span.'),
    state: z
      .enum(SERVICE_STATES)
      .describe(
        'deviating: in an unresolved incident. silent: no span in the period. learning: no operation has a ready baseline.',
      ),
  })
  .meta({ id: 'Service' });

const Period = z
  .object({ from: Time, to: Time })
  .nullable()
  .describe('Event time that the figures cover; null before the first measured window.');

export const ServiceList = z.object({ period: Period, services: z.array(ServiceView) }).meta({ id: 'ServiceList' });

export const OperationView = z
  .object({
    id: z.int(),
    service: z.string(),
    name: z.string(),
    kind: z.enum(SPAN_KIND),
    spansPerSecond: z.number().nullable().describe('Those left out by sampling too.'),
    unknownWeightShare: UnknownWeightShare,
    errorRatio: z.number().nullable(),
    p50Us: z.number().nullable(),
    p95Us: z.number().nullable(),
    waitsByDesign: z
      .enum(WAIT_REASONS)
      .nullable()
      .describe(
        'Why its durations are taken for waiting, so that latency and self time are not judged; null when they are.',
      ),
    baseline: z
      .object({
        p50Us: z.number().nullable(),
        p95Us: z.number().nullable(),
        n: z.int().describe('Spans that the baseline rests on.'),
        state: z
          .enum(['learning', 'ready', 'rare'])
          .describe('rare: too few spans for a baseline of its own; judged together with the others of its service.'),
      })
      .nullable()
      .describe('What is normal; null before the first learned minute.'),
  })
  .meta({ id: 'Operation' });

export const OperationList = z
  .object({
    period: Period,
    operations: z.array(OperationView).describe('Busiest first.'),
    total: z.int().describe('Operations that match; more than are listed when `limit` was reached.'),
  })
  .meta({ id: 'OperationList' });

export const RedView = z
  .object({
    period: Period,
    stepSeconds: z.int(),
    steps: z
      .array(
        z.object({
          at: Time.describe('Its start.'),
          spansPerSecond: z.number().describe('Those left out by sampling too.'),
          errorRatio: z.number(),
          p50Us: z.number(),
          p95Us: z.number(),
          p99Us: z.number(),
        }),
      )
      .describe('Oldest first. Steps in which nothing was seen are left out.'),
  })
  .meta({ id: 'Red' });

const Attribute = z
  .object({ key: z.string(), value: z.unknown().describe('A string, number, boolean, array or object.') })
  .meta({ id: 'Attribute' });

export const SpanView = z
  .object({
    spanId: z.string(),
    parentSpanId: z.string().nullable(),
    traceState: z.string(),
    service: z.string(),
    name: z.string(),
    kind: z.enum(SPAN_KIND),
    startTimeUnixNano: z.string(),
    endTimeUnixNano: z.string(),
    durationUs: z.number(),
    status: z.object({ code: z.enum(['unset', 'ok', 'error']), message: z.string() }),
    attributes: z.array(Attribute),
    events: z.array(z.object({ name: z.string(), timeUnixNano: z.string(), attributes: z.array(Attribute) })),
    links: z.array(
      z.object({
        traceId: z.string(),
        spanId: z.string(),
        traceState: z.string(),
        attributes: z.array(Attribute),
      }),
    ),
    resource: z.array(Attribute),
    scope: z.object({ name: z.string(), version: z.string(), attributes: z.array(Attribute) }),
    copies: z.int().describe('How often the span was received.'),
  })
  .meta({ id: 'Span' });

export const TraceView = z
  .object({
    traceId: TraceId,
    spans: z.array(SpanView).describe('By start.'),
    total: z.int().describe('Spans of the trace; copies count once.'),
    isComplete: z.boolean().describe('false: there are more than were asked for; go on with `offset`.'),
  })
  .meta({ id: 'Trace' });

const LogView = z
  .object({
    timeUnixNano: z.string().describe('"0" when the sender did not say.'),
    observedTimeUnixNano: z.string(),
    traceId: TraceId.nullable(),
    spanId: z.string().nullable(),
    service: z.string(),
    severityNumber: z.int(),
    severityText: z.string(),
    eventName: z.string(),
    body: z.unknown().describe('As sent: a text, or whatever else OTLP can carry.'),
    attributes: z.array(Attribute),
    resource: z.array(Attribute),
    scope: z.object({ name: z.string(), version: z.string() }),
  })
  .meta({ id: 'Log' });

export const TraceLogs = z
  .object({
    logs: z.array(LogView).describe('By time, at most 1,000.'),
    isComplete: z.boolean().describe('false: there are more.'),
  })
  .meta({ id: 'TraceLogs' });

export const FoundTraceView = z
  .object({
    traceId: TraceId,
    rootService: z.string().nullable().describe('null while no root span is stored.'),
    rootOperation: z.string().nullable(),
    startedAt: Time,
    durationUs: z.number().describe('From the first start to the last end.'),
    spans: z.int().describe('Copies of a span count once.'),
    errors: z.int(),
    services: z.array(z.object({ name: z.string(), spans: z.int(), errors: z.int() })).describe('By name.'),
    matches: z.int().describe('How many of its spans match.'),
    matched: z
      .array(
        z.object({
          spanId: z.string(),
          service: z.string(),
          operation: z.string(),
          durationUs: z.number(),
          isError: z.boolean(),
        }),
      )
      .describe('Spans that match, the ten longest.'),
  })
  .meta({ id: 'FoundTrace' });

export const TraceList = z
  .object({
    traces: z.array(FoundTraceView).describe('By their newest span that matches, newest first.'),
    nextCursor: NextCursor,
    isComplete: z
      .boolean()
      .describe('false: the page ended at a limit on work, not since there is no more; go on with `nextCursor`.'),
    searched: z
      .object({
        from: Time.describe(
          'How far back this page has come; all of [from, to) that matches is on it or on pages before.',
        ),
        to: Time.describe('End of the period, as given or as it was at the first page.'),
        postings: z.int().describe('Lists of spans (of one operation in one window) that were considered.'),
        spans: z.int().describe('Spans whose time, duration and status were read.'),
        segments: z.int().describe('Stored blocks of whole spans that were read.'),
      })
      .describe('What this page has looked at.'),
  })
  .meta({ id: 'TraceList' });

const StageTime = Time.nullable().describe('Event time through which the stage is done; null before its first step.');

export const PipelineView = z
  .object({
    watermark: Time.nullable().describe('How far event time has come: lower median over the services.'),
    closedThrough: Time.nullable().describe('Windows before this instant are closed.'),
    stages: z.object({
      measure: StageTime,
      baseline: StageTime,
      detect: StageTime,
      rank: StageTime,
      incident: StageTime,
      correlate: StageTime,
    }),
    retention: z
      .object({
        wholeSince: Time.nullable().describe(
          'Before it, only anomalous traces are left; null while nothing is stored.',
        ),
        droppedForSpace: z
          .object({ spans: z.int(), lastHour: Time, lastAt: Time })
          .nullable()
          .describe('What went since RETENTION_MAX_BYTES was reached; null: nothing ever did.'),
      })
      .describe('How far back spans are kept.'),
    undecidedEvents: z.int(),
    setAsideEvents: z.int().describe('Steps that could not be decided upon: nobody was told of them.'),
    pendingNotifications: z.int(),
  })
  .meta({ id: 'Pipeline' });

export const AnomalyView = z
  .object({
    windowAt: Time.describe('Start of the 10 s window.'),
    signal: z.enum(SIGNALS),
    service: z.string(),
    operation: z.string(),
    kind: z.enum(SPAN_KIND),
    caller: z
      .object({ service: z.string(), operation: z.string() })
      .nullable()
      .describe('The calling operation; null unless the signal is `calls`.'),
    raised: z.boolean(),
    reason: z.string().describe('Why it was raised or held back.'),
    direction: z.enum(['up', 'down']),
    quantile: z.number().nullable().describe('Which quantile the values are (0 to 1), for latency; else null.'),
    observed: z.number(),
    expected: z.number(),
    unit: Unit,
    n: z.int(),
    baselineN: z.int(),
    score: z.number(),
    since: Time,
    event: z
      .object({
        change: z.enum(['new', 'more', 'vanished']),
        severity: z.int().describe('Beginning of the OTLP severity band; 0 unknown.'),
        text: z.string().describe('What the log lines or span events say, changing parts masked.'),
      })
      .nullable()
      .describe('For signal `events`.'),
    pooledOperations: z
      .int()
      .nullable()
      .describe('So many rare operations of the service are judged together here; null: this one by itself.'),
    pattern: z
      .enum(CALL_PATTERNS)
      .nullable()
      .describe(
        'For signal `calls`: repeated (N+1), retried (more calls, and they fail as they never did) or vanished; null where there were none before.',
      ),
  })
  .meta({ id: 'Anomaly' });

export const AnomalyList = z
  .object({ anomalies: z.array(AnomalyView), nextCursor: NextCursor })
  .meta({ id: 'AnomalyList' });

export const OutlierView = z
  .object({
    traceId: TraceId,
    windowAt: Time.describe('Start of the 10 s window in which the span ended.'),
    service: z.string(),
    operation: z.string().describe('Where it stands out most.'),
    kind: z.enum(SPAN_KIND),
    reason: z.enum(OUTLIER_REASONS),
    text: z.string().describe('A sentence with the figures; it holds no text of the sender.'),
    observed: z
      .number()
      .describe('Of `slow`: its duration. Of `failed`: share of the spans of this window that failed.'),
    expected: z
      .number()
      .describe(
        'Of `slow`: what 97 % of the past spans stayed below. Of `failed`: share of the past spans that failed.',
      ),
    unit: z.enum(['us', 'ratio']),
    n: z.int().describe('Spans of the operation in this window.'),
    baselineN: z.int().describe('Spans of the operation in its past.'),
    score: z.number().describe('-log10 of the chance that one of these spans is so far out.'),
    alsoIn: z.int().describe('Other operations in which the same trace stands out: callers that waited.'),
  })
  .meta({ id: 'Outlier' });

export const OutlierList = z
  .object({ outliers: z.array(OutlierView), nextCursor: NextCursor })
  .meta({ id: 'OutlierList' });

export const HealthView = z
  .object({
    status: z.enum(['ok', 'unavailable']),
    checks: z.object({ database: z.enum(['ok', 'unavailable']), queue: z.enum(['ok', 'unavailable']) }),
  })
  .meta({ id: 'Health' });

export const ErrorView = z
  .object({
    error: z.object({
      code: z.string(),
      message: z.string(),
      field: z.string().optional().describe('The input at fault, where there is one.'),
    }),
  })
  .meta({ id: 'Error' });

export type IncidentView = z.infer<typeof IncidentView>;
export type IncidentDetailView = z.infer<typeof IncidentDetailView>;
export type IncidentEventView = z.infer<typeof IncidentEventView>;
export type DecisionView = z.infer<typeof DecisionView>;
export type DeliveryView = z.infer<typeof DeliveryView>;
export type IncidentList = z.infer<typeof IncidentList>;
export type ServiceView = z.infer<typeof ServiceView>;
export type ServiceList = z.infer<typeof ServiceList>;
export type OperationView = z.infer<typeof OperationView>;
export type OperationList = z.infer<typeof OperationList>;
export type RedView = z.infer<typeof RedView>;
export type TraceView = z.infer<typeof TraceView>;
export type TraceList = z.infer<typeof TraceList>;
export type TraceLogs = z.infer<typeof TraceLogs>;
export type FoundTraceView = z.infer<typeof FoundTraceView>;
export type PipelineView = z.infer<typeof PipelineView>;
export type AnomalyView = z.infer<typeof AnomalyView>;
export type AnomalyList = z.infer<typeof AnomalyList>;
export type OutlierView = z.infer<typeof OutlierView>;
export type OutlierList = z.infer<typeof OutlierList>;
export type HealthView = z.infer<typeof HealthView>;
