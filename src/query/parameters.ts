import { z } from 'zod';
import { cursorOf } from '../list-cursor.js';
import { SIGNALS } from '../model/anomaly.js';
import { INCIDENT_STATES } from '../model/incident.js';
import { OUTLIER_REASONS } from '../model/outlier.js';
import { SPAN_KIND } from '../model/span.js';

const Time = z.iso
  .datetime({ offset: true, error: 'must be an ISO 8601 time with a zone, such as 2026-03-01T12:00:00Z' })
  .transform((text) => new Date(text));
const ServiceName = z
  .string()
  .min(1)
  .max(1024)
  // PostgreSQL cannot hold it, so nothing can be named so.
  .refine((text) => !text.includes('\0'), 'must not contain a NUL character');
const limit = (most: number, usual: number) => z.coerce.number().int().min(1).max(most).default(usual);

const Instant = z.iso.datetime({ precision: 6 });

const inOrder = (range: { from?: Date | undefined; to?: Date | undefined }) =>
  range.from === undefined || range.to === undefined || range.from < range.to;
const OUT_OF_ORDER = { path: ['to'], message: 'must be later than from' };

const IncidentPlace = z.strictObject({ openedAt: Instant, id: z.guid() });
export type IncidentPlace = z.infer<typeof IncidentPlace>;

export const IncidentQuery = z
  .strictObject({
    state: z.enum(INCIDENT_STATES).optional(),
    service: ServiceName.optional().describe('Only incidents that blame or affect this service.'),
    from: Time.optional().describe('Only incidents that were not over before this instant.'),
    to: Time.optional().describe('Only incidents that began before this instant.'),
    limit: limit(200, 50),
    cursor: cursorOf(IncidentPlace).optional(),
  })
  .refine(inOrder, OUT_OF_ORDER);
export type IncidentQuery = z.output<typeof IncidentQuery>;

export const IncidentPath = z.object({ id: z.guid('must be an incident id (a UUID)').toLowerCase() });
export type IncidentPath = z.output<typeof IncidentPath>;

export const OperationQuery = z
  .strictObject({
    service: ServiceName.optional(),
    from: Time.optional().describe('Load from this instant on; else over the five minutes before `to`.'),
    to: Time.optional().describe('Load up to this instant; else up to the last measured window.'),
    limit: limit(5000, 1000),
  })
  .refine(inOrder, OUT_OF_ORDER);
export type OperationQuery = z.output<typeof OperationQuery>;

export const OperationPath = z.object({
  id: z.coerce
    .number()
    .int()
    .min(1)
    .max(2 ** 31 - 1),
});
export type OperationPath = z.output<typeof OperationPath>;

export const RedQuery = z
  .strictObject({
    from: Time.optional().describe('Else one hour before `to`.'),
    to: Time.optional().describe('Else up to the last measured window.'),
    step: z.coerce
      .number()
      .int()
      .min(10)
      .max(86_400)
      .multipleOf(10)
      .default(60)
      .describe('Seconds, a multiple of 10. Whole minutes and hours are answered quickest and reach back furthest.'),
  })
  .refine(inOrder, OUT_OF_ORDER);
export type RedQuery = z.output<typeof RedQuery>;

const AnomalyPlace = z.strictObject({
  windowAt: Instant,
  signal: z.enum(SIGNALS),
  operationId: z.int32(),
  callerId: z.int32(),
});
export type AnomalyPlace = z.infer<typeof AnomalyPlace>;

export const AnomalyQuery = z
  .strictObject({
    from: Time.optional().describe('Only windows that start at or after this instant.'),
    to: Time.optional().describe('Only windows that start before this instant.'),
    service: ServiceName.optional().describe('Only findings on operations of this service, or on calls made by it.'),
    raised: z
      .enum(['true', 'false'])
      .transform((text) => text === 'true')
      .optional()
      .describe('false: only findings that were held back.'),
    limit: limit(200, 50),
    cursor: cursorOf(AnomalyPlace).optional(),
  })
  .refine(inOrder, OUT_OF_ORDER);
export type AnomalyQuery = z.output<typeof AnomalyQuery>;

const OutlierPlace = z.strictObject({
  windowAt: Instant,
  traceId: z.string().regex(/^[0-9a-f]{32}$/),
  reason: z.enum(OUTLIER_REASONS),
});

export const OutlierQuery = z
  .strictObject({
    from: Time.optional().describe('Only windows that start at or after this instant.'),
    to: Time.optional().describe('Only windows that start before this instant.'),
    service: ServiceName.optional().describe('Only traces that stand out in an operation of this service.'),
    limit: limit(200, 50),
    cursor: cursorOf(OutlierPlace).optional(),
  })
  .refine(inOrder, OUT_OF_ORDER);
export type OutlierQuery = z.output<typeof OutlierQuery>;

export const TracePath = z.object({
  traceId: z
    .string()
    .regex(/^([0-9a-fA-F]{32}|[0-9a-fA-F]{16})$/, 'must be 32 (or 16) hexadecimal digits')
    .refine((text) => !/^0+$/.test(text), 'must not be all zeros')
    .transform((text) => text.toLowerCase().padStart(32, '0'))
    .describe('32 hexadecimal digits; 16 are taken as the right half.'),
});
export type TracePath = z.output<typeof TracePath>;

/** One that is too long is no token of ours, and its page says so. */
export const SeePath = z.object({ token: z.string() });
export type SeePath = z.output<typeof SeePath>;

/** Which spans of a trace; so many at most, since each is decoded and sent whole. */
export const TracePageQuery = z.object({
  limit: limit(10_000, 10_000).describe('At most so many spans.'),
  offset: z.coerce.number().int().min(0).max(500_000).default(0).describe('Without the first so many.'),
});
export type TracePageQuery = z.output<typeof TracePageQuery>;

const DurationUs = z
  .string()
  .regex(/^\d{1,15}$/, 'must be a whole number of microseconds')
  .transform(Number);
const AttributeFilter = z
  .string()
  .max(4096)
  .regex(/^[^=]+=/, 'must be key=value')
  .transform((text) => {
    const equals = text.indexOf('=');
    return { key: text.slice(0, equals), value: text.slice(equals + 1) };
  });

/** The cursor keeps the period and the time of the first page, so that all pages are of one search. */
const TracePlace = z
  .strictObject({
    endUs: z.int().min(0),
    traceId: z.string().regex(/^([0-9a-f]{32})?$/),
    fromMs: z.int().min(-8.64e15),
    toMs: z.int().min(-8.64e15).max(8.64e15),
    asOfMs: z.int().min(0).max(8.64e15),
  })
  .refine(({ endUs, toMs }) => endUs <= toMs * 1_000);
export type TracePlace = z.infer<typeof TracePlace>;

export const TraceQuery = z
  .strictObject({
    service: ServiceName.optional().describe('Of the span. Without it all services are searched.'),
    operation: ServiceName.optional().describe('Name of the span.'),
    kind: z.enum(SPAN_KIND).optional().describe('Of the span.'),
    minDurationUs: DurationUs.optional().describe('Of the span, inclusive.'),
    maxDurationUs: DurationUs.optional().describe('Of the span, inclusive.'),
    status: z.literal('error').optional().describe('error: only spans that failed.'),
    attribute: z
      .union([AttributeFilter.transform((one) => [one]), z.array(AttributeFilter).max(10)])
      .default([])
      .describe(
        'key=value; may be repeated, and then all must hold. Values are compared as text, as JSON would write them. A key that ' +
          'begins with `resource.`, `scope.`, `event.` or `link.` is looked for there too, without that beginning.',
      ),
    from: Time.optional().describe(
      'Only spans that ended at or after this instant; else one hour before the watermark.',
    ),
    to: Time.optional().describe('Only spans that ended before this instant; else up to the newest.'),
    limit: limit(100, 20),
    cursor: cursorOf(TracePlace).optional().describe('Brings the period of its first page with it.'),
  })
  .refine(inOrder, OUT_OF_ORDER)
  .refine(({ minDurationUs = 0, maxDurationUs = Infinity }) => minDurationUs <= maxDurationUs, {
    path: ['maxDurationUs'],
    message: 'must not be less than minDurationUs',
  });
export type TraceQuery = z.output<typeof TraceQuery>;
