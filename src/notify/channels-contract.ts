import { z } from 'zod';
import { CHANNEL_TYPES } from '../model/channel.js';

const Name = z
  .string()
  .trim()
  .min(1)
  .max(100)
  .regex(/^\P{Cc}*$/u, 'must not contain control characters');
const ReceiverUrl = z
  .string()
  .max(2_000)
  .describe('https:// (or http://), without user name; a private address only where OUTBOUND_ALLOW lets it.');

export const ChannelInput = z
  .strictObject({
    name: Name,
    type: z.enum(CHANNEL_TYPES),
    url: ReceiverUrl,
    enabled: z.boolean().default(true),
  })
  .meta({ id: 'ChannelInput' });
export type ChannelInput = z.infer<typeof ChannelInput>;

export const ChannelChange = z
  .strictObject({
    name: Name.optional(),
    type: z.enum(CHANNEL_TYPES).optional().describe('Cannot be changed.'),
    url: ReceiverUrl.optional(),
    enabled: z.boolean().optional().describe('True also clears `disabledReason`.'),
    rotateSecret: z
      .boolean()
      .optional()
      .describe('True makes a new signing secret; for 24 h messages are signed with the old one too.'),
  })
  .meta({ id: 'ChannelChange' });
export type ChannelChange = z.infer<typeof ChannelChange>;

export const ChannelView = z
  .object({
    id: z.guid(),
    name: z.string(),
    type: z.enum(CHANNEL_TYPES),
    enabled: z.boolean(),
    url: z.string().describe('Scheme and host; the rest is secret and never shown again.'),
    disabledReason: z.string().nullable().describe('Why Tracehound switched it off.'),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
    signingSecret: z
      .string()
      .optional()
      .describe('Webhooks only, and only in the answer that made it: the key of the Standard Webhooks signature.'),
  })
  .meta({ id: 'Channel' });
export type ChannelView = z.infer<typeof ChannelView>;

export const ChannelList = z.object({ channels: z.array(ChannelView) }).meta({ id: 'ChannelList' });
export type ChannelList = z.infer<typeof ChannelList>;

export const ChannelTest = z
  .object({
    outcome: z
      .enum(['sent', 'retry', 'failed', 'gone'])
      .describe('retry: an incident would be tried again. failed: not. gone: the channel would be disabled.'),
    status: z.int().nullable().describe('HTTP status of the receiver; null when no answer came.'),
    reason: z.string(),
    tookMs: z.int(),
  })
  .meta({ id: 'ChannelTest' });
export type ChannelTest = z.infer<typeof ChannelTest>;

export const ChannelPath = z.strictObject({ id: z.guid() });
export type ChannelPath = z.infer<typeof ChannelPath>;
