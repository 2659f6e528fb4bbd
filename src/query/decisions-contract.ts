import { z } from 'zod';
import { Time } from './terms-contract.js';

/** Who was told of an incident, why or why not, and how it was sent. */

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
export type DecisionView = z.infer<typeof DecisionView>;

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
export type DeliveryView = z.infer<typeof DeliveryView>;
