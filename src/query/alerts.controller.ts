import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { RequireScope, Tenant } from '../access/access.guard.js';
import { encodeCursor } from '../list-cursor.js';
import { Rejected } from '../model/failure.js';
import { AlertViewsStore } from '../store/alert-views.store.js';
import { AlertDetailView, AlertList, AlertPath, AlertQuery, alertDetailView, alertView } from './alerts-contract.js';

@ApiTags('routing')
@RequireScope('read')
@Controller('api/v1/alerts')
export class AlertsController {
  constructor(private readonly views: AlertViewsStore) {}

  @Get()
  @ApiOperation({ summary: 'Alerts of all rules and from outside, the last to change first' })
  @ApiOkResponse({ standardSchema: AlertList, description: 'A page of alerts.' })
  async list(@Tenant() tenantId: number, @Query({ schema: AlertQuery }) query: AlertQuery): Promise<AlertList> {
    const found = await this.views.list(tenantId, { ...query, limit: query.limit + 1 });
    const shown = found.slice(0, query.limit);
    const last = shown.at(-1);
    return {
      alerts: shown.map(alertView),
      nextCursor: last && found.length > shown.length ? encodeCursor({ updatedAt: last.updatedAt, id: last.id }) : null,
    };
  }

  @Get(':id')
  @ApiOperation({ summary: 'One alert: what happened to it, who was told, and why or why not' })
  @ApiOkResponse({ standardSchema: AlertDetailView, description: 'The alert.' })
  async get(@Tenant() tenantId: number, @Param({ schema: AlertPath }) { id }: AlertPath): Promise<AlertDetailView> {
    const found = await this.views.get(tenantId, id);
    if (found === null) throw new Rejected('not_found', `there is no alert ${id}`, 404, 'id');
    return alertDetailView(found);
  }
}
