import { Body, Controller, Get, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { RequireScope, Tenant } from '../access/access.guard.js';
import { errorAnswer, NOT_FOUND } from '../error-answer.js';
import { Bell } from '../queue/bell.js';
import { FeedbackStore } from '../store/feedback.store.js';
import { FeedbackInput, FeedbackList, feedbackList } from './feedback-contract.js';
import { IdPath } from './id-contract.js';

const SAID = { standardSchema: FeedbackList, description: 'What people said.' };
const NO_RULE = errorAnswer(409, 'No rule has told of it.');
const DESCRIPTION =
  'When several such words say that a rule tells too much, a change is tried on the past and proposed (`GET /api/v1/rules/{id}/proposals`).';

/** Whether it was worth telling. */
@ApiTags('alerts')
@ApiResponse(NOT_FOUND)
@Controller('api/v1')
export class FeedbackController {
  constructor(
    private readonly feedback: FeedbackStore,
    @Inject(Bell) private readonly bell: Pick<Bell, 'ring'>,
  ) {}

  @Get('incidents/:id/feedback')
  @RequireScope('read')
  @ApiOperation({ summary: 'What people said of an incident' })
  @ApiOkResponse(SAID)
  async ofIncident(@Tenant() tenantId: number, @Param({ schema: IdPath }) { id }: IdPath): Promise<FeedbackList> {
    return feedbackList(await this.feedback.of(tenantId, { incidentId: id }));
  }

  @Post('incidents/:id/feedback')
  @HttpCode(200)
  @RequireScope('admin')
  @ApiResponse(NO_RULE)
  @ApiOperation({ summary: 'Says whether an incident was worth telling', description: DESCRIPTION })
  @ApiOkResponse(SAID)
  async onIncident(
    @Tenant() tenantId: number,
    @Param({ schema: IdPath }) { id }: IdPath,
    @Body({ schema: FeedbackInput }) input: FeedbackInput,
  ): Promise<FeedbackList> {
    const all = await this.feedback.onIncident(tenantId, id, { ...input, channelId: null });
    await this.bell.ring('propose', tenantId);
    return feedbackList(all);
  }

  @Get('alerts/:id/feedback')
  @RequireScope('read')
  @ApiOperation({ summary: 'What people said of an alert' })
  @ApiOkResponse(SAID)
  async ofAlert(@Tenant() tenantId: number, @Param({ schema: IdPath }) { id }: IdPath): Promise<FeedbackList> {
    return feedbackList(await this.feedback.of(tenantId, { alertId: id }));
  }

  @Post('alerts/:id/feedback')
  @HttpCode(200)
  @RequireScope('admin')
  @ApiResponse(NO_RULE)
  @ApiOperation({ summary: 'Says whether an alert was worth telling', description: DESCRIPTION })
  @ApiOkResponse(SAID)
  async onAlert(
    @Tenant() tenantId: number,
    @Param({ schema: IdPath }) { id }: IdPath,
    @Body({ schema: FeedbackInput }) input: FeedbackInput,
  ): Promise<FeedbackList> {
    const all = await this.feedback.onAlert(tenantId, id, { ...input, channelId: null });
    await this.bell.ring('propose', tenantId);
    return feedbackList(all);
  }
}
