import { Controller, Get, Param } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { RequireScope, Tenant } from '../access/access.guard.js';
import { JournalReader } from '../journal/read.js';
import { Rejected } from '../model/failure.js';
import { SPAN_KIND } from '../model/span.js';
import { TraceView } from './contract.js';
import { TracePath } from './parameters.js';

@ApiTags('traces')
@RequireScope('read')
@Controller('api/v1/traces')
export class TracesController {
  constructor(private readonly journal: JournalReader) {}

  @Get(':traceId')
  @ApiOperation({ summary: 'All spans stored of one trace, by start' })
  @ApiOkResponse({ standardSchema: TraceView, description: 'The trace.' })
  async get(@Tenant() tenantId: number, @Param({ schema: TracePath }) { traceId }: TracePath): Promise<TraceView> {
    const trace = await this.journal.trace(tenantId, traceId);
    if (trace === null) throw new Rejected('not_found', `no span of trace ${traceId} is stored`, 404, 'traceId');
    return {
      traceId: trace.traceId,
      spans: trace.spans.map((span) => ({ ...span, kind: SPAN_KIND[span.kind] ?? 'unspecified' })),
    };
  }
}
