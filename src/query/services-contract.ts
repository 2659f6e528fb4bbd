import { z } from 'zod';
import { SPAN_KIND } from '../model/span.js';
import { WAIT_REASONS } from '../model/waits.js';
import { Time } from './terms-contract.js';

/** What is running, and what is normal for it. */

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
export type ServiceView = z.infer<typeof ServiceView>;

const Period = z
  .object({ from: Time, to: Time })
  .nullable()
  .describe('Event time that the figures cover; null before the first measured window.');

export const ServiceList = z.object({ period: Period, services: z.array(ServiceView) }).meta({ id: 'ServiceList' });
export type ServiceList = z.infer<typeof ServiceList>;

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
    lateShare: z
      .number()
      .nullable()
      .describe(
        'Share of its spans, in the last five minutes of the period, that came after their window had been measured first. From a half on it is ' +
          'judged a minute later than others; what comes more than a minute late is measured and not judged. Let its exporter send more often.',
      ),
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
export type OperationView = z.infer<typeof OperationView>;

export const OperationList = z
  .object({
    period: Period,
    operations: z.array(OperationView).describe('Busiest first.'),
    total: z.int().describe('Operations that match; more than are listed when `limit` was reached.'),
  })
  .meta({ id: 'OperationList' });
export type OperationList = z.infer<typeof OperationList>;

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
export type RedView = z.infer<typeof RedView>;
