import { Inject, Logger, Module, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { AccessService } from '../access/access.service.js';
import { CONFIG } from '../config.js';
import type { Config } from '../config.js';
import { JournalModule } from '../journal/journal.module.js';
import { Rejected } from '../model/failure.js';
import { QUEUE_BACKEND, type QueueBackend } from '../queue/backend.js';
import { ViewsStore } from '../store/views.store.js';
import { ingestHealth } from './health.js';
import { OtlpHttpServer } from './otlp-http.controller.js';
import { Receiver } from './receiver.js';

/** Takes spans in, on a port of its own, when the process has the role `ingest`. */
@Module({ imports: [JournalModule], providers: [Receiver] })
export class ReceiveModule implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly log = new Logger(ReceiveModule.name);
  private readonly server: OtlpHttpServer;

  constructor(
    private readonly access: AccessService,
    receiver: Receiver,
    views: ViewsStore,
    @Inject(QUEUE_BACKEND) queue: QueueBackend,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    this.server = new OtlpHttpServer(
      {
        authenticate: (request) => this.tenantOf(request),
        export: (request, share) => receiver.export(request, share),
        health: () => ingestHealth(views.ping(), queue.ping()),
      },
      config.ingest,
    );
  }

  async onApplicationBootstrap(): Promise<void> {
    if (!this.config.roles.ingest) return;
    const { host, otlpPort } = this.config.listen;
    this.log.log(`Takes OTLP/HTTP traces at ${await this.server.listen(host, otlpPort)}/v1/traces`);
  }

  /** First of all things on shutdown: what was accepted is still committed by the others. */
  async onModuleDestroy(): Promise<void> {
    await this.server.close();
  }

  private async tenantOf({ headers }: FastifyRequest): Promise<number> {
    const { tenantId, scopes } = await this.access.authenticate(headers.authorization, headers);
    if (!scopes.has('ingest')) throw new Rejected('missing_scope', 'the API key may not ingest', 403);
    return tenantId;
  }
}
