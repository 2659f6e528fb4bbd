import { Module, type DynamicModule } from '@nestjs/common';
import { AccessModule } from './access/access.module.js';
import type { Config } from './config.js';
import { LISTEN, type Listen } from './listen.js';
import { QueueModule } from './queue/queue.module.js';
import { ReceiveModule } from './receive/receive.module.js';
import type { DataSource } from './store/database.js';
import { StoreModule } from './store/store.module.js';

/** What takes connections needs, and no more: the rest of the program would only take up memory in this thread. */
@Module({})
export class ReceivingModule {
  static register(config: Config, db: DataSource, listen: Listen): DynamicModule {
    const given = { provide: LISTEN, useValue: listen };
    return {
      module: ReceivingModule,
      global: true,
      imports: [StoreModule.register(config, db), QueueModule.register(), AccessModule, ReceiveModule],
      providers: [given],
      exports: [given],
    };
  }
}
