import { z } from 'zod';

const STATES = ['pending', 'sent', 'failed', 'digested'] as const;

export const NotificationView = z
  .object({
    id: z.guid().describe('The same in every attempt; a webhook has it as webhook-id.'),
    type: z.string(),
    title: z.string().nullable(),
    incidentId: z.guid().nullable(),
    groupKey: z.string().nullable(),
    channelId: z.guid(),
    channelName: z.string().nullable().describe('Null once the channel is deleted.'),
    state: z
      .enum(STATES)
      .describe(
        'failed: a dead letter, kept until its incident goes. digested: told in the message `digestId`, with others.',
      ),
    createdAt: z.iso.datetime(),
    nextAttemptAt: z.iso.datetime().nullable(),
    sentAt: z.iso.datetime().nullable(),
    lastError: z.string().nullable(),
    digestId: z.guid().nullable(),
    attempts: z.array(
      z.object({
        attempt: z.int(),
        at: z.iso.datetime(),
        status: z.int().nullable(),
        outcome: z.enum(['sent', 'retry', 'failed']),
        reason: z.string(),
        tookMs: z.int(),
      }),
    ),
  })
  .meta({ id: 'Notification' });
export type NotificationView = z.infer<typeof NotificationView>;

export const NotificationList = z
  .object({ notifications: z.array(NotificationView), nextCursor: z.string().nullable() })
  .meta({ id: 'NotificationList' });
export type NotificationList = z.infer<typeof NotificationList>;

export const Replayed = z.object({ replayed: z.int() }).meta({ id: 'Replayed' });
export type Replayed = z.infer<typeof Replayed>;

export const NotificationPath = z.strictObject({ id: z.guid().toLowerCase() });
export type NotificationPath = z.infer<typeof NotificationPath>;

const PLACE = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z),([0-9a-f-]{36})$/;

export const NotificationQuery = z.strictObject({
  state: z.enum(STATES).optional(),
  channelId: z.guid().toLowerCase().optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z
    .string()
    .max(200)
    .transform((text, context) => {
      const [, createdAt, id] = PLACE.exec(text) ?? [];
      if (createdAt !== undefined && id !== undefined && z.guid().safeParse(id).success && isTime(createdAt))
        return { createdAt, id };
      context.addIssue({
        code: 'custom',
        message: 'is not a cursor of this list; use the nextCursor of its last answer',
      });
      return z.NEVER;
    })
    .optional(),
});
export type NotificationQuery = z.output<typeof NotificationQuery>;

function isTime(text: string): boolean {
  return Number.isFinite(Date.parse(text));
}

export function cursorOf({ place, id }: { place: string; id: string }): string {
  return `${place},${id}`;
}
