import { Module } from '@nestjs/common';
import { WorkerHost } from '../queue/worker-host.js';
import { ActController } from './act.controller.js';
import { AlertmanagerController } from './alertmanager.controller.js';
import { FeedbackController } from './feedback.controller.js';
import { FrequentController } from './frequent.controller.js';
import { GroupActionsController } from './group-actions.controller.js';
import { IncidentActionsController } from './incident-actions.controller.js';
import { RoutingController } from './routing.controller.js';
import { RouteWorker } from './route.worker.js';
import { SilencesController } from './silences.controller.js';

/** Decides who is told of which alerts, and when. */
@Module({
  controllers: [
    ActController,
    AlertmanagerController,
    FeedbackController,
    FrequentController,
    GroupActionsController,
    IncidentActionsController,
    RoutingController,
    SilencesController,
  ],
  providers: [RouteWorker],
})
export class RouteModule {
  constructor(host: WorkerHost, worker: RouteWorker) {
    host.handle('route', (tenantId) => worker.run(tenantId));
  }
}
