import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { RequireScope, Tenant } from '../access/access.guard.js';
import { encodeCursor } from '../list-cursor.js';
import { displayText } from '../model/display.js';
import { Rejected } from '../model/failure.js';
import { correlationViews } from '../model/correlation-view.js';
import { incidentView } from '../model/incident-view.js';
import { SPAN_KIND } from '../model/span.js';
import { CorrelationStore } from '../store/correlation.store.js';
import { IncidentViewsStore, type ListedAnomaly } from '../store/incident-views.store.js';
import { AnomalyList, type AnomalyView } from './findings-contract.js';
import { IncidentDetailView, IncidentList } from './incidents-contract.js';
import { AnomalyQuery, IncidentPath, IncidentQuery } from './parameters.js';

@ApiTags('incidents')
@RequireScope('read')
@Controller('api/v1')
export class IncidentsController {
  constructor(
    private readonly views: IncidentViewsStore,
    private readonly correlations: CorrelationStore,
  ) {}

  @Get('incidents')
  @ApiOperation({ summary: 'Incidents, newest first' })
  @ApiOkResponse({ standardSchema: IncidentList, description: 'A page of incidents.' })
  async list(
    @Tenant() tenantId: number,
    @Query({ schema: IncidentQuery }) query: IncidentQuery,
  ): Promise<IncidentList> {
    const found = await this.views.list(tenantId, { ...query, limit: query.limit + 1 });
    const shown = found.slice(0, query.limit);
    const last = shown.at(-1);
    return {
      incidents: shown.map(({ incident }) => incidentView(incident)),
      nextCursor: last && found.length > shown.length ? encodeCursor(last.place) : null,
    };
  }

  @Get('incidents/:id')
  @ApiOperation({ summary: 'One incident, with what happened, what was decided and what was sent' })
  @ApiOkResponse({ standardSchema: IncidentDetailView, description: 'The incident.' })
  async get(
    @Tenant() tenantId: number,
    @Param({ schema: IncidentPath }) { id }: IncidentPath,
  ): Promise<IncidentDetailView> {
    const found = await this.views.get(tenantId, id);
    if (found === null) throw new Rejected('not_found', `there is no incident ${id}`, 404, 'id');
    const report = await this.correlations.get(tenantId, id);
    return { ...incidentView(found.incident), ...correlationViews(report), ...found.history };
  }

  @Get('anomalies')
  @ApiOperation({
    summary: 'Findings of the detectors, newest window first',
    description: 'Every series that looked unusual in a window, with the reason for which it was raised or held back.',
  })
  @ApiOkResponse({ standardSchema: AnomalyList, description: 'A page of findings.' })
  async anomalies(
    @Tenant() tenantId: number,
    @Query({ schema: AnomalyQuery }) query: AnomalyQuery,
  ): Promise<AnomalyList> {
    const found = await this.views.anomalies(tenantId, { ...query, limit: query.limit + 1 });
    const shown = found.slice(0, query.limit);
    const last = shown.at(-1);
    return {
      anomalies: shown.map(anomalyView),
      nextCursor: last && found.length > shown.length ? encodeCursor(placeOf(last)) : null,
    };
  }
}

function placeOf({ windowAt, finding }: ListedAnomaly) {
  return { windowAt, signal: finding.signal, operationId: finding.operationId, callerId: finding.callerId };
}

function anomalyView(listed: ListedAnomaly): AnomalyView {
  const { finding, service, operation, kind, callerService, callerOperation } = listed;
  return {
    windowAt: new Date(finding.windowAtMs).toISOString(),
    signal: finding.signal,
    service,
    operation,
    kind: SPAN_KIND[kind] ?? 'unspecified',
    caller:
      callerService === null || callerOperation === null
        ? null
        : { service: callerService, operation: callerOperation },
    raised: finding.raised,
    reason: finding.reason,
    direction: finding.direction,
    quantile: finding.quantile,
    observed: finding.observed,
    expected: finding.expected,
    unit: finding.unit,
    n: finding.n,
    baselineN: finding.baselineN,
    score: finding.score,
    since: new Date(finding.sinceMs).toISOString(),
    event: finding.event
      ? { change: finding.event.change, severity: finding.event.severity, text: displayText(finding.event.text, 300) }
      : null,
    pooledOperations: finding.pooled?.length ?? null,
    pattern: finding.pattern ?? null,
  };
}
