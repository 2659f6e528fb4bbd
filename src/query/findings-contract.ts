import { z } from 'zod';
import { CALL_PATTERNS, SIGNALS } from '../model/anomaly.js';
import { OUTLIER_REASONS } from '../model/outlier.js';
import { SPAN_KIND } from '../model/span.js';
import { NextCursor, Time, TraceId, Unit } from './terms-contract.js';

/** What was found to deviate. */

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
export type AnomalyView = z.infer<typeof AnomalyView>;

export const AnomalyList = z
  .object({ anomalies: z.array(AnomalyView), nextCursor: NextCursor })
  .meta({ id: 'AnomalyList' });
export type AnomalyList = z.infer<typeof AnomalyList>;

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
export type OutlierView = z.infer<typeof OutlierView>;

export const OutlierList = z
  .object({ outliers: z.array(OutlierView), nextCursor: NextCursor })
  .meta({ id: 'OutlierList' });
export type OutlierList = z.infer<typeof OutlierList>;
