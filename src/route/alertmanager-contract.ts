import { z } from 'zod';
import type { Alert } from '../model/alert.js';
import type { Matcher, Silence } from '../model/routing.js';
import { fingerprint } from './fingerprint.js';
import { checkedMatcher, MatcherError } from './parse-matcher.js';
import { MATCHES_ALL, matchesNotAll } from './silence-check.js';
import { silenceState } from './suppress.js';

const LabelSet = z
  .record(z.string().min(1).max(1_000), z.string().max(10_000))
  .refine((labels) => Object.keys(labels).length <= 200, 'has more than 200 labels');
const Time = z.iso.datetime({ offset: true });

/** What Alertmanager takes at `POST /api/v2/alerts`. */
export const PostedAlerts = z
  .array(
    z.object({
      labels: LabelSet.refine(
        (labels) => Object.values(labels).some((value) => value !== ''),
        'an alert needs a label',
      ),
      annotations: LabelSet.default({}),
      startsAt: Time.optional(),
      endsAt: Time.optional(),
      generatorURL: z.string().max(10_000).optional(),
    }),
  )
  .max(20_000);
export type PostedAlerts = z.infer<typeof PostedAlerts>;

/** What it takes at `POST /api/v2/silences`. */
export const PostedSilence = z.object({
  id: z.string().optional(),
  matchers: z
    .array(z.object({ name: z.string(), value: z.string(), isRegex: z.boolean(), isEqual: z.boolean().default(true) }))
    .min(1)
    .max(50)
    .transform((matchers, context) =>
      matchers.map(({ name, value, isRegex, isEqual }): Matcher => {
        try {
          return checkedMatcher({ name, value, operator: isRegex ? (isEqual ? '=~' : '!~') : isEqual ? '=' : '!=' });
        } catch (error) {
          context.addIssue({
            code: 'custom',
            message: error instanceof MatcherError ? error.message : 'is no matcher',
          });
          return z.NEVER;
        }
      }),
    )
    .refine(matchesNotAll, MATCHES_ALL),
  startsAt: Time,
  endsAt: Time,
  createdBy: z.string().max(200),
  comment: z.string().max(2_000),
});
export type PostedSilence = z.infer<typeof PostedSilence>;

const Flag = z
  .enum(['true', 'false'])
  .default('true')
  .transform((text) => text === 'true');
const Filters = z
  .union([z.string(), z.array(z.string())])
  .default([])
  .transform((given) => (typeof given === 'string' ? [given] : given));
export const AlertQuery = z.object({
  active: Flag,
  silenced: Flag,
  inhibited: Flag,
  muted: Flag,
  unprocessed: Flag,
  filter: Filters,
  receiver: z.string().max(2_000).optional(),
});
export type AlertQuery = z.infer<typeof AlertQuery>;
export const FilterQuery = z.object({ filter: Filters });
export type FilterQuery = z.infer<typeof FilterQuery>;
export const SilencePath = z.object({ id: z.guid() });
export type SilencePath = z.infer<typeof SilencePath>;

/** Labels with an empty value are as good as missing. */
export function withoutEmpty(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== ''));
}

/** A `gettableAlert`. */
export function alertmanagerAlert(
  alert: Alert & { updatedAtMs: number; isRouted: boolean },
  receivers: readonly string[],
  by: { silencedBy: string[]; inhibitedBy: string[] },
) {
  const isHeld = by.silencedBy.length + by.inhibitedBy.length > 0;
  return {
    annotations: alert.annotations,
    endsAt: iso(alert.endsAtMs ?? alert.updatedAtMs + 300_000),
    fingerprint: fingerprint(alert.labels),
    receivers: receivers.map((name) => ({ name })),
    startsAt: iso(alert.ruleId === null ? alert.activeAtMs : (alert.firedAtMs ?? alert.activeAtMs)),
    status: { ...by, mutedBy: [], state: isHeld ? 'suppressed' : alert.isRouted ? 'active' : 'unprocessed' },
    updatedAt: iso(alert.updatedAtMs),
    generatorURL: alert.generatorUrl ?? '',
    labels: alert.labels,
  };
}

/** A `gettableSilence`. */
export function alertmanagerSilence(silence: Silence, nowMs: number) {
  return {
    id: silence.id,
    status: { state: silenceState(silence, nowMs) },
    updatedAt: iso(silence.updatedAtMs),
    comment: silence.comment,
    createdBy: silence.createdBy,
    endsAt: iso(silence.endsAtMs),
    matchers: silence.matchers.map(({ name, value, operator }) => ({
      isEqual: operator === '=' || operator === '=~',
      isRegex: operator === '=~' || operator === '!~',
      name,
      value,
    })),
    startsAt: iso(silence.startsAtMs),
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
