import { Module } from '@nestjs/common';
import { WorkerHost } from '../queue/worker-host.js';
import { RouteWorker } from './route.worker.js';

/** Decides who is told of which alerts, and when. */
@Module({ providers: [RouteWorker] })
export class RouteModule {
  constructor(host: WorkerHost, worker: RouteWorker) {
    host.handle('route', (tenantId) => worker.run(tenantId));
  }
}
