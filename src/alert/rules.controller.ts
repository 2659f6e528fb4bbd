import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put } from '@nestjs/common';
import {
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiResponse,
  ApiTags,
} from '@nestjs/swagger';
import { RequireScope, Tenant } from '../access/access.guard.js';
import { errorAnswer, NOT_FOUND } from '../error-answer.js';
import { Rejected } from '../model/failure.js';
import { ChannelStore } from '../store/channel.store.js';
import { RuleStore, type RuleValues } from '../store/rule.store.js';
import { RuleInput, RuleList, RulePath, RuleView, ruleView } from './rules-contract.js';

const CONFLICT = errorAnswer(409, 'Another rule has that name.');
const UNUSABLE = errorAnswer(422, '`channelIds` names a channel that is not there, or there are too many rules.');

@ApiTags('alerts')
@Controller('api/v1/rules')
export class RulesController {
  constructor(
    private readonly rules: RuleStore,
    private readonly channels: ChannelStore,
  ) {}

  @Get()
  @RequireScope('read')
  @ApiOperation({
    summary: 'Alert rules',
    description:
      'Every tenant begins with the rule `default`: every service, severity warning and above, every channel. Change, disable or delete ' +
      'it like any other; deleted, it does not come back.',
  })
  @ApiOkResponse({ standardSchema: RuleList, description: 'All rules, oldest first.' })
  async list(@Tenant() tenantId: number): Promise<RuleList> {
    return { rules: (await this.rules.list(tenantId)).map(ruleView) };
  }

  @Get(':id')
  @ApiResponse(NOT_FOUND)
  @RequireScope('read')
  @ApiOperation({ summary: 'One alert rule' })
  @ApiOkResponse({ standardSchema: RuleView, description: 'The rule.' })
  async get(@Tenant() tenantId: number, @Param({ schema: RulePath }) { id }: RulePath): Promise<RuleView> {
    return ruleView(await this.rules.get(tenantId, id));
  }

  @Post()
  @ApiResponse(CONFLICT)
  @ApiResponse(UNUSABLE)
  @RequireScope('admin')
  @ApiOperation({ summary: 'Adds an alert rule' })
  @ApiCreatedResponse({ standardSchema: RuleView, description: 'The rule.' })
  async create(@Tenant() tenantId: number, @Body({ schema: RuleInput }) input: RuleInput): Promise<RuleView> {
    return ruleView(await this.rules.create(tenantId, await this.checked(tenantId, input)));
  }

  @Put(':id')
  @ApiResponse(CONFLICT)
  @ApiResponse(UNUSABLE)
  @ApiResponse(NOT_FOUND)
  @RequireScope('admin')
  @ApiOperation({ summary: 'Replaces an alert rule' })
  @ApiOkResponse({ standardSchema: RuleView, description: 'The rule as it is now.' })
  async replace(
    @Tenant() tenantId: number,
    @Param({ schema: RulePath }) { id }: RulePath,
    @Body({ schema: RuleInput }) input: RuleInput,
  ): Promise<RuleView> {
    return ruleView(await this.rules.replace(tenantId, id, await this.checked(tenantId, input)));
  }

  @Delete(':id')
  @ApiResponse(NOT_FOUND)
  @RequireScope('admin')
  @HttpCode(204)
  @ApiOperation({ summary: 'Deletes an alert rule' })
  @ApiNoContentResponse({ description: 'It is gone. Channels that it told of an open incident still hear of its end.' })
  async delete(@Tenant() tenantId: number, @Param({ schema: RulePath }) { id }: RulePath): Promise<void> {
    await this.rules.delete(tenantId, id);
  }

  private async checked(tenantId: number, input: RuleInput): Promise<RuleValues> {
    if (input.channelIds === null) return input;
    const channelIds = [...new Set(input.channelIds.map((id) => id.toLowerCase()))];
    const unknown = await this.channels.unknownIds(tenantId, channelIds);
    if (unknown.length > 0) {
      throw new Rejected('unknown_channel', `there is no channel ${unknown.join(', ')}`, 422, 'channelIds');
    }
    return { ...input, channelIds };
  }
}
