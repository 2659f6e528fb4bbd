import { z } from 'zod';
import { SPAN_KIND_NAMES } from '../model/rule.js';
import { parseSeries } from './series-notation.js';
import { duration, stretch } from './parts-contract.js';

const series = z.string().superRefine((text, context) => {
  try {
    parseSeries(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
  }
});

const TestSpan = z.strictObject({
  id: z.string(),
  parent: z.string().nullable().default(null),
  service: z.string(),
  operation: z.string(),
  kind: z.enum(SPAN_KIND_NAMES).default('internal'),
  duration: duration('0s', '7d').default('1ms'),
  status: z.enum(['unset', 'ok', 'error']).default('unset'),
  attributes: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
  resource: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
});

/** A file of unit tests for rules: what goes in, and which alerts should fire when. After promtool. */
export const RuleTests = z.strictObject({
  /** As in a rules file, which checks them. */
  rules: z.array(z.unknown()).default([]),
  /** Rules files whose rules are tested too, by paths from where this file lies. */
  rule_files: z.array(z.string()).max(100).default([]),
  tests: z
    .array(
      z.strictObject({
        name: z.string().default('test'),
        /** The first window begins here; active hours go by it. */
        start: z.iso.datetime({ offset: true }).default('2026-01-05T00:00:00Z'),
        interval: stretch('10s', '1h').default('10s'),
        input_series: z
          .array(
            z.strictObject({
              service: z.string(),
              operation: z.string(),
              kind: z.enum(SPAN_KIND_NAMES).default('server'),
              n: series,
              errors: series.default('0'),
              ms: series.default('1'),
            }),
          )
          .default([]),
        calls: z
          .array(
            z.strictObject({
              caller: z.strictObject({ service: z.string(), operation: z.string() }),
              callee: z.strictObject({ service: z.string(), operation: z.string() }),
              n: series,
            }),
          )
          .default([]),
        traces: z.array(z.strictObject({ at: duration('0s', '30d'), spans: z.array(TestSpan).min(1) })).default([]),
        resources: z.record(z.string(), z.record(z.string(), z.string())).default({}),
        alert_rule_test: z
          .array(
            z.strictObject({
              eval_time: duration('0s', '30d'),
              alertname: z.string(),
              exp_alerts: z
                .array(
                  z.strictObject({
                    exp_labels: z.record(z.string(), z.string()).default({}),
                    exp_annotations: z.record(z.string(), z.string()).optional(),
                  }),
                )
                .default([]),
            }),
          )
          .min(1),
      }),
    )
    .min(1),
});
export type RuleTests = z.output<typeof RuleTests>;
export type RuleTest = RuleTests['tests'][number];
