import { z } from 'zod';
import type { Silence } from '../model/routing.js';
import { line } from '../text-line.js';
import { Matchers, MatcherView } from './matcher-contract.js';
import { matcherText } from './matcher.js';
import { MATCHES_ALL, matchesNotAll } from './silence-check.js';
import { silenceState } from './suppress.js';

const Time = z.iso.datetime({ offset: true });
export const SilenceInput = z
  .strictObject({
    matchers: Matchers.min(1).refine(matchesNotAll, MATCHES_ALL),
    startsAt: Time.optional().describe('Now, when left out.'),
    endsAt: Time,
    createdBy: line(200),
    comment: z.string().trim().max(2_000).default(''),
  })
  .meta({ id: 'SilenceInput' });
export type SilenceInput = z.infer<typeof SilenceInput>;

export const SilenceView = z
  .object({
    id: z.guid(),
    state: z.enum(['pending', 'active', 'expired']),
    matchers: z.array(MatcherView),
    startsAt: z.iso.datetime(),
    endsAt: z.iso.datetime(),
    createdBy: z.string(),
    comment: z.string(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'Silence' });
export type SilenceView = z.infer<typeof SilenceView>;
export const SilenceList = z.object({ silences: z.array(SilenceView) }).meta({ id: 'SilenceList' });
export type SilenceList = z.infer<typeof SilenceList>;

export function silenceView(silence: Silence, nowMs: number): SilenceView {
  const { id, matchers, startsAtMs, endsAtMs, createdBy, comment, updatedAtMs } = silence;
  return {
    id,
    state: silenceState(silence, nowMs),
    matchers: matchers.map(matcherText),
    startsAt: iso(startsAtMs),
    endsAt: iso(endsAtMs),
    createdBy,
    comment,
    updatedAt: iso(updatedAtMs),
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
