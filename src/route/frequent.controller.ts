import { Controller, Delete, Get, HttpCode, Inject, Param } from '@nestjs/common';
import { ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { RequireScope, Tenant } from '../access/access.guard.js';
import { NOT_FOUND } from '../error-answer.js';
import { Bell } from '../queue/bell.js';
import { DatabaseClock } from '../store/database-clock.store.js';
import { RecurrenceStore } from '../store/recurrence.store.js';
import { FrequentAlertList, frequentAlertList } from './frequent-contract.js';
import { IdPath } from './id-contract.js';

@ApiTags('routing')
@Controller('api/v1/frequent-alerts')
export class FrequentController {
  constructor(
    private readonly recurrences: RecurrenceStore,
    private readonly clock: DatabaseClock,
    @Inject(Bell) private readonly bell: Pick<Bell, 'ring'>,
  ) {}

  @Get()
  @RequireScope('read')
  @ApiOperation({ summary: 'Alerts that are muted since they keep coming back' })
  @ApiOkResponse({ standardSchema: FrequentAlertList, description: 'The last to end first.' })
  async list(@Tenant() tenantId: number): Promise<FrequentAlertList> {
    return frequentAlertList(await this.recurrences.muted(tenantId, await this.clock.nowMs()));
  }

  @Delete(':id')
  @RequireScope('admin')
  @HttpCode(204)
  @ApiResponse(NOT_FOUND)
  @ApiOperation({ summary: 'Has alerts that keep coming back told again, and counted from the beginning' })
  @ApiNoContentResponse({ description: 'They are told again; what fires now is told at once.' })
  async lift(@Tenant() tenantId: number, @Param({ schema: IdPath }) { id }: IdPath): Promise<void> {
    await this.recurrences.lift(tenantId, id, await this.clock.nowMs());
    await this.bell.ring('route', tenantId);
  }
}
