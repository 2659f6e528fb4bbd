import { Module, type DynamicModule } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { AccessModule } from './access/access.module.js';
import { AlertModule } from './alert/alert.module.js';
import type { Config } from './config.js';
import { dueProvider } from './due.js';
import { JournalModule } from './journal/journal.module.js';
import { NotifyModule } from './notify/notify.module.js';
import { QueryModule } from './query/query.module.js';
import { QueueModule } from './queue/queue.module.js';
import { RouteModule } from './route/route.module.js';
import { Tick } from './queue/tick.js';
import { StagesModule } from './stages.module.js';
import type { DataSource } from './store/database.js';
import { StoreModule } from './store/store.module.js';

/** Everything but receiving, assembled for the roles that this process has. */
@Module({})
export class AppModule {
  static register(config: Config, db: DataSource): DynamicModule {
    const { worker, api } = config.roles;
    return {
      module: AppModule,
      imports: [
        ScheduleModule.forRoot(),
        StoreModule.register(config, db),
        QueueModule.register(),
        AccessModule,
        JournalModule,
        ...(worker ? [StagesModule] : []),
        // These have routes as well as a worker.
        ...(worker || api ? [AlertModule, RouteModule, NotifyModule] : []),
        ...(api ? [QueryModule] : []),
      ],
      providers: worker ? [dueProvider, Tick] : [],
    };
  }
}
