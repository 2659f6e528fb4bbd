import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post, Put } from '@nestjs/common';
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
import { Bell } from '../queue/bell.js';
import { DatabaseClock } from '../store/database-clock.store.js';
import { SilenceStore, type SilenceValues } from '../store/silence.store.js';
import { IdPath } from './id-contract.js';
import { SilenceInput, SilenceList, SilenceView, silenceView } from './silences-contract.js';

const TOO_MANY = errorAnswer(422, 'There are too many silences.');

@ApiTags('routing')
@Controller('api/v1/silences')
export class SilencesController {
  constructor(
    private readonly silences: SilenceStore,
    private readonly clock: DatabaseClock,
    @Inject(Bell) private readonly bell: Pick<Bell, 'ring'>,
  ) {}

  @Get()
  @RequireScope('read')
  @ApiOperation({
    summary: 'Silences',
    description: 'Those to come, those that hold, and those that ended in the last five days.',
  })
  @ApiOkResponse({ standardSchema: SilenceList, description: 'All silences, the last to end first.' })
  async list(@Tenant() tenantId: number): Promise<SilenceList> {
    const nowMs = await this.clock.nowMs();
    return { silences: (await this.silences.list(tenantId)).map((silence) => silenceView(silence, nowMs)) };
  }

  @Get(':id')
  @RequireScope('read')
  @ApiResponse(NOT_FOUND)
  @ApiOperation({ summary: 'One silence' })
  @ApiOkResponse({ standardSchema: SilenceView, description: 'The silence.' })
  async get(@Tenant() tenantId: number, @Param({ schema: IdPath }) { id }: IdPath): Promise<SilenceView> {
    return silenceView(await this.silences.get(tenantId, id), await this.clock.nowMs());
  }

  @Post()
  @RequireScope('admin')
  @ApiResponse(TOO_MANY)
  @ApiOperation({ summary: 'Silences alerts for a time' })
  @ApiCreatedResponse({ standardSchema: SilenceView, description: 'The silence.' })
  async create(@Tenant() tenantId: number, @Body({ schema: SilenceInput }) input: SilenceInput): Promise<SilenceView> {
    const nowMs = await this.clock.nowMs();
    const made = await this.silences.create(tenantId, values(input, nowMs), nowMs);
    await this.bell.ring('route', tenantId);
    return silenceView(made, nowMs);
  }

  @Put(':id')
  @RequireScope('admin')
  @ApiResponse(NOT_FOUND)
  @ApiResponse(TOO_MANY)
  @ApiOperation({
    summary: 'Changes a silence',
    description:
      'One that has begun is not rewritten: other matchers end it, and the answer is a new one with an id of its own.',
  })
  @ApiOkResponse({ standardSchema: SilenceView, description: 'The silence as it is now.' })
  async replace(
    @Tenant() tenantId: number,
    @Param({ schema: IdPath }) { id }: IdPath,
    @Body({ schema: SilenceInput }) input: SilenceInput,
  ): Promise<SilenceView> {
    const nowMs = await this.clock.nowMs();
    const changed = await this.silences.replace(tenantId, id, values(input, nowMs), nowMs);
    await this.bell.ring('route', tenantId);
    return silenceView(changed, nowMs);
  }

  @Delete(':id')
  @RequireScope('admin')
  @HttpCode(204)
  @ApiResponse(NOT_FOUND)
  @ApiOperation({ summary: 'Ends a silence' })
  @ApiNoContentResponse({ description: 'It is over; it stays in the list for five days.' })
  async expire(@Tenant() tenantId: number, @Param({ schema: IdPath }) { id }: IdPath): Promise<void> {
    await this.silences.expire(tenantId, id, await this.clock.nowMs());
    await this.bell.ring('route', tenantId);
  }
}

function values({ matchers, startsAt, endsAt, createdBy, comment }: SilenceInput, nowMs: number): SilenceValues {
  return {
    matchers,
    startsAtMs: startsAt === undefined ? nowMs : Date.parse(startsAt),
    endsAtMs: Date.parse(endsAt),
    createdBy,
    comment,
  };
}
