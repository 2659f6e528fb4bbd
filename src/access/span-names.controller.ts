import { Body, Controller, Get, HttpCode, Post, Put } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { errorAnswer } from '../error-answer.js';
import { Rejected } from '../model/failure.js';
import { TenantSettingsStore } from '../store/tenant-settings.store.js';
import { RequireScope, Tenant } from './access.guard.js';
import { SpanNamesInput, SpanNamesTryInput, SpanNamesTryView, SpanNamesView } from './contract.js';
import { tryNormalising } from './span-names.js';

/** Whether ids and numbers in span names tell operations apart. */
@ApiTags('services')
@Controller('api/v1/span-names')
export class SpanNamesController {
  constructor(private readonly settings: TenantSettingsStore) {}

  @Get()
  @RequireScope('read')
  @ApiOperation({ summary: 'Whether span names are normalised for grouping' })
  @ApiOkResponse({ standardSchema: SpanNamesView, description: 'The setting of the tenant.' })
  async get(@Tenant() tenantId: number): Promise<SpanNamesView> {
    return { normalise: (await this.settings.get(tenantId)).normaliseSpanNames };
  }

  @Put()
  @RequireScope('admin')
  @ApiOperation({
    summary: 'Switches normalising of span names on or off',
    description:
      'From then on (within five seconds) operations are named with placeholders for ids and numbers; spans keep their own ' +
      'names. Operations that exist stay as they are. New ones learn what is normal from the start.',
  })
  @ApiOkResponse({ standardSchema: SpanNamesView, description: 'The setting of the tenant.' })
  async put(
    @Tenant() tenantId: number,
    @Body({ schema: SpanNamesInput }) body: SpanNamesInput,
  ): Promise<SpanNamesView> {
    const { normaliseSpanNames } = await this.settings.change(tenantId, { normaliseSpanNames: body.normalise });
    return { normalise: normaliseSpanNames };
  }

  @Post('try')
  @ApiResponse(errorAnswer(404, 'No operation of that service is known.'))
  @HttpCode(200)
  @RequireScope('read')
  @ApiOperation({
    summary: 'What normalising would make of the operations of a service',
    description: 'Changes nothing.',
  })
  @ApiOkResponse({ standardSchema: SpanNamesTryView, description: 'What would merge into what.' })
  async try(
    @Tenant() tenantId: number,
    @Body({ schema: SpanNamesTryInput }) { service }: SpanNamesTryInput,
  ): Promise<SpanNamesTryView> {
    const operations = await this.settings.operationNames(tenantId, service);
    if (operations.length === 0)
      throw new Rejected('unknown_service', `no operation of service ${service} is known`, 404, 'service');
    return { service, ...tryNormalising(operations) };
  }
}
