import { z } from 'zod';
import { SPAN_KIND } from '../model/span.js';
import { NextCursor, Time, TraceId } from './terms-contract.js';

/** Spans and log records as they were sent, and traces that were searched for. */

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
export type TraceView = z.infer<typeof TraceView>;

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
export type TraceLogs = z.infer<typeof TraceLogs>;

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
export type FoundTraceView = z.infer<typeof FoundTraceView>;

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
export type TraceList = z.infer<typeof TraceList>;
