import { z } from 'zod';
import { ALERT_STATES } from '../model/alert.js';
import { RuleInput } from './rules-contract.js';

const Time = z.iso
  .datetime({ offset: true, error: 'must be an ISO 8601 time with a zone, such as 2026-03-01T12:00:00Z' })
  .transform((text) => new Date(text));
const Labels = z.record(z.string(), z.string());
const Figures = z
  .object({ observed: z.number().nullable(), expected: z.number().nullable(), unit: z.string(), n: z.number() })
  .nullable();

export const HistoryQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(500).default(100),
  before: Time.optional().describe('Only what happened before this instant.'),
});
export type HistoryQuery = z.output<typeof HistoryQuery>;

export const RuleHistory = z
  .object({
    transitions: z.array(
      z.object({
        alertId: z.guid(),
        sequence: z.number(),
        at: z.string(),
        from: z.enum(ALERT_STATES),
        to: z.enum(ALERT_STATES),
        reason: z.string(),
        labels: Labels,
        figures: Figures,
        incidentId: z.guid().nullable(),
      }),
    ),
  })
  .meta({ id: 'RuleHistory' });
export type RuleHistory = z.infer<typeof RuleHistory>;

export const ExplainQuery = z.strictObject({
  at: Time.optional().describe('The last window that was evaluated, when left out.'),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
});
export type ExplainQuery = z.output<typeof ExplainQuery>;

const GuardView = z.object({
  name: z.string(),
  value: z.number().nullable(),
  limit: z.number(),
  unit: z.string(),
  passes: z.boolean(),
  distance: z.number().nullable().describe('From the value to the limit; null when there is no value.'),
});

export const Explanation = z
  .object({
    at: z.string().describe('The end of the window at which the rule was looked at.'),
    resolution: z.string().describe('Of the steps that are left of that time: 10s or 1m.'),
    active: z.boolean().describe('Whether the rule was at work then: enabled, and within its active hours.'),
    error: z.string().nullable().describe('Why the rule cannot be evaluated; null: it can.'),
    leftOut: z.number().describe('Sets of labels for which it holds, beyond the 1,000 alerts that a rule may have.'),
    total: z.number().describe('Sets of labels; those nearest to firing are shown.'),
    conditions: z.array(
      z.object({
        labels: Labels,
        verdict: z.enum(['holds', 'between', 'clear', 'no_data', 'error']),
        error: z.string().nullable().describe('Why these could not be looked at, where the verdict is error.'),
        state: z.enum(ALERT_STATES).nullable().describe('Of the alert then, as recorded; null: it had none.'),
        keptQuietBy: z.array(z.string()).describe('Names of the guards that did not pass.'),
        guards: z.array(GuardView),
        figures: Figures,
      }),
    ),
    incidents: z.array(z.object({ id: z.guid(), title: z.string(), matches: z.boolean(), reason: z.string() })),
  })
  .meta({ id: 'RuleExplanation' });
export type Explanation = z.infer<typeof Explanation>;

const Period = {
  from: Time.optional().describe('A week before `to`, when left out; never before the first span.'),
  to: Time.optional().describe('The last window that was evaluated, when left out.'),
};
const inOrder = ({ from, to }: { from?: Date | undefined; to?: Date | undefined }) =>
  from === undefined || to === undefined || from < to;
const OUT_OF_ORDER = { path: ['to'], message: 'must be later than from' };

export const StoredBacktestInput = z.strictObject(Period).refine(inOrder, OUT_OF_ORDER).meta({ id: 'BacktestPeriod' });
export type StoredBacktestInput = z.output<typeof StoredBacktestInput>;
export const BacktestInput = z
  .strictObject({ rule: RuleInput, ...Period })
  .refine(inOrder, OUT_OF_ORDER)
  .meta({ id: 'BacktestInput' });
export type BacktestInput = z.output<typeof BacktestInput>;

export const BacktestResult = z.object({
  from: z.string(),
  to: z.string(),
  resolution: z.string(),
  notes: z.array(z.string()).describe('What the answer does not know.'),
  firings: z.number(),
  alertsPerWeek: z.number(),
  firingSeconds: z.number(),
  shown: z.array(
    z.object({
      labels: Labels,
      activeAt: z.string(),
      firedAt: z.string(),
      endedAt: z.string().nullable(),
      seconds: z.number(),
      figures: Figures,
      incidentId: z.guid().nullable(),
    }),
  ),
  incidents: z.object({
    caught: z.array(z.object({ id: z.guid(), title: z.string(), openedAt: z.string(), afterSeconds: z.number() })),
    missed: z.array(z.object({ id: z.guid(), title: z.string(), openedAt: z.string() })),
    firingsElsewhere: z.number().describe('While no incident was under way at the service that they are about.'),
  }),
});
export type BacktestResult = z.infer<typeof BacktestResult>;

export const BacktestView = z
  .object({
    id: z.guid(),
    state: z.enum(['running', 'done', 'failed']),
    progress: z.number().describe('From 0 to 1.'),
    from: z.string(),
    to: z.string(),
    result: BacktestResult.nullable(),
    error: z.string().nullable(),
  })
  .meta({ id: 'Backtest' });
export type BacktestView = z.infer<typeof BacktestView>;
