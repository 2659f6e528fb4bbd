import { Controller, Get, Inject, Res } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { OpenToAll } from '../access/access.guard.js';
import { QUEUE_BACKEND, type QueueBackend } from '../queue/backend.js';
import { ViewsStore } from '../store/views.store.js';
import { HealthView } from './contract.js';

const TIMEOUT_MS = 3_000;

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
    const [database, queue] = await Promise.all([check(this.views.ping()), check(this.queue.ping())]);
    const status = database === 'ok' && queue === 'ok' ? 'ok' : 'unavailable';
    reply.status(status === 'ok' ? 200 : 503).header('cache-control', 'no-store');
    return { status, checks: { database, queue } };
  }
}

/** Why it failed stays in the log of whoever uses it: this answer is open to all. */
async function check(ping: Promise<void>): Promise<'ok' | 'unavailable'> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'unavailable'>((resolve) => {
    timer = setTimeout(() => resolve('unavailable'), TIMEOUT_MS);
  });
  const answered = ping.then(
    () => 'ok' as const,
    () => 'unavailable' as const,
  );
  try {
    return await Promise.race([answered, late]);
  } finally {
    clearTimeout(timer);
  }
}
