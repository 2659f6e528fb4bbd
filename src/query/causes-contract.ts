import { z } from 'zod';
import { SIGNALS } from '../model/anomaly.js';
import { EVIDENCE_KINDS } from '../model/cause.js';
import { Time, TraceId, Unit } from './terms-contract.js';

/** Why something deviates, and what does. */

export const EvidenceView = z
  .object({
    kind: z.enum(EVIDENCE_KINDS),
    text: z.string(),
    observed: z.number(),
    expected: z.number(),
    unit: Unit,
    n: z.int().describe('Spans or calls behind `observed`.'),
    share: z.number().describe('Part of the whole deviation of this kind that falls on this operation, 0 to 1.'),
    template: z.string().optional().describe('What the log lines say, changing parts masked; for `event_template`.'),
    of: z
      .object({ service: z.string(), operation: z.string() })
      .optional()
      .describe('What is called, or is new, where the evidence is about calls or something new.'),
  })
  .meta({ id: 'Evidence' });

export const InstanceShareView = z
  .object({
    attribute: z.string(),
    value: z.string(),
    share: z.number().describe('Part of the excess that comes from here, 0 to 1.'),
    ofSpans: z.number().describe('Part of the spans that come from here, 0 to 1.'),
  })
  .meta({ id: 'InstanceShare' });

export const CounterfactualView = z
  .object({
    of: z.enum(['time', 'failures']),
    share: z.number().describe('Part of `added` that would be gone, 0 to 1.'),
    added: z.number().describe('What a request has more than normal, on average.'),
    unit: z.enum(['us', 'ratio']),
    n: z.int().describe('Requests looked at.'),
    text: z.string(),
  })
  .meta({ id: 'Counterfactual' });

export const CauseView = z
  .object({
    service: z.string(),
    operation: z.string(),
    score: z
      .number()
      .describe(
        'Calibrated probability that this service is at fault, 0 to 1; of its further operations their part of it. Causes are judged each by itself.',
      ),
    evidence: z.array(EvidenceView),
    instances: z
      .array(InstanceShareView)
      .describe('Where in the service it sits, when not in all of it; clearest first.'),
    counterfactuals: z.array(CounterfactualView).describe('What would be gone without it.'),
    exemplars: z.array(TraceId),
  })
  .meta({ id: 'Cause' });

export const AffectedView = z
  .object({
    service: z.string(),
    operation: z.string(),
    signal: z.enum(SIGNALS),
    quantile: z.number().nullable().describe('Which quantile the values are (0 to 1), for latency; else null.'),
    observed: z.number(),
    expected: z.number(),
    unit: Unit,
    n: z.int().describe('Spans behind `observed`.'),
    score: z.number().describe('-log10 of the probability of so large a deviation by chance.'),
    since: Time,
    pooledOperations: z
      .int()
      .optional()
      .describe('So many rare operations of the service were judged together; missing: this one by itself.'),
  })
  .meta({ id: 'Affected' });
