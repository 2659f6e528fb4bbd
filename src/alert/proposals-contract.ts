import { z } from 'zod';
import { PROPOSAL_STATES, type Proposal } from '../model/feedback.js';
import { line } from '../text-line.js';

export const ProposalPath = z.object({ id: z.guid(), proposalId: z.guid() });
export type ProposalPath = z.infer<typeof ProposalPath>;

export const ProposalDecision = z
  .strictObject({ by: line(200).describe('Who decides.') })
  .meta({ id: 'ProposalDecision' });
export type ProposalDecision = z.infer<typeof ProposalDecision>;

const Figures = z.object({
  firings: z.number(),
  alertsPerWeek: z.number(),
  useful: z.number().describe('Of the firings that people called useful.'),
  noise: z.number().describe('Of those that they called noise.'),
  incidentsCaught: z.number(),
});

export const ProposalView = z
  .object({
    id: z.guid(),
    state: z.enum(PROPOSAL_STATES),
    words: z.string(),
    patch: z.record(z.string(), z.unknown()).describe('What would change of the rule, as a JSON merge patch.'),
    isOutdated: z.boolean().describe('The rule has changed since: it cannot be applied.'),
    backtest: z.object({
      from: z.iso.datetime(),
      to: z.iso.datetime(),
      asItIs: Figures,
      changed: Figures,
    }),
    createdAt: z.iso.datetime(),
    decidedAt: z.iso.datetime().nullable(),
    decidedBy: z.string().nullable(),
  })
  .meta({ id: 'RuleProposal' });
export type ProposalView = z.infer<typeof ProposalView>;

export const ProposalList = z.object({ proposals: z.array(ProposalView) }).meta({ id: 'RuleProposals' });
export type ProposalList = z.infer<typeof ProposalList>;

export function proposalView(proposal: Proposal, ruleEpoch: number): ProposalView {
  const { id, state, words, patch, evidence, createdAtMs, decidedAtMs, decidedBy } = proposal;
  const iso = (ms: number) => new Date(ms).toISOString();
  const { fromMs, toMs, before, after } = evidence;
  return {
    id,
    state,
    words,
    patch,
    isOutdated: state === 'open' && proposal.ruleEpoch !== ruleEpoch,
    backtest: { from: iso(fromMs), to: iso(toMs), asItIs: before, changed: after },
    createdAt: iso(createdAtMs),
    decidedAt: decidedAtMs === null ? null : iso(decidedAtMs),
    decidedBy,
  };
}
