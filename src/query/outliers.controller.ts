import { Controller, Get, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { RequireScope, Tenant } from '../access/access.guard.js';
import { encodeCursor } from '../list-cursor.js';
import { formatQuantity } from '../model/display.js';
import type { Outlier } from '../model/outlier.js';
import { SPAN_KIND } from '../model/span.js';
import { OutlierStore, type ListedOutlier } from '../store/outlier.store.js';
import { OutlierList, type OutlierView } from './findings-contract.js';
import { OutlierQuery } from './parameters.js';

@ApiTags('traces')
@RequireScope('read')
@Controller('api/v1/outliers')
export class OutliersController {
  constructor(private readonly outliers: OutlierStore) {}

  @Get()
  @ApiOperation({
    summary: 'Single traces far outside of what is normal for one of their operations, newest window first',
    description: 'Noted and kept as long as the traces of incidents; nobody is told of them.',
  })
  @ApiOkResponse({ standardSchema: OutlierList, description: 'A page of traces.' })
  async list(@Tenant() tenantId: number, @Query({ schema: OutlierQuery }) query: OutlierQuery): Promise<OutlierList> {
    const found = await this.outliers.list(tenantId, { ...query, limit: query.limit + 1 });
    const shown = found.slice(0, query.limit);
    const last = shown.at(-1);
    return {
      outliers: shown.map(outlierView),
      nextCursor: last && found.length > shown.length ? encodeCursor(placeOf(last)) : null,
    };
  }
}

function placeOf({ windowAt, outlier: { traceId, reason } }: ListedOutlier) {
  return { windowAt, traceId, reason };
}

function outlierView({ outlier, service, operation, kind }: ListedOutlier): OutlierView {
  const { traceId, windowAtMs, reason, observed, expected, n, baselineN, score, alsoIn } = outlier;
  return {
    traceId,
    windowAt: new Date(windowAtMs).toISOString(),
    service,
    operation,
    kind: SPAN_KIND[kind] ?? 'unspecified',
    reason,
    text: sentence(outlier),
    observed,
    expected,
    unit: reason === 'slow' ? 'us' : 'ratio',
    n,
    baselineN,
    score,
    alsoIn,
  };
}

function sentence({ reason, observed, expected, n, baselineN }: Outlier): string {
  return reason === 'slow'
    ? `took ${formatQuantity(observed, 'us')}, where 97 % of ${baselineN} spans took at most ${formatQuantity(expected, 'us')}`
    : `failed (${formatQuantity(observed, 'ratio')} of ${n} spans), where ${formatQuantity(expected, 'ratio')} of ${baselineN} spans did`;
}
