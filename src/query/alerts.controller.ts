import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { RequireScope, Tenant } from '../access/access.guard.js';
import { encodeCursor } from '../list-cursor.js';
import { Rejected } from '../model/failure.js';
import { GroupViewsStore } from '../store/group-views.store.js';
import { AlertViewsStore } from '../store/alert-views.store.js';
import { AlertGroupList, AlertGroupQuery, alertGroupView } from './alert-groups-contract.js';
import { AlertDetailView, AlertList, AlertPath, AlertQuery, alertDetailView, alertView } from './alerts-contract.js';

@ApiTags('routing')
@RequireScope('read')
@Controller('api/v1/alerts')
export class AlertsController {
  constructor(
    private readonly views: AlertViewsStore,
    private readonly groupViews: GroupViewsStore,
  ) {}

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

  @Get('groups')
  @ApiOperation({ summary: 'Groups of alerts that are told together and not over, newest first' })
  @ApiOkResponse({ standardSchema: AlertGroupList, description: 'A page of groups.' })
  async groups(
    @Tenant() tenantId: number,
    @Query({ schema: AlertGroupQuery }) query: AlertGroupQuery,
  ): Promise<AlertGroupList> {
    const found = await this.groupViews.list(tenantId, { ...query, limit: query.limit + 1 });
    const shown = found.slice(0, query.limit);
    const last = shown.at(-1);
    return {
      groups: shown.map(alertGroupView),
      nextCursor: last && found.length > shown.length ? encodeCursor({ createdAt: last.place, id: last.id }) : null,
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
