import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post, Put } from '@nestjs/common';
import {
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiResponse,
  ApiTags,
} from '@nestjs/swagger';
import { randomUUID } from 'node:crypto';
import { RequireScope, Tenant } from '../access/access.guard.js';
import { CONFIG, type Config } from '../config.js';
import { errorAnswer, NOT_FOUND } from '../error-answer.js';
import { Rejected } from '../model/failure.js';
import { ChannelStore, type ChannelWithNewSecret } from '../store/channel.store.js';
import { checkChannelUrl } from './channel-url.js';
import {
  ChannelChange,
  ChannelInput,
  ChannelList,
  ChannelPath,
  ChannelTest,
  ChannelView,
} from './channels-contract.js';
import { Egress } from './egress.js';
import { composeMessage } from './message.js';
import { Senders } from './senders.js';

const CONFLICT = errorAnswer(409, 'Another channel has that name.');
const UNUSABLE = errorAnswer(422, 'The URL cannot be used, or there are too many channels.');

@ApiTags('alerts')
@Controller('api/v1/channels')
export class ChannelsController {
  constructor(
    private readonly channels: ChannelStore,
    private readonly egress: Egress,
    private readonly senders: Senders,
    @Inject(CONFIG) private readonly config: Pick<Config, 'publicUrl'>,
  ) {}

  @Get()
  @RequireScope('read')
  @ApiOperation({ summary: 'Channels that messages go to' })
  @ApiOkResponse({ standardSchema: ChannelList, description: 'All channels, oldest first, without their secrets.' })
  async list(@Tenant() tenantId: number): Promise<ChannelList> {
    return { channels: (await this.channels.list(tenantId)).map(view) };
  }

  @Get(':id')
  @ApiResponse(NOT_FOUND)
  @RequireScope('read')
  @ApiOperation({ summary: 'One channel' })
  @ApiOkResponse({ standardSchema: ChannelView, description: 'The channel, without its secrets.' })
  async get(@Tenant() tenantId: number, @Param({ schema: ChannelPath }) { id }: ChannelPath): Promise<ChannelView> {
    return view(await this.channels.get(tenantId, id));
  }

  @Post()
  @ApiResponse(CONFLICT)
  @ApiResponse(UNUSABLE)
  @RequireScope('admin')
  @ApiOperation({ summary: 'Adds a channel' })
  @ApiCreatedResponse({ standardSchema: ChannelView, description: 'The channel; a webhook with its signing secret.' })
  async create(
    @Tenant() tenantId: number,
    @Body({ schema: ChannelInput }) { url, ...input }: ChannelInput,
  ): Promise<ChannelView> {
    return view(await this.channels.create(tenantId, { ...input, url: this.checked(url) }));
  }

  @Put(':id')
  @ApiResponse(CONFLICT)
  @ApiResponse(UNUSABLE)
  @ApiResponse(NOT_FOUND)
  @RequireScope('admin')
  @ApiOperation({ summary: 'Changes a channel; what is left out stays as it is' })
  @ApiOkResponse({ standardSchema: ChannelView, description: 'The channel as it is now.' })
  async change(
    @Tenant() tenantId: number,
    @Param({ schema: ChannelPath }) { id }: ChannelPath,
    @Body({ schema: ChannelChange }) { type, url, ...change }: ChannelChange,
  ): Promise<ChannelView> {
    const is = await this.channels.get(tenantId, id);
    if (type !== undefined && type !== is.type) {
      throw new Rejected('type_is_fixed', `the channel is of type ${is.type}; make another for ${type}`, 422, 'type');
    }
    if (change.rotateSecret === true && is.type !== 'webhook') {
      throw new Rejected('no_secret', `a channel of type ${is.type} has no signing secret`, 422, 'rotateSecret');
    }
    const checked = url === undefined ? undefined : this.checked(url);
    return view(await this.channels.change(tenantId, id, { ...change, url: checked }, Date.now()));
  }

  @Delete(':id')
  @ApiResponse(NOT_FOUND)
  @RequireScope('admin')
  @HttpCode(204)
  @ApiOperation({ summary: 'Deletes a channel' })
  @ApiNoContentResponse({
    description: 'It is gone, also from the rules that named it; messages that wait for it fail.',
  })
  async delete(@Tenant() tenantId: number, @Param({ schema: ChannelPath }) { id }: ChannelPath): Promise<void> {
    await this.channels.delete(tenantId, id);
  }

  @Post(':id/test')
  @ApiResponse(NOT_FOUND)
  @RequireScope('admin')
  @HttpCode(200)
  @ApiOperation({ summary: 'Sends a test message at once, once', description: 'Also to a channel that is disabled.' })
  @ApiOkResponse({ standardSchema: ChannelTest, description: 'What became of it.' })
  async test(@Tenant() tenantId: number, @Param({ schema: ChannelPath }) { id }: ChannelPath): Promise<ChannelTest> {
    const channel = await this.channels.open(tenantId, id, Date.now());
    const notice = {
      type: 'channel.test',
      timestamp: new Date().toISOString(),
      reason: 'a test was asked for',
      incident: null,
    } as const;
    const startedMs = performance.now();
    const outcome = await this.senders.send(composeMessage(randomUUID(), notice, this.config.publicUrl), channel);
    return {
      outcome: outcome.kind,
      status: outcome.status,
      reason: outcome.kind === 'sent' ? 'sent' : outcome.reason,
      tookMs: Math.round(performance.now() - startedMs),
    };
  }

  private checked(url: string): { full: string; shown: string } {
    const check = checkChannelUrl(url, this.egress.refusal);
    if (!check.ok) throw new Rejected('invalid_url', check.problem, 422, 'url');
    return check;
  }
}

function view({ urlShown, createdAt, updatedAt, ...rest }: ChannelWithNewSecret): ChannelView {
  return { ...rest, url: urlShown, createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() };
}
