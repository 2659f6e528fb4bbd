import { z } from 'zod';
import { SEVERITIES } from '../model/incident.js';
import type { Rule } from '../model/rule.js';

/** Text that people give to things: one line, nothing that PostgreSQL cannot hold. */
const line = (most: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(most)
    .regex(/^\P{Cc}*$/u, 'must not contain control characters');

export const RuleInput = z
  .strictObject({
    name: line(100),
    enabled: z.boolean().default(true),
    services: z
      .array(line(200))
      .min(1)
      .max(100)
      .describe('Globs (`*`, `?`) on the services that an incident blames or affects; one that matches is enough.'),
    minSeverity: z.enum(SEVERITIES).default('warning'),
    channelIds: z
      .array(z.guid())
      .min(1)
      .max(100)
      .nullable()
      .default(null)
      .describe('Null: every channel, also those added later.'),
  })
  .meta({ id: 'RuleInput' });
export type RuleInput = z.infer<typeof RuleInput>;

export const RuleView = z
  .object({
    id: z.guid(),
    name: z.string(),
    enabled: z.boolean(),
    services: z.array(z.string()),
    minSeverity: z.enum(SEVERITIES),
    channelIds: z.array(z.guid()).nullable().describe('Null: every channel. Empty: all that it named were deleted.'),
  })
  .meta({ id: 'Rule' });
export type RuleView = z.infer<typeof RuleView>;

export const RuleList = z.object({ rules: z.array(RuleView) }).meta({ id: 'RuleList' });
export type RuleList = z.infer<typeof RuleList>;

export const RulePath = z.strictObject({ id: z.guid() });
export type RulePath = z.infer<typeof RulePath>;

export function ruleView({ id, name, enabled, services, minSeverity, channelIds }: Rule): RuleView {
  return { id, name, enabled, services, minSeverity, channelIds };
}
