import { Controller, Get, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { setImmediate } from 'node:timers/promises';
import { RequireScope, Tenant } from '../access/access.guard.js';
import { DEFAULT_POLICY } from '../model/policy.js';
import { type Period, ViewsStore } from '../store/views.store.js';
import { OperationList, PipelineView, ServiceList } from './contract.js';
import { operationView, serviceView } from './load.js';
import { OperationQuery } from './parameters.js';

@RequireScope('read')
@Controller('api/v1')
export class LoadController {
  constructor(private readonly views: ViewsStore) {}

  @Get('services')
  @ApiTags('services')
  @ApiOperation({ summary: 'Services, by name, with their load over the last five measured minutes' })
  @ApiOkResponse({ standardSchema: ServiceList, description: 'All services.' })
  async services(@Tenant() tenantId: number): Promise<ServiceList> {
    const { minWindows, minBaselineN } = DEFAULT_POLICY;
    const { period, services } = await this.views.services(tenantId, minWindows, minBaselineN);
    const seconds = secondsOf(period);
    return { period: shown(period), services: await inTurns(services, (service) => serviceView(service, seconds)) };
  }

  @Get('operations')
  @ApiTags('services')
  @ApiOperation({
    summary: 'Operations with their load over the last five measured minutes, and what is normal for them',
  })
  @ApiOkResponse({ standardSchema: OperationList, description: 'Operations, busiest first.' })
  async operations(
    @Tenant() tenantId: number,
    @Query({ schema: OperationQuery }) { service, limit }: OperationQuery,
  ): Promise<OperationList> {
    const { period, operations, total } = await this.views.operations(tenantId, service, limit);
    const seconds = secondsOf(period);
    return {
      period: shown(period),
      operations: await inTurns(operations, (operation) => operationView(operation, seconds, DEFAULT_POLICY)),
      total,
    };
  }

  @Get('pipeline')
  @ApiTags('system')
  @ApiOperation({
    summary: 'How far each stage has come, in event time',
    description: 'Everything is processed when all stages reach closedThrough and nothing is undecided or pending.',
  })
  @ApiOkResponse({ standardSchema: PipelineView, description: 'The progress of this tenant.' })
  async pipeline(@Tenant() tenantId: number): Promise<PipelineView> {
    const { stages, ...progress } = await this.views.pipeline(tenantId);
    const stage = (name: keyof PipelineView['stages']) => stages[name] ?? null;
    return {
      ...progress,
      stages: {
        measure: stage('measure'),
        baseline: stage('baseline'),
        detect: stage('detect'),
        rank: stage('rank'),
        incident: stage('incident'),
        correlate: stage('correlate'),
      },
    };
  }
}

/** Merging thousands of histograms takes seconds: other requests have their turn in between. */
async function inTurns<T, R>(items: readonly T[], view: (item: T) => R): Promise<R[]> {
  const views: R[] = [];
  for (const item of items) {
    views.push(view(item));
    await setImmediate();
  }
  return views;
}

function secondsOf(period: Period | null): number {
  return period === null ? 0 : (period.to.getTime() - period.from.getTime()) / 1000;
}

function shown(period: Period | null): ServiceList['period'] {
  return period && { from: period.from.toISOString(), to: period.to.toISOString() };
}
