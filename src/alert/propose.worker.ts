import { Injectable, Logger } from '@nestjs/common';
import { Rejected } from '../model/failure.js';
import type { Feedback, Proposal, ProposalFigures } from '../model/feedback.js';
import type { Rule, StoredRule } from '../model/rule.js';
import { HOUR_MS, MINUTE_MS, windowOf } from '../model/window.js';
import { CursorStore } from '../store/cursor.store.js';
import { FeedbackStore } from '../store/feedback.store.js';
import { ProposalStore } from '../store/proposal.store.js';
import { RuleStore } from '../store/rule.store.js';
import { BacktestWorker } from './backtest.worker.js';
import { asksForChange, candidates, counted, isBetter } from './propose.js';
import { firingsOf } from './replay.js';
import { checkedRule, mergePatch, ruleView } from './rules-contract.js';

const DAY_MS = 24 * HOUR_MS;
/** What was said longer ago is about another time. */
const SAID_WITHIN_MS = 28 * DAY_MS;
/** Rules about incidents replay their steps, which are few; others read rollups, of which a week takes seconds. */
const REPLAYED_MS = { anomaly: 28 * DAY_MS, others: 7 * DAY_MS };
/** Before the first firing that somebody spoke of, so that `for` and windows are filled. */
const LEAD_MS = 6 * HOUR_MS;

/** Job `propose`: tries on the past how a rule would have told less of what people call noise. It never changes a rule. */
@Injectable()
export class ProposeWorker {
  private readonly log = new Logger('propose');

  constructor(
    private readonly proposals: ProposalStore,
    private readonly feedback: FeedbackStore,
    private readonly rules: RuleStore,
    private readonly cursors: CursorStore,
    private readonly backtests: BacktestWorker,
  ) {}

  async run(tenantId: number): Promise<void> {
    for (;;) {
      const request = await this.proposals.nextRequest(tenantId);
      if (request === null) return;
      let proposal: Awaited<ReturnType<ProposeWorker['proposalFor']>> = null;
      try {
        proposal = await this.proposalFor(tenantId, request.ruleId);
      } catch (error) {
        // A rule that is gone needs none; one that trips us is looked at again when somebody says more.
        if (!(error instanceof Rejected)) this.log.error(`no proposal for rule ${request.ruleId}: ${String(error)}`);
      }
      await this.proposals.answer(tenantId, request, proposal);
    }
  }

  private async proposalFor(
    tenantId: number,
    ruleId: string,
  ): Promise<Pick<Proposal, 'ruleEpoch' | 'patch' | 'words' | 'evidence'> | null> {
    const rule = await this.rules.get(tenantId, ruleId);
    const earlier = await this.proposals.list(tenantId, ruleId);
    // What was said before somebody decided on a proposal was said to that one.
    const decidedMs = Math.max(
      0,
      ...earlier.map((each) => (each.state === 'superseded' ? 0 : (each.decidedAtMs ?? 0))),
    );
    const said = await this.feedback.of(tenantId, {
      ruleId,
      sinceMs: Math.max(decidedMs, Date.now() - SAID_WITHIN_MS),
    });
    const progress = await this.cursors.progress(tenantId);
    if (!asksForChange(said) || progress === null) return null;
    const toMs = windowOf(progress.evaluate);
    const before = await this.tried(tenantId, rule, said, toMs);
    // What the replay does not show (it was dropped, or the rule was another) cannot speak for a change.
    if (!asksForChange(verdictsOf(before.figures))) return null;
    const refused = new Set(
      earlier.filter(({ state }) => state === 'dismissed').map(({ patch }) => JSON.stringify(patch)),
    );
    for (const { patch, words } of candidates(rule)) {
      if (refused.has(JSON.stringify(patch))) continue;
      const { id: _id, source: _source, ...written } = ruleView(rule);
      const changed = { ...checkedRule(mergePatch(written, patch)), id: rule.id, tenantId, epoch: rule.epoch };
      const after = await this.tried(tenantId, changed, said, toMs);
      if (!isBetter(before.figures, after.figures)) continue;
      const evidence = { fromMs: before.fromMs, toMs, before: before.figures, after: after.figures };
      return { ruleEpoch: rule.epoch, patch, words, evidence };
    }
    return null;
  }

  private async tried(
    tenantId: number,
    rule: Rule | StoredRule,
    said: readonly Feedback[],
    toMs: number,
  ): Promise<{ fromMs: number; figures: ProposalFigures }> {
    const longest = rule.type === 'anomaly' ? REPLAYED_MS.anomaly : REPLAYED_MS.others;
    const first = Math.min(...said.map(({ firedAtMs }) => firedAtMs)) - LEAD_MS;
    const fromMs = Math.floor(Math.max(first, toMs - longest) / MINUTE_MS) * MINUTE_MS;
    const { result, transitions } = await this.backtests.run(tenantId, rule, Math.min(fromMs, toMs - MINUTE_MS), toMs);
    const { firings, alertsPerWeek, incidents } = result;
    const figures = { firings, alertsPerWeek, incidentsCaught: incidents.caught.length };
    return { fromMs, figures: { ...figures, ...counted(said, firingsOf(transitions)) } };
  }
}

function verdictsOf({ useful, noise }: ProposalFigures): Pick<Feedback, 'verdict'>[] {
  return [
    ...Array.from({ length: useful }, () => ({ verdict: 'useful' as const })),
    ...Array.from({ length: noise }, () => ({ verdict: 'noise' as const })),
  ];
}
