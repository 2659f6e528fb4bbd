import { z } from 'zod';
import { Time } from './terms-contract.js';

/** How the service itself is doing, and its errors. */

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
export type PipelineView = z.infer<typeof PipelineView>;

export const HealthView = z
  .object({
    status: z.enum(['ok', 'unavailable']),
    checks: z.object({ database: z.enum(['ok', 'unavailable']), queue: z.enum(['ok', 'unavailable']) }),
  })
  .meta({ id: 'Health' });
export type HealthView = z.infer<typeof HealthView>;

export const ErrorView = z
  .object({
    error: z.object({
      code: z.string(),
      message: z.string(),
      field: z.string().optional().describe('The input at fault, where there is one.'),
    }),
  })
  .meta({ id: 'Error' });
