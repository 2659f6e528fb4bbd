import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { setImmediate } from 'node:timers/promises';
import { RequireScope, Tenant } from '../access/access.guard.js';
import { Rejected } from '../model/failure.js';
import { DEFAULT_POLICY } from '../model/policy.js';
import { LoadStore, type Period } from '../store/load.store.js';
import { ViewsStore } from '../store/views.store.js';
import { OperationList, RedView, ServiceList } from './services-contract.js';
import { PipelineView } from './system-contract.js';
import { operationView, redStep, serviceView } from './load.js';
import { OperationPath, OperationQuery, RedQuery } from './parameters.js';

@RequireScope('read')
@Controller('api/v1')
export class LoadController {
  constructor(
    private readonly loads: LoadStore,
    private readonly views: ViewsStore,
  ) {}

  @Get('services')
  @ApiTags('services')
  @ApiOperation({ summary: 'Services, by name, with their load over the last five measured minutes' })
  @ApiOkResponse({ standardSchema: ServiceList, description: 'All services.' })
  async services(@Tenant() tenantId: number): Promise<ServiceList> {
    const { minWindows, minBaselineN } = DEFAULT_POLICY;
    const { period, services } = await this.loads.services(tenantId, minWindows, minBaselineN);
    const seconds = secondsOf(period);
    return { period: shown(period), services: await inTurns(services, (service) => serviceView(service, seconds)) };
  }

  @Get('operations')
  @ApiTags('services')
  @ApiOperation({
    summary: 'Operations with their load over a period, and what is normal for them',
    description: 'Without `from` and `to`: the last five measured minutes.',
  })
  @ApiOkResponse({ standardSchema: OperationList, description: 'Operations, busiest first.' })
  async operations(
    @Tenant() tenantId: number,
    @Query({ schema: OperationQuery }) { service, from, to, limit }: OperationQuery,
  ): Promise<OperationList> {
    const { period, operations, total } = await this.loads.operations(tenantId, service, given({ from, to }), limit);
    const seconds = secondsOf(period);
    return {
      period: shown(period),
      operations: await inTurns(operations, (operation) => operationView(operation, seconds, DEFAULT_POLICY)),
      total,
    };
  }

  @Get('operations/:id/red')
  @ApiTags('services')
  @ApiOperation({ summary: 'Rate, errors and durations of one operation, step by step' })
  @ApiOkResponse({ standardSchema: RedView, description: 'Of what is measured of the period.' })
  async red(
    @Tenant() tenantId: number,
    @Param({ schema: OperationPath }) { id }: OperationPath,
    @Query({ schema: RedQuery }) { from, to, step }: RedQuery,
  ): Promise<RedView> {
    const stepMs = step * 1_000;
    const found = await this.loads.operation(tenantId, id, given({ from, to }), stepMs);
    if (found === null) throw new Rejected('not_found', `there is no operation ${id}`, 404, 'id');
    const { period, steps } = found;
    const secondsFrom = (atMs: number): number =>
      (Math.min(atMs + stepMs, period!.to.getTime()) - Math.max(atMs, period!.from.getTime())) / 1_000;
    return {
      period: shown(period),
      stepSeconds: step,
      steps: await inTurns(steps, (each) => redStep(each, secondsFrom(each.atMs))),
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

function given({ from, to }: { from?: Date | undefined; to?: Date | undefined }): Partial<Period> {
  return { ...(from && { from }), ...(to && { to }) };
}

function secondsOf(period: Period | null): number {
  return period === null ? 0 : (period.to.getTime() - period.from.getTime()) / 1000;
}

function shown(period: Period | null): ServiceList['period'] {
  return period && { from: period.from.toISOString(), to: period.to.toISOString() };
}
