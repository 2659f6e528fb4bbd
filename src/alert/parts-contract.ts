import { z } from 'zod';
import { parseDuration } from '../model/duration.js';
import { SEVERITIES } from '../model/incident.js';
import { GROUP_LABELS, NO_DATA_POLICIES, RULE_SOURCES, SPAN_KIND_NAMES, WEEKDAYS } from '../model/rule.js';
import { PLACE_KEYS, VERSION_KEYS } from '../model/version.js';
import { WINDOW_MS } from '../model/window.js';
import { line } from '../text-line.js';
import { unknownName } from './template.js';

/** A duration between two lengths, both included. */
export const duration = (least: string, most: string) =>
  z
    .string()
    .max(40)
    .refine((text) => parseDuration(text) !== null, 'must be a duration such as 30s, 5m, 1h30m or 3d')
    .refine((text) => {
      const ms = parseDuration(text);
      return ms === null || (ms >= parseDuration(least)! && ms <= parseDuration(most)!);
    }, `must be between ${least} and ${most}`);

/** A stretch of measured time: whole windows. */
export const stretch = (least: string, most: string) =>
  duration(least, most).refine(
    (text) => (parseDuration(text) ?? 0) % WINDOW_MS === 0,
    'must be a multiple of 10s, the length of a window',
  );

export const globs = (most = 100) =>
  z.array(line(200)).max(most).default([]).describe('Globs (`*`, `?`); one that matches is enough. Empty: all.');

const template = (most: number) =>
  z
    .string()
    .max(most)
    .refine((text) => !text.includes('\0'), 'must not contain a NUL character')
    .superRefine((text, context) => {
      const name = unknownName(text);
      if (name === null) return;
      const known = '`labels.<name>`, `value`, `limit`, `n`, `since` and `rule.name`';
      context.addIssue({ code: 'custom', message: `does not know {{ ${name} }}; there are ${known}` });
    });

const RESERVED_LABELS = ['alertname', 'severity', 'incident', 'service', 'operation', 'kind'];
const atMost = (most: number) => (texts: Record<string, string>) => Object.keys(texts).length <= most;

const labels = z
  .record(
    z
      .string()
      .max(100)
      .regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, 'must be letters, digits and _, and not begin with a digit')
      .refine((name) => !RESERVED_LABELS.includes(name), 'is set by Tracehound'),
    template(200),
  )
  .refine(atMost(20), 'must not have more than 20 entries')
  .default({});

const annotations = z
  .record(line(100), template(2_000))
  .refine(atMost(20), 'must not have more than 20 entries')
  .default({})
  .describe(
    'Texts with `{{ labels.service }}`, `{{ value }}`, `{{ limit }}`, `{{ n }}`, `{{ since }}`, `{{ rule.name }}`.',
  );

const timeOfDay = z.string().regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/, 'must be a time such as 08:30');
const activeHours = z
  .strictObject({
    timeZone: z.string().max(60).refine(isTimeZone, 'must be an IANA time zone such as Europe/Berlin'),
    ranges: z
      .array(
        z.strictObject({
          days: z.array(z.enum(WEEKDAYS)).min(1).max(7),
          from: timeOfDay.default('00:00'),
          to: timeOfDay.or(z.literal('24:00')).default('24:00'),
        }),
      )
      .min(1)
      .max(20),
  })
  .nullable()
  .default(null)
  .describe('Outside of these hours nothing holds. A range whose end is before its begin goes over midnight.');

export const severity = z.enum(SEVERITIES);

/** What every rule has, but for its type. */
export const COMMON = {
  name: line(100),
  id: z.guid().optional().describe('As it is shown; not to be changed, and ignored.'),
  source: z.enum(RULE_SOURCES).optional().describe('As it is shown; not to be changed, and ignored.'),
  enabled: z.boolean().default(true),
  operations: globs(),
  kinds: z.array(z.enum(SPAN_KIND_NAMES)).max(5).default([]).describe('Empty: all.'),
  namespaces: globs(),
  environments: globs(),
  attributes: z
    .array(z.strictObject({ key: line(200), values: z.array(line(200)).min(1).max(100) }))
    .max(20)
    .default([])
    .describe(`Of the resource of a service, as last seen: ${[...PLACE_KEYS, ...VERSION_KEYS].join(', ')}.`),
  channelIds: z
    .array(z.guid())
    .max(100)
    .nullable()
    .default(null)
    .describe('Null: every channel, also those added later. Empty, as when all of them were deleted: nobody is told.'),
  labels,
  annotations,
  runbookUrl: z
    .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
    .max(2_000)
    .nullable()
    .default(null),
  activeHours,
};

export const services = globs().describe('Globs (`*`, `?`) on service names; one that matches is enough. Empty: all.');

/** How a condition becomes an alert. */
export const evaluation = (every: string, keepFiringFor: string) => ({
  every: stretch('10s', '1h').default(every),
  for: duration('0s', '7d').default('0s').describe('How long it must hold before it fires.'),
  keepFiringFor: duration('0s', '7d').default(keepFiringFor).describe('How long it must be clear before it is over.'),
  nOfM: z
    .strictObject({ n: z.int().min(1).max(60), m: z.int().min(1).max(60) })
    .refine(({ n, m }) => n <= m, { path: ['n'], message: 'must not be more than m' })
    .nullable()
    .default(null),
  noData: z.enum(NO_DATA_POLICIES).default('keep'),
});

export const grouped = (every = '10s', keepFiringFor = '0s') => ({
  ...evaluation(every, keepFiringFor),
  services,
  severity: severity.default('warning'),
  groupBy: z
    .array(z.enum(GROUP_LABELS))
    .max(3)
    .default(['service', 'operation'])
    .describe('One alert for each set of these labels; empty: one for all.'),
});

function isTimeZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
