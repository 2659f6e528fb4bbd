import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { DataSource } from 'typeorm';
import { type Config, parseConfig } from '../../src/config.js';
import { CloseWorker } from '../../src/journal/close.worker.js';
import { Dictionary } from '../../src/journal/dictionary.js';
import { EventClocks } from '../../src/journal/event-clocks.js';
import { KeptTraces } from '../../src/journal/kept-traces.js';
import { Partitions } from '../../src/journal/partitions.js';
import { LogReader } from '../../src/journal/log-read.js';
import { LogJournal } from '../../src/journal/log-write.js';
import type { Admitted } from '../../src/journal/pending.js';
import { JournalReader } from '../../src/journal/read.js';
import { Retention } from '../../src/journal/retention.js';
import { scan } from '../../src/journal/scan.js';
import { SPAN_ENDS_EARLY } from '../../src/journal/span-table.js';
import { Journal } from '../../src/journal/write.js';
import { floorHour } from '../../src/model/window.js';
import { openBackend } from '../../src/queue/queue.module.js';
import { Bell } from '../../src/queue/bell.js';
import { ClockStore } from '../../src/store/clock.store.js';
import { TroubleLog } from '../../src/trouble-log.js';
import { createDataSource } from '../../src/store/data-source.js';

/** The journal of one process, wired as the service wires it. */
export interface TestJournal {
  config: Config;
  db: DataSource;
  dictionary: Dictionary;
  partitions: Partitions;
  clocks: EventClocks;
  clockStore: ClockStore;
  closer: CloseWorker;
  journal: Journal;
  reader: JournalReader;
  retention: Retention;
  logs: LogJournal;
  logReader: LogReader;
  close(): Promise<void>;
}

/** Opens a journal on a database; `settings` are environment variables. Runs the migrations. */
export async function openJournal(databaseUrl: string, settings: Record<string, string> = {}): Promise<TestJournal> {
  const config = parseConfig({ DATABASE_URL: databaseUrl, ...settings });
  const db = createDataSource(databaseUrl);
  await db.initialize();
  await db.runMigrations();
  const backend = await openBackend(config);
  const bell = new Bell(backend);
  const dictionary = new Dictionary(db, config);
  const partitions = new Partitions(db);
  const clocks = new EventClocks(db, bell);
  const clockStore = new ClockStore(db);
  const journal = new Journal(dictionary, partitions, clocks, config, new TroubleLog('Journal'));
  const reader = new JournalReader(db, dictionary);
  return {
    config,
    db,
    dictionary,
    partitions,
    clocks,
    clockStore,
    closer: new CloseWorker(clockStore, bell),
    journal,
    reader,
    retention: new Retention(db, partitions, new KeptTraces(db, reader, dictionary, config), config),
    logs: new LogJournal(db, partitions, dictionary),
    logReader: new LogReader(db, dictionary),
    close: async () => {
      await clocks.beforeApplicationShutdown();
      await journal.close();
      await bell.onApplicationShutdown();
      await backend.close();
      await db.destroy();
    },
  };
}

/** A request of which every span is accepted. */
export function admitted(body: Buffer, tenantId = 1): Admitted {
  const spans = scan(body, { maxAttributeDepth: 64, maxSpans: 100_000, notesAttributes: true });
  return {
    key: createHash('sha256').update(`${tenantId}`).update(body).digest().subarray(0, 16),
    payload: { gzip: gzipSync(body, { level: 1 }) },
    release: () => undefined,
    decodedBytes: body.length,
    spans,
    received: spans.n,
    rejected: new Map(),
    endsEarly: spans.flags.subarray(0, spans.n).filter((flags) => (flags & SPAN_ENDS_EARLY) !== 0).length,
  };
}

/** Stores a request as the receiver does: its hours first. */
export async function store({ journal }: TestJournal, body: Buffer, tenantId = 1) {
  const request = admitted(body, tenantId);
  const hours = Array.from(request.spans.endUs.subarray(0, request.spans.n), (endUs) => floorHour(endUs / 1_000));
  await journal.openHours(hours);
  return journal.append(tenantId, request);
}

/** The counts of a tenant by outcome. */
export async function spanCounts({ db }: Pick<TestJournal, 'db'>, tenantId = 1): Promise<Record<string, number>> {
  const rows = await db.query<{ outcome: string; n: string }[]>(
    `select outcome, n from span_counts where tenant_id = $1 order by outcome`,
    [tenantId],
  );
  return Object.fromEntries(rows.map(({ outcome, n }) => [outcome, Number(n)]));
}
