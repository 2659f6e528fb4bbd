import { z } from 'zod';
import { SIGNALS } from '../model/anomaly.js';
import { durationMs, formatDuration, parseDuration } from '../model/duration.js';
import {
  ATTRIBUTE_OPERATORS,
  type BurnWindow,
  MEASURES,
  SENSITIVITIES,
  SPAN_KIND_NAMES,
  STRUCTURAL_CHANGES,
} from '../model/rule.js';
import { PLACE_KEYS, VERSION_KEYS } from '../model/version.js';
import { line } from '../text-line.js';
import { COMMON, duration, evaluation, globs, grouped, severity, stretch } from './parts-contract.js';

const amount = z.number().min(0).max(1e12);

type Attributes = { attributes: { key: string }[] };
function onlyKnownAttributes({ attributes }: Attributes, context: z.core.$RefinementCtx): void {
  attributes.forEach(({ key }, i) => {
    if (PLACE_KEYS.includes(key) || VERSION_KEYS.includes(key)) return;
    const message = 'is not noted of services; a rule of type trace_match can look at any attribute';
    context.addIssue({ code: 'custom', path: ['attributes', i, 'key'], message });
  });
}

export const AnomalyInput = z
  .strictObject({
    type: z.literal('anomaly').optional(),
    ...COMMON,
    ...evaluation('10s', '2m'),
    services: z
      .array(line(200))
      .min(1)
      .max(100)
      .describe('Globs (`*`, `?`) on the services that an incident blames or affects; one that matches is enough.'),
    minSeverity: severity.default('warning'),
    signals: z.array(z.enum(SIGNALS)).min(1).max(SIGNALS.length).nullable().default(null).describe('Null: all.'),
    sensitivity: z
      .enum(SENSITIVITIES)
      .default('medium')
      .describe(
        'low: only what is far beyond chance. medium: every incident. high: also series that no incident was opened for.',
      ),
    budgetPerWeek: z
      .number()
      .positive()
      .max(1_000)
      .nullable()
      .default(null)
      .describe('At most so many alerts a week: only the strongest.'),
    minVolume: z.int().min(0).max(1e9).default(0),
    effect: z
      .strictObject({ minAbsolute: amount.nullable().default(null), minRelative: amount.nullable().default(null) })
      .nullable()
      .default(null)
      .describe('How far it must be from normal: in the unit of what is observed, and as a share of what is expected.'),
  })
  .superRefine(onlyKnownAttributes)
  .meta({ id: 'AnomalyRuleInput' });

export const ThresholdInput = z
  .strictObject({
    type: z.literal('threshold'),
    ...COMMON,
    ...grouped(),
    measure: z.enum(MEASURES),
    window: stretch('10s', '7d').default('5m'),
    above: z.number().min(0).nullable().default(null).describe('Latency in milliseconds, rate a second, else 0 to 1.'),
    below: z.number().min(0).nullable().default(null),
    recoverAt: z.number().min(0).nullable().default(null).describe('While it fires it goes on until this is reached.'),
    apdexT: duration('1ms', '1h').nullable().default(null),
    minVolume: z.int().min(0).max(1e9).default(1).describe('Spans in the window.'),
    effect: z
      .strictObject({
        reference: stretch('1m', '7d').default('1h'),
        minAbsolute: amount.nullable().default(null),
        minRelative: amount.nullable().default(null),
      })
      .nullable()
      .default(null)
      .describe('How far it must be from the same measure over the time before the window.'),
  })
  .superRefine(onlyKnownAttributes)
  .superRefine(({ above, below, recoverAt, measure, apdexT }, context) => {
    const issue = (field: string, message: string) => context.addIssue({ code: 'custom', path: [field], message });
    if ((above === null) === (below === null)) issue('above', 'give either above or below');
    const limit = above ?? below;
    if (limit === null) return;
    if (recoverAt !== null && (above === null ? recoverAt < limit : recoverAt > limit)) {
      issue('recoverAt', above === null ? 'must not be less than below' : 'must not be more than above');
    }
    if ((measure === 'apdex' || measure === 'error_rate') && limit > 1) {
      issue(above === null ? 'below' : 'above', `must be from 0 to 1 for ${measure}`);
    }
    if (measure === 'apdex' && apdexT === null)
      issue('apdexT', 'says which duration satisfies: it is needed for apdex');
    if (measure !== 'apdex' && apdexT !== null) issue('apdexT', 'is for apdex only');
  })
  .meta({ id: 'ThresholdRuleInput' });

/** The table of the SRE workbook: shares of the budget that may be used up in an hour, six hours and three days. */
const BUDGET_TABLE = [
  { long: '1h', share: 0.02, severity: 'critical' },
  { long: '6h', share: 0.05, severity: 'critical' },
  { long: '3d', share: 0.1, severity: 'warning' },
] as const;

/**
 * Its rows for a period: burn rate = share x period / window; the short window is a twelfth of the long one. Rows that cannot be reached when everything
 * fails, since so little is promised, are left out.
 */
export function burnWindows(period: string, objective: number): BurnWindow[] {
  const periodMs = durationMs(period);
  const rows = BUDGET_TABLE.filter(({ long }) => durationMs(long) < periodMs).map(({ long, share, severity: how }) => ({
    long,
    short: formatDuration(durationMs(long) / 12),
    burnRate: Number(((share * periodMs) / durationMs(long)).toPrecision(6)),
    severity: how,
  }));
  return rows.filter(({ burnRate }) => burnRate < mostBurn(objective));
}

/** What everything failing burns. */
function mostBurn(objective: number): number {
  return 1 / (1 - objective);
}

export const BurnRateInput = z
  .strictObject({
    type: z.literal('burn_rate'),
    ...COMMON,
    ...grouped('1m'),
    objective: z.number().gt(0).lt(1).describe('Share of good events that is promised, such as 0.999.'),
    period: duration('1d', '366d').default('30d'),
    latency: duration('1ms', '1h').nullable().default(null).describe('An event that takes longer is bad too.'),
    windows: z
      .array(
        z.strictObject({
          long: stretch('1m', '7d'),
          short: stretch('10s', '1d'),
          burnRate: z.number().positive().max(1e6),
          severity: severity.default('critical'),
        }),
      )
      .min(1)
      .max(10)
      .optional()
      .describe(
        'It fires when long and short window of one row burn faster. Left out: the table of the SRE workbook, for the period.',
      ),
    minEvents: z.int().min(1).max(1e9).default(100).describe('In the long window.'),
  })
  .superRefine(onlyKnownAttributes)
  .superRefine(({ windows, period, objective }, context) => {
    if (windows !== undefined || (parseDuration(period) ?? 0) < parseDuration('1d')!) return;
    if (burnWindows(period, objective).length > 0) return;
    const message = `promises too little for the usual table of so long a period: everything failing burns ${mostBurn(objective).toPrecision(4)}; give windows`;
    context.addIssue({ code: 'custom', path: ['objective'], message });
  })
  .superRefine(({ windows = [], objective }, context) => {
    windows.forEach(({ long, short, burnRate }, i) => {
      const issue = (field: string, message: string) =>
        context.addIssue({ code: 'custom', path: ['windows', i, field], message });
      // What is no duration has been named already.
      if ((parseDuration(short) ?? 0) >= (parseDuration(long) ?? Infinity)) issue('short', 'must be shorter than long');
      const most = mostBurn(objective);
      if (burnRate >= most) issue('burnRate', `can never be reached: everything failing burns ${most.toPrecision(4)}`);
    });
  })
  .transform((input) => ({ ...input, windows: input.windows ?? burnWindows(input.period, input.objective) }))
  .meta({ id: 'BurnRateRuleInput' });

const AttributeFilterInput = z
  .strictObject({
    key: line(200),
    operator: z.enum(ATTRIBUTE_OPERATORS).default('equals'),
    value: z
      .union([z.string().max(1_000), z.number(), z.boolean()])
      .nullable()
      .default(null),
  })
  .superRefine(({ operator, value }, context) => {
    const issue = (message: string) => context.addIssue({ code: 'custom', path: ['value'], message });
    if ((operator === 'exists' || operator === 'missing') !== (value === null)) {
      issue(value === null ? `is needed for ${operator}` : `is not used by ${operator}`);
    } else if ((operator === 'above' || operator === 'below') && typeof value !== 'number') issue('must be a number');
    else if (operator === 'glob' && typeof value !== 'string') issue('must be a glob');
  });

const SpanFilterInput = z.strictObject({
  services: globs(),
  operations: globs(),
  kinds: z.array(z.enum(SPAN_KIND_NAMES)).max(5).default([]),
  status: z.enum(['error', 'ok']).nullable().default(null),
  minDuration: duration('1ms', '7d').nullable().default(null),
  maxDuration: duration('1ms', '7d').nullable().default(null),
  attributes: z.array(AttributeFilterInput).max(20).default([]),
  minCount: z.int().min(1).max(10_000).default(1),
  maxCount: z.int().min(1).max(10_000).nullable().default(null),
  relation: z
    .strictObject({ is: z.enum(['descendant_of', 'ancestor_of', 'child_of']), filter: z.int().min(0).max(9) })
    .nullable()
    .default(null)
    .describe('To a span that matches an earlier filter, by its place from 0.'),
});

export const TraceMatchInput = z
  .strictObject({
    type: z.literal('trace_match'),
    ...COMMON,
    ...grouped('10s', '2m'),
    where: z.array(SpanFilterInput).min(1).max(10).describe('All of them must find spans in one trace.'),
    minTraceDuration: duration('1ms', '7d').nullable().default(null),
    window: stretch('10s', '1h').default('1m'),
    minTraces: z.int().min(1).max(1e6).default(1),
  })
  .superRefine(({ where }, context) => {
    where.forEach(({ relation, minCount, maxCount }, i) => {
      const issue = (path: (string | number)[], message: string) =>
        context.addIssue({ code: 'custom', path: ['where', i, ...path], message });
      if (relation !== null && relation.filter >= i) issue(['relation', 'filter'], 'must name an earlier filter');
      if (maxCount !== null && maxCount < minCount) issue(['maxCount'], 'must not be less than minCount');
    });
  })
  .meta({ id: 'TraceMatchRuleInput' });

export const AbsenceInput = z
  .strictObject({
    type: z.literal('absence'),
    ...COMMON,
    ...grouped(),
    window: stretch('10s', '7d').default('10m'),
    minCount: z.int().min(1).max(1e9).default(1),
    expectedWithin: stretch('1m', '30d').default('1d'),
  })
  .superRefine(onlyKnownAttributes)
  .meta({ id: 'AbsenceRuleInput' });

export const StructuralInput = z
  .strictObject({
    type: z.literal('structural'),
    ...COMMON,
    ...grouped('1m', '5m'),
    change: z.enum(STRUCTURAL_CHANGES),
    window: stretch('10s', '1h').default('5m'),
    reference: stretch('10m', '7d').default('6h'),
    minVolume: z.int().min(1).max(1e9).default(20).describe('Sampled spans of the caller in the window.'),
    minRatio: z.number().min(1).max(1e6).default(10).describe('For repeated_call: calls a span of the caller.'),
    calleeServices: globs(),
  })
  .superRefine(onlyKnownAttributes)
  .meta({ id: 'StructuralRuleInput' });
