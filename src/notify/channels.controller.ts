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
import { ChannelHealthStore, HEALTHY, type ChannelHealth } from '../store/channel-health.store.js';
import { ChannelStore, type ChannelSummary, type ChannelWithNewSecret } from '../store/channel.store.js';
import { foreignField, mailUrl, settingsOf } from './channel-input.js';
import { checkChannelUrl, checkHost } from './channel-url.js';
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
    private readonly health: ChannelHealthStore,
    private readonly egress: Egress,
    private readonly senders: Senders,
    @Inject(CONFIG) private readonly config: Pick<Config, 'publicUrl'>,
  ) {}

  @Get()
  @RequireScope('read')
  @ApiOperation({ summary: 'Channels that messages go to' })
  @ApiOkResponse({ standardSchema: ChannelList, description: 'All channels, oldest first, without their secrets.' })
  async list(@Tenant() tenantId: number): Promise<ChannelList> {
    const [channels, health] = await Promise.all([this.channels.list(tenantId), this.health.all(tenantId)]);
    return { channels: channels.map((channel) => view(channel, health.get(channel.id))) };
  }

  @Get(':id')
  @ApiResponse(NOT_FOUND)
  @RequireScope('read')
  @ApiOperation({ summary: 'One channel' })
  @ApiOkResponse({ standardSchema: ChannelView, description: 'The channel, without its secrets.' })
  async get(@Tenant() tenantId: number, @Param({ schema: ChannelPath }) { id }: ChannelPath): Promise<ChannelView> {
    return this.shown(tenantId, await this.channels.get(tenantId, id));
  }

  @Post()
  @ApiResponse(CONFLICT)
  @ApiResponse(UNUSABLE)
  @RequireScope('admin')
  @ApiOperation({ summary: 'Adds a channel' })
  @ApiCreatedResponse({ standardSchema: ChannelView, description: 'The channel; a webhook with its signing secret.' })
  async create(@Tenant() tenantId: number, @Body({ schema: ChannelInput }) input: ChannelInput): Promise<ChannelView> {
    const { name, type, enabled } = input;
    const url = input.type === 'email' ? this.checkedMail(input) : this.checked(input.url);
    return this.shown(
      tenantId,
      await this.channels.create(tenantId, { name, type, enabled, url, ...settingsOf(type, input) }),
    );
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
    @Body({ schema: ChannelChange }) input: ChannelChange,
  ): Promise<ChannelView> {
    const is = await this.channels.get(tenantId, id);
    const { type, name, enabled, rotateSecret } = input;
    if (type !== undefined && type !== is.type) {
      throw new Rejected('type_is_fixed', `the channel is of type ${is.type}; make another for ${type}`, 422, 'type');
    }
    if (rotateSecret === true && is.type !== 'webhook') {
      throw new Rejected('no_secret', `a channel of type ${is.type} has no signing secret`, 422, 'rotateSecret');
    }
    const foreign = foreignField(is.type, input);
    if (foreign !== null) {
      throw new Rejected('unknown_field', `a channel of type ${is.type} has no ${foreign}`, 422, foreign);
    }
    const change = { name, enabled, rotateSecret, url: this.changedUrl(is, input), ...settingsOf(is.type, input) };
    const changed = await this.channels.change(tenantId, id, change, Date.now());
    if (enabled === true) await this.health.reset(tenantId, id);
    return this.shown(tenantId, changed);
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
    const outcome = await this.senders.send(composeMessage(randomUUID(), notice, this.config.publicUrl), channel, null);
    return {
      outcome: outcome.kind,
      status: outcome.status,
      reason: outcome.kind === 'sent' ? (outcome.note ?? 'sent') : outcome.reason,
      tookMs: Math.round(performance.now() - startedMs),
    };
  }

  private async shown(tenantId: number, channel: ChannelWithNewSecret): Promise<ChannelView> {
    return view(channel, await this.health.of(tenantId, channel.id));
  }

  private changedUrl(is: ChannelSummary, input: ChannelChange): { full: string; shown: string } | undefined {
    if (is.type !== 'email') return input.url === undefined ? undefined : this.checked(input.url);
    if (input.host === undefined && input.port === undefined) return undefined;
    const { host, port } = { ...is.shown, ...input } as { host: string; port: number };
    return this.checkedMail({ host, port });
  }

  private checked(url: string): { full: string; shown: string } {
    const check = checkChannelUrl(url, this.egress.refusal);
    if (!check.ok) throw new Rejected('invalid_url', check.problem, 422, 'url');
    return check;
  }

  private checkedMail(server: { host: string; port: number }): { full: string; shown: string } {
    const check = checkHost(server.host, this.egress.refusal);
    if (check !== null) throw new Rejected('invalid_host', check, 422, 'host');
    const url = mailUrl(server);
    return { full: url, shown: url };
  }
}

function view(
  { urlShown, shown, createdAt, updatedAt, ...rest }: ChannelWithNewSecret,
  health: ChannelHealth = HEALTHY,
): ChannelView {
  const iso = (at: Date | null) => at?.toISOString() ?? null;
  return {
    ...rest,
    url: urlShown,
    settings: shown,
    health: {
      circuit: health.circuit,
      retryAt: iso(health.retryAt),
      failuresInRow: health.failuresInRow,
      failingSince: iso(health.failingSince),
      lastSuccessAt: iso(health.lastSuccessAt),
      lastFailureAt: iso(health.lastFailureAt),
      lastError: health.lastError,
    },
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
  };
}
