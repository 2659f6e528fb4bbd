import { Controller, Get, Inject, Res } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { OpenToAll } from '../access/access.guard.js';
import { probe } from '../probe.js';
import { QUEUE_BACKEND, type QueueBackend } from '../queue/backend.js';
import { ViewsStore } from '../store/views.store.js';
import { HealthView } from './system-contract.js';

@ApiTags('system')
@OpenToAll()
@Controller('health')
export class HealthController {
  constructor(
    private readonly views: ViewsStore,
    @Inject(QUEUE_BACKEND) private readonly queue: QueueBackend,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Whether the service can work; open to all', security: [] })
  @ApiResponse({ status: 200, standardSchema: HealthView, description: 'It can.' })
  @ApiResponse({ status: 503, standardSchema: HealthView, description: 'It cannot: see which check failed.' })
  async get(@Res({ passthrough: true }) reply: FastifyReply): Promise<HealthView> {
    const [database, queue] = await Promise.all([probe(this.views.ping()), probe(this.queue.ping())]);
    const status = database === 'ok' && queue === 'ok' ? 'ok' : 'unavailable';
    reply.status(status === 'ok' ? 200 : 503).header('cache-control', 'no-store');
    return { status, checks: { database, queue } };
  }
}
