import { z } from 'zod';
import { cursorOf } from '../list-cursor.js';
import { invalidInput } from '../model/invalid-input.js';
import { RULE_SOURCES, RULE_TYPES, type RuleValues, type StoredRule } from '../model/rule.js';
import {
  AbsenceInput,
  AnomalyInput,
  BurnRateInput,
  StructuralInput,
  ThresholdInput,
  TraceMatchInput,
} from './types-contract.js';

const AnyRuleInput = z.discriminatedUnion('type', [
  AnomalyInput,
  ThresholdInput,
  BurnRateInput,
  TraceMatchInput,
  AbsenceInput,
  StructuralInput,
]);

/** A rule as people write it; without a type it is one about anomalies. */
export const RuleInput = AnyRuleInput.meta({ id: 'RuleInput' });
export type RuleInput = z.output<typeof RuleInput>;

/** A rule as it is shown: what was written, with what was left out filled in. */
export const RuleView = z
  .looseObject({
    id: z.guid(),
    type: z.string(),
    name: z.string(),
    enabled: z.boolean(),
    services: z.array(z.string()),
    source: z.enum(RULE_SOURCES).describe('file: it stands in TRACEHOUND_RULES_FILE, and can be changed there only.'),
    channelIds: z.array(z.guid()).nullable().describe('Null: every channel. Empty: all that it named were deleted.'),
  })
  .meta({ id: 'Rule', description: 'The fields of RuleInput of its type, and its id.' });
export type RuleView = z.output<typeof RuleView>;

export const RuleList = z
  .object({ rules: z.array(RuleView), nextCursor: z.string().nullable() })
  .meta({ id: 'RuleList' });
export type RuleList = z.infer<typeof RuleList>;

export const RulePath = z.strictObject({ id: z.guid().toLowerCase() });
export type RulePath = z.infer<typeof RulePath>;

const Place = z.strictObject({ createdAt: z.iso.datetime({ precision: 6 }), id: z.guid() });
export const RuleQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(500).default(500),
  cursor: cursorOf(Place).optional(),
  type: z.enum(RULE_TYPES).optional().describe('Only rules of this type.'),
  enabled: z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
    .optional()
    .describe('Only those that are (true), or are not (false), switched on.'),
});
export type RuleQuery = z.output<typeof RuleQuery>;

/** RFC 7396: what is null is removed, which here means that its default holds again. */
export const RulePatch = z
  .record(z.string(), z.unknown())
  .meta({ id: 'RulePatch', description: 'A JSON merge patch (RFC 7396) of RuleInput.' });
export type RulePatch = z.infer<typeof RulePatch>;

/** What people write, as values of a rule. */
export function ruleValues({ id: _id, source: _source, ...input }: RuleInput): RuleValues {
  return { ...input, type: input.type ?? 'anomaly' } as RuleValues;
}

/** Checks what is not known to be a rule. Throws Rejected that names the field. */
export function checkedRule(input: unknown): RuleValues {
  const parsed = RuleInput.safeParse(input);
  if (parsed.success) return ruleValues(parsed.data);
  throw invalidInput(parsed.error.issues);
}

export function ruleView({ tenantId: _tenantId, epoch: _epoch, ...shown }: StoredRule): RuleView {
  return shown;
}

/** JSON merge patch, RFC 7396. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const merged: Record<string, unknown> = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (key === '__proto__') continue;
    if (value === null) delete merged[key];
    else merged[key] = mergePatch(merged[key], value);
  }
  return merged;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
