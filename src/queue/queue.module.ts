import { Inject, Module, type DynamicModule, type OnApplicationShutdown } from '@nestjs/common';
import { CONFIG, type Config } from '../config.js';
import { QUEUE_BACKEND, type QueueBackend } from './backend.js';
import { Bell } from './bell.js';
import { PostgresBackend } from './postgres-backend.js';
import { RedisBackend } from './redis-backend.js';
import { TroubleLog } from '../trouble-log.js';
import { WorkerHost } from './worker-host.js';

@Module({})
export class QueueModule implements OnApplicationShutdown {
  constructor(@Inject(QUEUE_BACKEND) private readonly backend: QueueBackend) {}

  /** Provides `Bell`, `WorkerHost` and `QUEUE_BACKEND` everywhere; needs `CONFIG`. */
  static register(): DynamicModule {
    const backend = { provide: QUEUE_BACKEND, inject: [CONFIG], useFactory: openBackend };
    return {
      module: QueueModule,
      global: true,
      providers: [backend, Bell, WorkerHost],
      exports: [backend, Bell, WorkerHost],
    };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.backend.close();
  }
}

/** Redis when REDIS_URL is set, else Postgres. */
export async function openBackend(config: Pick<Config, 'databaseUrl' | 'redisUrl' | 'roles'>): Promise<QueueBackend> {
  const log = new TroubleLog('Queue');
  const trouble = (where: string, error: Error) => log.say(where, error);
  if (config.redisUrl !== undefined) return RedisBackend.open(config.redisUrl, trouble);
  return PostgresBackend.open(config.databaseUrl, config.roles.worker, trouble);
}
