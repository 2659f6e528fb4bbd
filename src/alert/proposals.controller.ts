import { Body, Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { RequireScope, Tenant } from '../access/access.guard.js';
import { errorAnswer, NOT_FOUND } from '../error-answer.js';
import { Rejected } from '../model/failure.js';
import { ProposalStore } from '../store/proposal.store.js';
import { RuleStore } from '../store/rule.store.js';
import { meansOther } from './epoch.js';
import { ProposalDecision, ProposalList, ProposalPath, ProposalView, proposalView } from './proposals-contract.js';
import { checkedRule, mergePatch, RulePath, ruleView } from './rules-contract.js';

const DECIDED = errorAnswer(
  409,
  'It was decided on, the rule has changed since, or the rule is one of the rules file.',
);

@ApiTags('alerts')
@ApiResponse(NOT_FOUND)
@Controller('api/v1/rules/:id/proposals')
export class ProposalsController {
  constructor(
    private readonly rules: RuleStore,
    private readonly proposals: ProposalStore,
  ) {}

  @Get()
  @RequireScope('read')
  @ApiOperation({
    summary: 'Changes of a rule that are proposed after feedback',
    description: 'Each was tried on the past. None holds until somebody applies it.',
  })
  @ApiOkResponse({ standardSchema: ProposalList, description: 'Newest first, at most one of them open.' })
  async list(@Tenant() tenantId: number, @Param({ schema: RulePath }) { id }: RulePath): Promise<ProposalList> {
    const { epoch } = await this.rules.get(tenantId, id);
    const all = await this.proposals.list(tenantId, id);
    return { proposals: all.map((proposal) => proposalView(proposal, epoch)) };
  }

  @Post(':proposalId/apply')
  @HttpCode(200)
  @RequireScope('admin')
  @ApiResponse(DECIDED)
  @ApiOperation({ summary: 'Changes the rule as proposed' })
  @ApiOkResponse({ standardSchema: ProposalView, description: 'The proposal; the rule is changed.' })
  async apply(
    @Tenant() tenantId: number,
    @Param({ schema: ProposalPath }) { id, proposalId }: ProposalPath,
    @Body({ schema: ProposalDecision }) { by }: ProposalDecision,
  ): Promise<ProposalView> {
    const proposal = await this.proposals.get(tenantId, id, proposalId);
    if (proposal.state !== 'open') throw new Rejected('decided', `the proposal is ${proposal.state}`, 409);
    const rule = await this.rules.replace(tenantId, id, (before) => {
      if (before.epoch !== proposal.ruleEpoch) {
        throw new Rejected('outdated', 'the rule has changed since the proposal was tried', 409);
      }
      const { id: _id, source: _source, ...written } = ruleView(before);
      const values = checkedRule(mergePatch(written, proposal.patch));
      return { values, isOther: meansOther(before, values) };
    });
    return proposalView(await this.proposals.decide(tenantId, proposal, 'applied', by), rule.epoch);
  }

  @Post(':proposalId/dismiss')
  @HttpCode(200)
  @RequireScope('admin')
  @ApiResponse(DECIDED)
  @ApiOperation({ summary: 'Dismisses a proposal; the same is not proposed again' })
  @ApiOkResponse({ standardSchema: ProposalView, description: 'The proposal.' })
  async dismiss(
    @Tenant() tenantId: number,
    @Param({ schema: ProposalPath }) { id, proposalId }: ProposalPath,
    @Body({ schema: ProposalDecision }) { by }: ProposalDecision,
  ): Promise<ProposalView> {
    const { epoch } = await this.rules.get(tenantId, id);
    return proposalView(await this.proposals.decide(tenantId, { id: proposalId, ruleId: id }, 'dismissed', by), epoch);
  }
}
