import { Body, Controller, Delete, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { RequireScope, Tenant } from '../access/access.guard.js';
import { errorAnswer, NOT_FOUND } from '../error-answer.js';
import { Bell } from '../queue/bell.js';
import { GroupActionStore } from '../store/group-action.store.js';
import { GroupActionsView, groupActionsView } from './group-actions-contract.js';
import { AcknowledgeInput, WithdrawQuery } from './incident-actions-contract.js';
import { IdPath } from './id-contract.js';

const DONE = { standardSchema: GroupActionsView, description: 'What people did about the group.' };
const TOO_MANY = errorAnswer(422, 'The group has too many actions.');

@ApiTags('routing')
@ApiResponse(NOT_FOUND)
@ApiResponse(TOO_MANY)
@Controller('api/v1/alerts/groups/:id')
export class GroupActionsController {
  constructor(
    private readonly actions: GroupActionStore,
    @Inject(Bell) private readonly bell: Pick<Bell, 'ring'>,
  ) {}

  @Post('acknowledge')
  @HttpCode(200)
  @RequireScope('admin')
  @ApiOperation({
    summary: 'Acknowledges a group of alerts',
    description:
      'It is neither repeated nor escalated until it is over; what is new in it, and its end, is told. An incident is acknowledged as such.',
  })
  @ApiOkResponse(DONE)
  async acknowledge(
    @Tenant() tenantId: number,
    @Param({ schema: IdPath }) { id }: IdPath,
    @Body({ schema: AcknowledgeInput }) { by, comment }: AcknowledgeInput,
  ): Promise<GroupActionsView> {
    return this.act(tenantId, id, { kind: 'acknowledged', by, comment });
  }

  @Delete('acknowledge')
  @RequireScope('admin')
  @ApiOperation({ summary: 'Withdraws the acknowledgement of a group of alerts' })
  @ApiOkResponse(DONE)
  async withdraw(
    @Tenant() tenantId: number,
    @Param({ schema: IdPath }) { id }: IdPath,
    @Query({ schema: WithdrawQuery }) { by }: WithdrawQuery,
  ): Promise<GroupActionsView> {
    return this.act(tenantId, id, { kind: 'acknowledgement_withdrawn', by, comment: '' });
  }

  private async act(
    tenantId: number,
    id: string,
    action: { kind: 'acknowledged' | 'acknowledgement_withdrawn'; by: string; comment: string },
  ): Promise<GroupActionsView> {
    const all = await this.actions.add(tenantId, id, { ...action, channelId: null });
    await this.bell.ring('route', tenantId);
    return groupActionsView(all);
  }
}
