import { Controller, Get, Header } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import { collectDefaultMetrics, register, Registry } from 'prom-client';
import { RequireScope, Tenant } from '../access/access.guard.js';
import { MetricsStore } from '../store/metrics.store.js';
import { tenantMetrics } from './tenant-metrics.js';

@ApiTags('system')
@RequireScope('read')
@Controller('metrics')
export class MetricsController {
  constructor(private readonly store: MetricsStore) {
    if (register.getSingleMetric('process_cpu_seconds_total') === undefined) collectDefaultMetrics();
  }

  @Get()
  @ApiOperation({ summary: 'Figures of this tenant and of the process, for Prometheus' })
  @ApiProduces('text/plain')
  @ApiOkResponse({ schema: { type: 'string' }, description: 'Prometheus text format.' })
  @Header('content-type', Registry.PROMETHEUS_CONTENT_TYPE)
  async get(@Tenant() tenantId: number): Promise<string> {
    const tenant = tenantMetrics(await this.store.figures(tenantId));
    return Registry.merge([tenant, register]).metrics();
  }
}
