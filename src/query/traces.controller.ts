import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { RequireScope, Tenant } from '../access/access.guard.js';
import { encodeCursor } from '../list-cursor.js';
import { LogReader } from '../journal/log-read.js';
import { JournalReader } from '../journal/read.js';
import { TraceSearch, type FoundTrace, type SpanFilter } from '../journal/search.js';
import { Rejected } from '../model/failure.js';
import { SPAN_KIND } from '../model/span.js';
import { type FoundTraceView, TraceList, TraceLogs, TraceView } from './traces-contract.js';
import { TracePageQuery, TracePath, TraceQuery } from './parameters.js';

@ApiTags('traces')
@RequireScope('read')
@Controller('api/v1/traces')
export class TracesController {
  constructor(
    private readonly journal: JournalReader,
    private readonly search: TraceSearch,
    private readonly logs: LogReader,
  ) {}

  @Get()
  @ApiOperation({
    summary: 'Traces of which one span matches all filters, newest first',
    description:
      'The work of a page is bounded. A page that ended at a bound says so, and its cursor goes on from there.',
  })
  @ApiOkResponse({ standardSchema: TraceList, description: 'A page of traces.' })
  async list(@Tenant() tenantId: number, @Query({ schema: TraceQuery }) query: TraceQuery): Promise<TraceList> {
    const { cursor, limit } = query;
    const { fromMs, toMs } = cursor ?? (await this.search.period(tenantId, query.from, query.to, Date.now()));
    const after = cursor ? { endUs: cursor.endUs, traceId: cursor.traceId } : null;
    const found = await this.search.search(tenantId, {
      filter: spanFilter(query, fromMs, toMs),
      limit,
      after,
      asOfMs: cursor?.asOfMs ?? null,
    });
    return {
      traces: found.traces.map(foundTraceView),
      nextCursor: found.next && encodeCursor({ ...found.next, fromMs, toMs, asOfMs: found.asOfMs }),
      isComplete: found.isComplete,
      searched: {
        from: new Date(found.searchedToUs / 1_000).toISOString(),
        to: new Date(toMs).toISOString(),
        ...found.cost,
      },
    };
  }

  @Get(':traceId')
  @ApiOperation({ summary: 'The spans stored of one trace, by start, 10,000 at a time' })
  @ApiOkResponse({ standardSchema: TraceView, description: 'The trace.' })
  async get(
    @Tenant() tenantId: number,
    @Param({ schema: TracePath }) { traceId }: TracePath,
    @Query({ schema: TracePageQuery }) page: TracePageQuery,
  ): Promise<TraceView> {
    const trace = await this.journal.trace(tenantId, traceId, page);
    if (trace === null) throw new Rejected('not_found', `no span of trace ${traceId} is stored`, 404, 'traceId');
    return {
      ...trace,
      spans: trace.spans.map((span) => ({ ...span, kind: SPAN_KIND[span.kind] ?? 'unspecified' })),
    };
  }

  @Get(':traceId/logs')
  @ApiOperation({ summary: 'Log records written within one trace, by time' })
  @ApiOkResponse({ standardSchema: TraceLogs, description: 'The records; none when nothing was logged.' })
  traceLogs(@Tenant() tenantId: number, @Param({ schema: TracePath }) { traceId }: TracePath): Promise<TraceLogs> {
    return this.logs.trace(tenantId, traceId);
  }
}

function spanFilter(query: TraceQuery, fromMs: number, toMs: number): SpanFilter {
  const { service, operation, kind, minDurationUs = 0, maxDurationUs = Infinity, status, attribute } = query;
  return {
    ...(service === undefined ? {} : { service }),
    ...(operation === undefined ? {} : { operation }),
    ...(kind === undefined ? {} : { kind: SPAN_KIND.indexOf(kind) }),
    minDurationUs,
    maxDurationUs,
    errorsOnly: status === 'error',
    attributes: attribute,
    fromUs: fromMs * 1_000,
    toUs: toMs * 1_000,
  };
}

function foundTraceView({ startUs, ...trace }: FoundTrace): FoundTraceView {
  return { ...trace, startedAt: new Date(startUs / 1_000).toISOString() };
}
