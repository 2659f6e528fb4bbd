import { Body, Controller, Delete, Get, Headers, HttpCode, Inject, Param, Post, Put, Res } from '@nestjs/common';
import {
  ApiCreatedResponse,
  ApiHeader,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiResponse,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { RequireScope, Tenant } from '../access/access.guard.js';
import { errorAnswer, NOT_FOUND } from '../error-answer.js';
import { Rejected } from '../model/failure.js';
import type { Routing } from '../model/routing.js';
import { Bell } from '../queue/bell.js';
import { ChannelStore } from '../store/channel.store.js';
import { RoutingStore } from '../store/routing.store.js';
import { DEFAULT_ROUTING } from './default-routing.js';
import { IdPath } from './id-contract.js';
import { InhibitionInput, InhibitionList, InhibitionView, inhibitionView } from './inhibitions-contract.js';
import { MuteTimeInput, MuteTimeList, MuteTimePath, MuteTimeView } from './mute-times-contract.js';
import { routingOf, RoutingInput, RoutingView, routingView } from './routing-contract.js';
import { allRoutes } from './tree.js';

const UNUSABLE = errorAnswer(422, 'A channel or a mute time that it names is not there, or there are too many.');
const CHANGED = errorAnswer(412, 'The routes are not those of `If-Match` any more.');
const CONFLICT = errorAnswer(409, 'Another one has that name.');
const IF_MATCH = { name: 'if-match', required: false, description: 'The ETag of the routes as they were read.' };
const ETAG = { etag: { description: 'Changes with the routes.', schema: { type: 'string' } } } as const;

@ApiTags('routing')
@Controller('api/v1')
export class RoutingController {
  constructor(
    private readonly store: RoutingStore,
    private readonly channels: ChannelStore,
    @Inject(Bell) private readonly bell: Pick<Bell, 'ring'>,
  ) {}

  @Get('routes')
  @RequireScope('read')
  @ApiOperation({
    summary: 'The tree of routes',
    description:
      'Who is told of which alerts, in which groups and how often, as in Alertmanager. Without a tree of your own: every channel, an incident ' +
      'at once when it opens and when it ends, other alerts by `alertname`.',
  })
  @ApiOkResponse({ standardSchema: RoutingView, description: 'The tree.', headers: ETAG })
  async routes(@Tenant() tenantId: number, @Res({ passthrough: true }) reply: FastifyReply): Promise<RoutingView> {
    const made = await this.store.tree(tenantId);
    return shown(made ?? { ...DEFAULT_ROUTING, version: await this.store.version(tenantId) }, reply);
  }

  @Put('routes')
  @RequireScope('admin')
  @ApiHeader(IF_MATCH)
  @ApiResponse(CHANGED)
  @ApiResponse(UNUSABLE)
  @ApiOperation({
    summary: 'Replaces the tree of routes',
    description: 'What fires is led by the new tree at once; nobody is told again of what they know.',
  })
  @ApiOkResponse({ standardSchema: RoutingView, description: 'The tree as it is now.', headers: ETAG })
  async replaceRoutes(
    @Tenant() tenantId: number,
    @Body({ schema: RoutingInput }) input: RoutingInput,
    @Headers('if-match') ifMatch: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RoutingView> {
    const document = routingOf(input);
    await this.check(tenantId, { ...document, version: 0 });
    const version = await this.store.replace(tenantId, document, expectedVersion(ifMatch), 'api');
    await this.bell.ring('route', tenantId);
    return shown({ ...document, version }, reply);
  }

  @Delete('routes')
  @RequireScope('admin')
  @HttpCode(204)
  @ApiOperation({ summary: 'Goes back to the default tree' })
  @ApiNoContentResponse({ description: 'The default tree holds.' })
  async resetRoutes(@Tenant() tenantId: number): Promise<void> {
    await this.store.replace(tenantId, null, null, 'api');
    await this.bell.ring('route', tenantId);
  }

  @Get('mute-times')
  @RequireScope('read')
  @ApiOperation({
    summary: 'Mute times',
    description: 'Routes name them in `muteTimes` (quiet then) or `activeTimes` (quiet otherwise).',
  })
  @ApiOkResponse({ standardSchema: MuteTimeList, description: 'All mute times, by name.' })
  async muteTimes(@Tenant() tenantId: number): Promise<MuteTimeList> {
    return { muteTimes: await this.store.muteTimes(tenantId) };
  }

  @Put('mute-times/:name')
  @RequireScope('admin')
  @ApiResponse(UNUSABLE)
  @ApiOperation({ summary: 'Makes or replaces a mute time' })
  @ApiOkResponse({ standardSchema: MuteTimeView, description: 'The mute time.' })
  async putMuteTime(
    @Tenant() tenantId: number,
    @Param({ schema: MuteTimePath }) { name }: MuteTimePath,
    @Body({ schema: MuteTimeInput }) { intervals }: MuteTimeInput,
  ) {
    await this.store.putMuteTime(tenantId, { name, intervals });
    await this.bell.ring('route', tenantId);
    return { name, intervals };
  }

  @Delete('mute-times/:name')
  @RequireScope('admin')
  @HttpCode(204)
  @ApiResponse(NOT_FOUND)
  @ApiResponse(CONFLICT)
  @ApiOperation({ summary: 'Deletes a mute time' })
  @ApiNoContentResponse({ description: 'It is gone.' })
  async deleteMuteTime(
    @Tenant() tenantId: number,
    @Param({ schema: MuteTimePath }) { name }: MuteTimePath,
  ): Promise<void> {
    const tree = await this.store.tree(tenantId);
    const used =
      tree && allRoutes(tree).find(({ settings }) => [...settings.muteTimes, ...settings.activeTimes].includes(name));
    if (used) throw new Rejected('in_use', `${used.path} names the mute time ${name}; change the routes first`, 409);
    await this.store.deleteMuteTime(tenantId, name);
    await this.bell.ring('route', tenantId);
  }

  @Get('inhibitions')
  @RequireScope('read')
  @ApiOperation({ summary: 'Inhibitions' })
  @ApiOkResponse({ standardSchema: InhibitionList, description: 'All inhibitions, oldest first.' })
  async inhibitions(@Tenant() tenantId: number): Promise<InhibitionList> {
    return { inhibitions: (await this.store.inhibitions(tenantId)).map(inhibitionView) };
  }

  @Post('inhibitions')
  @RequireScope('admin')
  @ApiResponse(CONFLICT)
  @ApiResponse(UNUSABLE)
  @ApiOperation({ summary: 'Adds an inhibition' })
  @ApiCreatedResponse({ standardSchema: InhibitionView, description: 'The inhibition.' })
  async createInhibition(
    @Tenant() tenantId: number,
    @Body({ schema: InhibitionInput }) input: InhibitionInput,
  ): Promise<InhibitionView> {
    const made = await this.store.createInhibition(tenantId, input);
    await this.bell.ring('route', tenantId);
    return inhibitionView(made);
  }

  @Put('inhibitions/:id')
  @RequireScope('admin')
  @ApiResponse(CONFLICT)
  @ApiResponse(NOT_FOUND)
  @ApiOperation({ summary: 'Replaces an inhibition' })
  @ApiOkResponse({ standardSchema: InhibitionView, description: 'The inhibition as it is now.' })
  async replaceInhibition(
    @Tenant() tenantId: number,
    @Param({ schema: IdPath }) { id }: IdPath,
    @Body({ schema: InhibitionInput }) input: InhibitionInput,
  ): Promise<InhibitionView> {
    await this.store.replaceInhibition(tenantId, { id, ...input });
    await this.bell.ring('route', tenantId);
    return inhibitionView({ id, ...input });
  }

  @Delete('inhibitions/:id')
  @RequireScope('admin')
  @HttpCode(204)
  @ApiResponse(NOT_FOUND)
  @ApiOperation({ summary: 'Deletes an inhibition' })
  @ApiNoContentResponse({ description: 'It is gone.' })
  async deleteInhibition(@Tenant() tenantId: number, @Param({ schema: IdPath }) { id }: IdPath): Promise<void> {
    await this.store.deleteInhibition(tenantId, id);
    await this.bell.ring('route', tenantId);
  }

  /** What the tree names has to be there. */
  private async check(tenantId: number, routing: Routing): Promise<void> {
    for (const [index, { channelIds }] of routing.receivers.entries()) {
      const unknown = channelIds === null ? [] : await this.channels.unknownIds(tenantId, channelIds);
      if (unknown.length > 0) {
        const field = `receivers.${index}.channelIds`;
        throw new Rejected('unknown_channel', `${field}: there is no channel ${unknown.join(', ')}`, 422, field);
      }
    }
    const muteTimes = await this.store.muteTimes(tenantId);
    for (const { route, path } of allRoutes(routing)) {
      for (const field of ['muteTimes', 'activeTimes'] as const) {
        const missing = route[field]?.find((name) => !muteTimes.some((time) => time.name === name));
        if (missing !== undefined) {
          throw new Rejected(
            'unknown_mute_time',
            `${path}.${field}: there is no mute time ${missing}`,
            422,
            `${path}.${field}`,
          );
        }
      }
    }
  }
}

function shown(routing: Routing, reply: FastifyReply): RoutingView {
  void reply.header('etag', `"${routing.version}"`);
  return routingView(routing);
}

/** Null: any. */
function expectedVersion(ifMatch: string | undefined): number | null {
  if (ifMatch === undefined || ifMatch.trim() === '*') return null;
  const version = /^(?:W\/)?"(\d{1,9})"$/.exec(ifMatch.trim())?.[1];
  if (version === undefined) throw new Rejected('precondition_failed', 'If-Match is no ETag of the routes', 412);
  return Number(version);
}
