import { Global, Module } from '@nestjs/common';
import { WorkerHost } from '../queue/worker-host.js';
import { CloseWorker } from './close.worker.js';
import { Dictionary } from './dictionary.js';
import { EventClocks } from './event-clocks.js';
import { KeptTraces } from './kept-traces.js';
import { LogReader } from './log-read.js';
import { LogJournal } from './log-write.js';
import { MaintenanceWorker } from './maintenance.worker.js';
import { Partitions } from './partitions.js';
import { JournalReader } from './read.js';
import { Retention } from './retention.js';
import { TraceSearch } from './search.js';
import { SearchStore } from './search.store.js';
import { TracesStore } from './traces.store.js';
import { Journal } from './write.js';

/** The accepted spans, and how far event time has come. */
@Global()
@Module({
  providers: [
    Dictionary,
    Partitions,
    EventClocks,
    Journal,
    JournalReader,
    LogJournal,
    LogReader,
    SearchStore,
    TraceSearch,
    TracesStore,
    CloseWorker,
    KeptTraces,
    Retention,
    MaintenanceWorker,
  ],
  exports: [Journal, JournalReader, LogJournal, LogReader, SearchStore, TraceSearch, TracesStore, CloseWorker],
})
export class JournalModule {
  constructor(host: WorkerHost, close: CloseWorker) {
    host.handle('close', (tenantId) => close.run(tenantId));
  }
}
