import { Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { RequireScope, Tenant } from '../access/access.guard.js';
import { errorAnswer, NOT_FOUND } from '../error-answer.js';
import { ChannelStore } from '../store/channel.store.js';
import { DeliveryViewsStore, type DeliveryRow } from '../store/delivery-views.store.js';
import { ChannelHealthStore } from '../store/channel-health.store.js';
import { ChannelPath } from './channels-contract.js';
import {
  cursorOf,
  NotificationList,
  NotificationPath,
  NotificationQuery,
  NotificationView,
  Replayed,
} from './deliveries-contract.js';

@ApiTags('alerts')
@Controller('api/v1')
export class DeliveriesController {
  constructor(
    private readonly deliveries: DeliveryViewsStore,
    private readonly channels: ChannelStore,
    private readonly health: ChannelHealthStore,
  ) {}

  @Get('notifications')
  @RequireScope('read')
  @ApiOperation({
    summary: 'Messages and what became of them, newest first',
    description: 'With `state=failed`: the dead letters.',
  })
  @ApiOkResponse({ standardSchema: NotificationList, description: 'A page of messages.' })
  async list(
    @Tenant() tenantId: number,
    @Query({ schema: NotificationQuery }) query: NotificationQuery,
  ): Promise<NotificationList> {
    const found = await this.deliveries.list(tenantId, { ...query, limit: query.limit + 1 });
    const shown = found.slice(0, query.limit);
    const last = shown.at(-1);
    return {
      notifications: shown.map(view),
      nextCursor: last && found.length > shown.length ? cursorOf(last) : null,
    };
  }

  @Get('notifications/:id')
  @ApiResponse(NOT_FOUND)
  @RequireScope('read')
  @ApiOperation({ summary: 'One message, with every attempt to send it' })
  @ApiOkResponse({ standardSchema: NotificationView, description: 'The message.' })
  async get(
    @Tenant() tenantId: number,
    @Param({ schema: NotificationPath }) { id }: NotificationPath,
  ): Promise<NotificationView> {
    return view(await this.deliveries.get(tenantId, id));
  }

  @Post('notifications/:id/replay')
  @ApiResponse(NOT_FOUND)
  @ApiResponse(errorAnswer(409, 'It did not fail.'))
  @RequireScope('admin')
  @HttpCode(200)
  @ApiOperation({ summary: 'Sends a message that failed again, with the same id' })
  @ApiOkResponse({ standardSchema: NotificationView, description: 'The message, which waits to be sent.' })
  async replay(
    @Tenant() tenantId: number,
    @Param({ schema: NotificationPath }) { id }: NotificationPath,
  ): Promise<NotificationView> {
    const row = await this.deliveries.replay(tenantId, id);
    await this.health.reset(tenantId, row.channelId);
    return view(row);
  }

  @Post('channels/:id/replay')
  @ApiResponse(NOT_FOUND)
  @RequireScope('admin')
  @HttpCode(200)
  @ApiOperation({ summary: 'Sends all messages of a channel that failed again, oldest first' })
  @ApiOkResponse({ standardSchema: Replayed, description: 'How many those are.' })
  async replayAll(@Tenant() tenantId: number, @Param({ schema: ChannelPath }) { id }: ChannelPath): Promise<Replayed> {
    await this.channels.get(tenantId, id);
    const replayed = await this.deliveries.replayAll(tenantId, id);
    await this.health.reset(tenantId, id);
    return { replayed };
  }
}

function view({ place: _place, ...shown }: DeliveryRow): NotificationView {
  return shown;
}
