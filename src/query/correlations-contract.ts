import { z } from 'zod';
import { BAD_KINDS, CORRELATION_SCOPES, GOOD_FROM } from '../model/correlation.js';
import { Time } from './terms-contract.js';

/** What more bad traces have than good ones. */

const AttributeNameView = z
  .object({
    scope: z.enum(CORRELATION_SCOPES),
    service: z.string(),
    operation: z.string().nullable().describe('null for a resource, which speaks for all operations of its service.'),
    key: z.string(),
    value: z.string().describe('As text; "≥ 512" where an amount was cut.'),
  })
  .meta({ id: 'AttributeName' });

export const CorrelationView = AttributeNameView.extend({
  badShare: z.number().describe('Part of the bad traces that have the value, 0 to 1 …'),
  goodShare: z.number().describe('… and of the good ones.'),
  badN: z.int().describe('Bad traces that the share is of: those in which the service or operation took part.'),
  goodN: z.int(),
  effect: z.number().describe('badShare - goodShare.'),
  oddsRatio: z.number().describe('With half a trace added to each cell.'),
  q: z.number().describe('False discovery rate (Benjamini-Hochberg) over all values that were tested.'),
  isSymptom: z.boolean().describe('Says that something failed rather than why: a status, an error, an exception.'),
  firstSeenAt: Time.nullable().describe(
    'For versions; null for other attributes, and when it was there from the start.',
  ),
  isNew: z.boolean().describe('First seen shortly before the incident began, or later.'),
  alsoAs: z.array(AttributeNameView).describe('Other attributes that stand on nearly the same traces.'),
  explainedBy: z
    .int()
    .nullable()
    .describe('Position of the correlation that explains this one away; null for one that stands by itself.'),
}).meta({ id: 'Correlation' });

export const ComparisonView = z
  .object({
    service: z.string(),
    operation: z.string(),
    bad: z.enum(BAD_KINDS).describe('What makes a trace of the operation a bad one.'),
    goodFrom: z.enum(GOOD_FROM).describe('Time from which the good traces are.'),
    badN: z.int().describe('Traces that were read.'),
    goodN: z.int(),
    tested: z.int().describe('Values that were tested.'),
    left: z.record(z.string(), z.int()).describe('What a limit left out, by reason.'),
    through: Time.describe('Spans that ended before were looked at.'),
  })
  .meta({ id: 'Comparison' });
