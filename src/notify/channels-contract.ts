import { z } from 'zod';
import { CHANNEL_TYPES } from '../model/channel.js';
import { line } from '../text-line.js';
import { templateProblem } from './body-template.js';

const Name = line(100);
const ReceiverUrl = z
  .string()
  .max(2_000)
  .describe('https:// (or http://), without user name; a private address only where OUTBOUND_ALLOW lets it.');
/** What stands in a header or a protocol field: no blanks, nothing that could end the line. */
const Secret = z
  .string()
  .min(1)
  .max(500)
  .regex(/^[\x21-\x7e]*$/, 'must consist of visible ASCII characters')
  .describe('Never shown again.');

/** Ours, or the transport's. */
const RESERVED_HEADER =
  /^(host|content-length|content-type|transfer-encoding|connection|upgrade|te|trailer|expect|webhook-.*)$/i;
const Headers = z
  .record(
    z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/, 'must be the name of a header'),
    z
      .string()
      .max(2_000)
      .regex(/^[\x20-\x7e]*$/, 'must consist of printable ASCII characters'),
  )
  .refine((headers) => Object.keys(headers).length <= 20, 'must be at most 20')
  .refine(
    (headers) => !Object.keys(headers).some((name) => RESERVED_HEADER.test(name)),
    'must not name a header that the request has anyway',
  )
  .describe('Sent with each request; values are never shown again.');
const Template = z
  .string()
  .max(10_000)
  .superRefine((text, context) => {
    const problem = templateProblem(text);
    if (problem !== null) context.addIssue({ code: 'custom', message: problem });
  })
  .nullable()
  .describe(
    'JSON with placeholders such as {{title}} in its strings, sent instead of the usual body. Null: the usual body.',
  );

const Address = z.email().max(254);
const Host = z
  .string()
  .max(253)
  .regex(/^[A-Za-z0-9.:_-]+$/, 'must be a host name or an address');
const SECURITY = ['starttls', 'implicit', 'none'] as const;
const EMAIL = {
  host: Host,
  port: z.int().min(1).max(65_535),
  security: z
    .enum(SECURITY)
    .describe('starttls: refuses to go on in clear. implicit: TLS from the first byte. none: in clear.'),
  user: line(254).nullable(),
  password: z.string().max(500).nullable().describe('Never shown again.'),
  from: Address,
  to: z.array(Address).min(1).max(20),
};

const common = { name: Name, enabled: z.boolean().default(true) };
const input = <T extends string, S extends z.ZodRawShape>(type: T, fields: S) =>
  z.strictObject({ ...common, type: z.literal(type), ...fields });

export const ChannelInput = z
  .discriminatedUnion('type', [
    input('webhook', { url: ReceiverUrl, headers: Headers.default({}), template: Template.default(null) }),
    input('slack', { url: ReceiverUrl }),
    input('slack_bot', {
      token: Secret,
      channel: line(100).describe('Id of the channel, such as C0123456789, or its name.'),
      url: ReceiverUrl.default('https://slack.com/api'),
    }),
    input('pagerduty', {
      routingKey: Secret.describe('Integration key of an Events API v2 integration; never shown again.'),
      url: ReceiverUrl.default('https://events.pagerduty.com/v2/enqueue'),
    }),
    input('teams', { url: ReceiverUrl }),
    input('discord', { url: ReceiverUrl }),
    input('google_chat', { url: ReceiverUrl }),
    input('opsgenie', { apiKey: Secret, url: ReceiverUrl.default('https://api.opsgenie.com') }),
    input('email', {
      ...EMAIL,
      port: EMAIL.port.default(587),
      security: EMAIL.security.default('starttls'),
      user: EMAIL.user.default(null),
      password: EMAIL.password.default(null),
    }),
    input('alertmanager', {
      url: ReceiverUrl.describe('Where Alertmanager is, without /api/v2/alerts.'),
      headers: Headers.default({}),
    }),
    input('alertmanager_webhook', { url: ReceiverUrl, headers: Headers.default({}) }),
  ])
  .meta({ id: 'ChannelInput' });
export type ChannelInput = z.infer<typeof ChannelInput>;

export const ChannelChange = z
  .strictObject({
    name: Name.optional(),
    type: z.enum(CHANNEL_TYPES).optional().describe('Cannot be changed.'),
    url: ReceiverUrl.optional(),
    enabled: z.boolean().optional().describe('True also clears `disabledReason`, and lets it be tried at once.'),
    rotateSecret: z
      .boolean()
      .optional()
      .describe('True makes a new signing secret; for 24 h messages are signed with the old one too.'),
    headers: Headers.optional(),
    template: Template.optional(),
    token: Secret.optional(),
    channel: line(100).optional(),
    routingKey: Secret.optional(),
    apiKey: Secret.optional(),
    host: EMAIL.host.optional(),
    port: EMAIL.port.optional(),
    security: EMAIL.security.optional(),
    user: EMAIL.user.optional(),
    password: EMAIL.password.optional(),
    from: EMAIL.from.optional(),
    to: EMAIL.to.optional(),
  })
  .describe('What is left out stays as it is; a field that the type of the channel does not have is refused.')
  .meta({ id: 'ChannelChange' });
export type ChannelChange = z.infer<typeof ChannelChange>;

const Health = z
  .object({
    circuit: z
      .enum(['closed', 'open', 'half_open'])
      .describe('closed: messages go out. open: none does until `retryAt`. half_open: one may try.'),
    retryAt: z.iso.datetime().nullable().describe('Nothing is sent before.'),
    failuresInRow: z.int(),
    failingSince: z.iso.datetime().nullable(),
    lastSuccessAt: z.iso.datetime().nullable(),
    lastFailureAt: z.iso.datetime().nullable(),
    lastError: z.string().nullable(),
  })
  .meta({ id: 'ChannelHealth' });

export const ChannelView = z
  .object({
    id: z.guid(),
    name: z.string(),
    type: z.enum(CHANNEL_TYPES),
    enabled: z.boolean(),
    url: z.string().describe('Scheme and host; the rest is secret and never shown again.'),
    settings: z.record(z.string(), z.unknown()).describe('What is not secret of what was set; of headers the names.'),
    health: Health,
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
    status: z
      .int()
      .nullable()
      .describe('HTTP status of the receiver (of a mail server: its reply code); null when no answer came.'),
    reason: z.string(),
    tookMs: z.int(),
  })
  .meta({ id: 'ChannelTest' });
export type ChannelTest = z.infer<typeof ChannelTest>;

export const ChannelPath = z.strictObject({ id: z.guid().toLowerCase() });
export type ChannelPath = z.infer<typeof ChannelPath>;
