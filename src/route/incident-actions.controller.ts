import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post, Put, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { RequireScope, Tenant } from '../access/access.guard.js';
import { errorAnswer, NOT_FOUND } from '../error-answer.js';
import type { IncidentAction } from '../model/incident-action.js';
import { Bell } from '../queue/bell.js';
import { IncidentActionStore } from '../store/incident-action.store.js';
import {
  AcknowledgeInput,
  AssignInput,
  CommentInput,
  IncidentActionsView,
  WithdrawQuery,
  incidentActionsView,
} from './incident-actions-contract.js';
import { IdPath } from './id-contract.js';

const DONE = { standardSchema: IncidentActionsView, description: 'What people did about the incident.' };
const TOO_MANY = errorAnswer(422, 'The incident has too many actions.');

@ApiTags('incidents')
@ApiResponse(NOT_FOUND)
@Controller('api/v1/incidents/:id')
export class IncidentActionsController {
  constructor(
    private readonly actions: IncidentActionStore,
    @Inject(Bell) private readonly bell: Pick<Bell, 'ring'>,
  ) {}

  @Get('actions')
  @RequireScope('read')
  @ApiOperation({ summary: 'Who acknowledged an incident, whose it is, and what was said' })
  @ApiOkResponse(DONE)
  async list(@Tenant() tenantId: number, @Param({ schema: IdPath }) { id }: IdPath): Promise<IncidentActionsView> {
    return incidentActionsView(await this.actions.list(tenantId, id));
  }

  @Post('acknowledge')
  @HttpCode(200)
  @RequireScope('admin')
  @ApiResponse(TOO_MANY)
  @ApiOperation({
    summary: 'Acknowledges an incident',
    description:
      'What is told of it now is neither repeated nor escalated until it is over; its end, and what is new in it, is told.',
  })
  @ApiOkResponse(DONE)
  async acknowledge(
    @Tenant() tenantId: number,
    @Param({ schema: IdPath }) { id }: IdPath,
    @Body({ schema: AcknowledgeInput }) { by, comment }: AcknowledgeInput,
  ): Promise<IncidentActionsView> {
    return this.act(tenantId, id, { kind: 'acknowledged', by, subject: null, comment });
  }

  @Delete('acknowledge')
  @RequireScope('admin')
  @ApiResponse(TOO_MANY)
  @ApiOperation({ summary: 'Withdraws the acknowledgement of an incident' })
  @ApiOkResponse(DONE)
  async withdraw(
    @Tenant() tenantId: number,
    @Param({ schema: IdPath }) { id }: IdPath,
    @Query({ schema: WithdrawQuery }) { by }: WithdrawQuery,
  ): Promise<IncidentActionsView> {
    return this.act(tenantId, id, { kind: 'acknowledgement_withdrawn', by, subject: null, comment: '' });
  }

  @Post('resolve')
  @HttpCode(200)
  @RequireScope('admin')
  @ApiResponse(TOO_MANY)
  @ApiResponse(errorAnswer(409, 'It is resolved already.'))
  @ApiOperation({
    summary: 'Resolves an incident',
    description:
      'Its alerts end, and whoever was told of it is told so. While the same deviation goes on nobody is told of it again, unless it gets worse; ' +
      'once it was quiet for two minutes, its return is told.',
  })
  @ApiOkResponse(DONE)
  async resolve(
    @Tenant() tenantId: number,
    @Param({ schema: IdPath }) { id }: IdPath,
    @Body({ schema: AcknowledgeInput }) { by, comment }: AcknowledgeInput,
  ): Promise<IncidentActionsView> {
    const done = await this.act(tenantId, id, { kind: 'resolved', by, subject: null, comment });
    await this.bell.ring('alert', tenantId);
    return done;
  }

  @Put('assignee')
  @RequireScope('admin')
  @ApiResponse(TOO_MANY)
  @ApiOperation({ summary: 'Says whose an incident is' })
  @ApiOkResponse(DONE)
  async assign(
    @Tenant() tenantId: number,
    @Param({ schema: IdPath }) { id }: IdPath,
    @Body({ schema: AssignInput }) { by, assignee, comment }: AssignInput,
  ): Promise<IncidentActionsView> {
    return this.act(tenantId, id, { kind: 'assigned', by, subject: assignee, comment });
  }

  @Post('comments')
  @HttpCode(200)
  @RequireScope('admin')
  @ApiResponse(TOO_MANY)
  @ApiOperation({ summary: 'Comments on an incident' })
  @ApiOkResponse(DONE)
  async comment(
    @Tenant() tenantId: number,
    @Param({ schema: IdPath }) { id }: IdPath,
    @Body({ schema: CommentInput }) { by, comment }: CommentInput,
  ): Promise<IncidentActionsView> {
    return this.act(tenantId, id, { kind: 'commented', by, subject: null, comment });
  }

  private async act(
    tenantId: number,
    id: string,
    action: Omit<IncidentAction, 'atMs' | 'channelId' | 'channelName'>,
  ): Promise<IncidentActionsView> {
    const all = await this.actions.add(tenantId, id, { ...action, channelId: null });
    await this.bell.ring('route', tenantId);
    return incidentActionsView(all);
  }
}
