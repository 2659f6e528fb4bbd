import { Global, Module } from '@nestjs/common';
import { WorkerHost } from '../queue/worker-host.js';
import { CloseWorker } from './close.worker.js';
import { KeptTraces } from './kept-traces.js';
import { LogReader } from './log-read.js';
import { MaintenanceWorker } from './maintenance.worker.js';
import { NamesModule } from './names.module.js';
import { JournalReader } from './read.js';
import { Retention } from './retention.js';
import { TraceSearch } from './search.js';
import { SearchStore } from './search.store.js';
import { TracesStore } from './traces.store.js';

/** The accepted spans, and how far event time has come. */
@Global()
@Module({
  imports: [NamesModule],
  providers: [
    JournalReader,
    LogReader,
    SearchStore,
    TraceSearch,
    TracesStore,
    CloseWorker,
    KeptTraces,
    Retention,
    MaintenanceWorker,
  ],
  exports: [JournalReader, LogReader, SearchStore, TraceSearch, TracesStore, CloseWorker],
})
export class JournalModule {
  constructor(host: WorkerHost, close: CloseWorker) {
    host.handle('close', (tenantId) => close.run(tenantId));
  }
}
