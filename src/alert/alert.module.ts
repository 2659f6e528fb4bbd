import { Module } from '@nestjs/common';
import { WorkerHost } from '../queue/worker-host.js';
import { AlertWorker } from './alert.worker.js';
import { RulesController } from './rules.controller.js';

/** Decides who is told of what. */
@Module({ controllers: [RulesController], providers: [AlertWorker] })
export class AlertModule {
  constructor(host: WorkerHost, worker: AlertWorker) {
    host.handle('alert', (tenantId) => worker.run(tenantId));
  }
}
