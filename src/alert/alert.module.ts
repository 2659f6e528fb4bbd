import { Module } from '@nestjs/common';
import { WorkerHost } from '../queue/worker-host.js';
import { AlertWorker } from './alert.worker.js';
import { BacktestWorker } from './backtest.worker.js';
import { InsightController } from './insight.controller.js';
import { ReplayData } from './replay-data.store.js';
import { RulesController } from './rules.controller.js';
import { RulesFileWorker } from './rules-file.worker.js';

/** Decides who is told of what. */
@Module({
  controllers: [InsightController, RulesController],
  providers: [AlertWorker, BacktestWorker, ReplayData, RulesFileWorker],
})
export class AlertModule {
  constructor(host: WorkerHost, worker: AlertWorker) {
    host.handle('alert', (tenantId) => worker.run(tenantId));
  }
}
