import { Module } from '@nestjs/common';
import { WorkerHost } from '../queue/worker-host.js';
import { AlertWorker } from './alert.worker.js';
import { BacktestWorker } from './backtest.worker.js';
import { InsightController } from './insight.controller.js';
import { ProposalsController } from './proposals.controller.js';
import { ProposeWorker } from './propose.worker.js';
import { ReplayData } from './replay-data.store.js';
import { RulesController } from './rules.controller.js';
import { RulesFileWorker } from './rules-file.worker.js';

/** Decides who is told of what. */
@Module({
  controllers: [InsightController, ProposalsController, RulesController],
  providers: [AlertWorker, BacktestWorker, ProposeWorker, ReplayData, RulesFileWorker],
})
export class AlertModule {
  constructor(host: WorkerHost, worker: AlertWorker, propose: ProposeWorker) {
    host.handle('alert', (tenantId) => worker.run(tenantId));
    host.handle('propose', (tenantId) => propose.run(tenantId));
  }
}
