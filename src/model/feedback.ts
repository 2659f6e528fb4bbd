export const FEEDBACK_VERDICTS = ['useful', 'noise'] as const;
export type FeedbackVerdict = (typeof FEEDBACK_VERDICTS)[number];

/** What somebody says of one firing of a rule's alert; the last word counts. */
export interface Feedback {
  alertId: string;
  ruleId: string;
  incidentId: string | null;
  labels: Record<string, string>;
  /** When that firing began, event time. */
  firedAtMs: number;
  verdict: FeedbackVerdict;
  by: string;
  comment: string;
  /** The channel whose message had the link that was used; null: over the API. */
  channelId: string | null;
  atMs: number;
}

export const PROPOSAL_STATES = ['open', 'applied', 'dismissed', 'superseded'] as const;
export type ProposalState = (typeof PROPOSAL_STATES)[number];

/** What a rule would have done over a period. */
export interface ProposalFigures {
  firings: number;
  alertsPerWeek: number;
  /** Of the firings that people spoke of. */
  useful: number;
  noise: number;
  incidentsCaught: number;
}

/** A change of a rule that would have spared people what they called noise; nothing of it holds until somebody applies it. */
export interface Proposal {
  id: string;
  ruleId: string;
  /** Of the rule that was tried: for another one it says nothing. */
  ruleEpoch: number;
  /** JSON merge patch of the rule. */
  patch: Record<string, unknown>;
  words: string;
  evidence: { fromMs: number; toMs: number; before: ProposalFigures; after: ProposalFigures };
  state: ProposalState;
  createdAtMs: number;
  decidedAtMs: number | null;
  decidedBy: string | null;
}
