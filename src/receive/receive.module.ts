import { Inject, Logger, Module, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { AccessService, type RequestOrigin } from '../access/access.service.js';
import { CONFIG } from '../config.js';
import type { Config } from '../config.js';
import { EventClocks } from '../journal/event-clocks.js';
import { LogJournal } from '../journal/log-write.js';
import { NamesModule } from '../journal/names.module.js';
import { LISTEN, type Listen } from '../listen.js';
import { Rejected } from '../model/failure.js';
import { QUEUE_BACKEND, type QueueBackend } from '../queue/backend.js';
import { ViewsStore } from '../store/views.store.js';
import { BodyBudget } from './body-budget.js';
import { ingestHealth } from './health.js';
import { IngestPool } from './ingest-pool.js';
import { LogReceiver } from './log-receiver.js';
import { OtlpGrpcServer } from './otlp-grpc.controller.js';
import { OtlpHttpServer } from './otlp-http.controller.js';
import { RateLimits } from './rate-limits.js';
import { Refusals } from './refusals.js';

/** Longer than the five seconds that SDKs wait between batches: each of their connections brings one more request, and is told to end. */
const DRAIN_WITHIN_MS = 7_000;

/** Takes spans and log records in, on ports of its own. */
@Module({ imports: [NamesModule], providers: [EventClocks, LogJournal, LogReceiver, RateLimits, Refusals] })
export class ReceiveModule implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly log = new Logger(ReceiveModule.name);
  private readonly http: OtlpHttpServer;
  private readonly grpc: OtlpGrpcServer;
  private readonly pool: IngestPool;

  constructor(
    private readonly access: AccessService,
    logReceiver: LogReceiver,
    private readonly refusals: Refusals,
    rates: RateLimits,
    clocks: EventClocks,
    views: ViewsStore,
    @Inject(QUEUE_BACKEND) queue: QueueBackend,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LISTEN) private readonly listen: Listen,
  ) {
    this.pool = new IngestPool(config, clocks, rates);
    // One for both: what one of them holds, the other cannot.
    const budget = new BodyBudget(config.ingest.maxPendingBytes);
    const shared = {
      export: this.pool.export.bind(this.pool),
      exportLogs: logReceiver.export.bind(logReceiver),
      refused: refusals.count.bind(refusals),
      health: () => ingestHealth(views.ping(), queue.ping()),
    };
    this.http = new OtlpHttpServer(
      { ...shared, authenticate: ({ headers }) => this.tenantOf(headers.authorization, headers) },
      config.ingest,
      budget,
    );
    this.grpc = new OtlpGrpcServer(
      {
        ...shared,
        authenticate: (fields) =>
          this.tenantOf(fields.authorization, { ...fields, host: fields[':authority'] ?? fields.host }),
      },
      config,
      budget,
    );
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.pool.start();
    const { host, otlpPort, otlpGrpcPort } = this.config.listen;
    this.log.log(
      `Takes OTLP/HTTP traces and logs at ${await this.http.listen(host, otlpPort, this.listen)}/v1/traces and /v1/logs`,
    );
    if (otlpGrpcPort === 0) return;
    this.log.log(`Takes OTLP/gRPC traces and logs at ${await this.grpc.listen(host, otlpGrpcPort, this.listen)}`);
  }

  /** Sends connections to the process that has taken over: resolves when all have gone, or when senders had their time. */
  async drain(): Promise<void> {
    await Promise.all([this.http.drain(DRAIN_WITHIN_MS), this.grpc.drain(DRAIN_WITHIN_MS)]);
  }

  /** First of all things on shutdown: what was accepted is still committed by the others. */
  async onModuleDestroy(): Promise<void> {
    await Promise.all([this.http.close(), this.grpc.close()]);
    await this.pool.stop();
    await this.refusals.stop();
  }

  private async tenantOf(authorization: string | undefined, from: RequestOrigin): Promise<number> {
    const { tenantId, scopes } = await this.access.authenticate(authorization, from);
    if (!scopes.has('ingest')) throw new Rejected('missing_scope', 'the API key may not ingest', 403);
    return tenantId;
  }
}
