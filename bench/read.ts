// npm run bench:read -- [--spans 1000000] [--runs 100]: how fast stored spans are read. Prints a table for docs/measurements.md.
import { execFileSync } from 'node:child_process';
import os from 'node:os';
import { parseArgs } from 'node:util';
import type { DataSource } from 'typeorm';
import { parseConfig } from '../src/config.js';
import { Dictionary } from '../src/journal/dictionary.js';
import { EventClocks } from '../src/journal/event-clocks.js';
import { Partitions } from '../src/journal/partitions.js';
import { LogReader } from '../src/journal/log-read.js';
import { JournalReader } from '../src/journal/read.js';
import { SearchStore } from '../src/journal/search.store.js';
import { TraceSearch, type SearchAnswer, type SpanFilter } from '../src/journal/search.js';
import { Journal } from '../src/journal/write.js';
import { MeasureWorker } from '../src/measure/measure.worker.js';
import { DEFAULT_POLICY } from '../src/model/policy.js';
import { HOUR_MS, floorHour } from '../src/model/window.js';
import { operationView, redStep, serviceView } from '../src/query/load.js';
import { Bell } from '../src/queue/bell.js';
import { openBackend } from '../src/queue/queue.module.js';
import { StageRunner } from '../src/stage-runner.js';
import { CompactionStore } from '../src/store/compaction.store.js';
import { CursorStore } from '../src/store/cursor.store.js';
import { createDataSource } from '../src/store/data-source.js';
import { EventStore } from '../src/store/event.store.js';
import { LoadStore } from '../src/store/load.store.js';
import { ReopenedStore } from '../src/store/reopened.store.js';
import { RollupStore } from '../src/store/rollup.store.js';
import { VersionStore } from '../src/store/version.store.js';
import { TroubleLog } from '../src/trouble-log.js';
import { fill } from './fill.js';
import { OPERATIONS, SERVICES, durationUs, operationName, randomOf, requests, serviceName, traceId } from './spans.js';

const { values: options } = parseArgs({
  options: { spans: { type: 'string', default: '1000000' }, runs: { type: 'string', default: '100' } },
});
const spans = Math.min(Number(options.spans), 10_000_000);
const runs = Number(options.runs);
if (!(spans >= 1_000 && runs >= 1)) throw new Error('--spans needs a number from 1000 to 10000000, --runs one from 1');

const TENANT = 1;
const LENGTH_MS = 2 * HOUR_MS;
const endMs = floorHour(Date.now()) - HOUR_MS;
const NEVER_US = 1e12;

const config = parseConfig({ DATABASE_URL: process.env['DATABASE_URL'] });
const db = await createDataSource(config.databaseUrl).initialize();
await db.runMigrations();
const backend = await openBackend(config);
const bell = new Bell(backend);
const dictionary = new Dictionary(db, config);
const clocks = new EventClocks(db, bell);
const journal = new Journal(dictionary, new Partitions(db), clocks, config, new TroubleLog('Journal'));

say(`filling ${spans} spans over 2 h, ${SERVICES} services with ${OPERATIONS} operations each`);
const fillBegan = performance.now();
const stored = await fill(journal, TENANT, requests(spans, endMs - LENGTH_MS, LENGTH_MS, 770));
await clocks.flush();
say(`stored ${stored} spans in ${seconds(fillBegan)} s`);
const closed = new Date(endMs);
await db.query(`update tenant_clocks set closed_through = $2 where tenant_id = $1`, [TENANT, closed]);
const measureBegan = performance.now();
await measureAll(db);
say(`measured ${LENGTH_MS / 10_000} windows in ${seconds(measureBegan)} s`);
await db.query('vacuum analyze');
const [{ operationsKnown }] = await db.query(`select max(id) as "operationsKnown" from operations`);

const rows: string[] = [];
const random = randomOf(7);
const pick = (below: number) => Math.floor(random() * below);
const traces = Math.floor(spans / 10);

const cold = reader();
await time('trace by id', async () => {
  if ((await cold.trace(TENANT, traceId(pick(traces)).toString('hex'))) === null) throw new Error('a trace is missing');
});
for (const [name, z] of [
  ['p50', 0],
  ['p99', 2.326],
] as const) {
  const search = new TraceSearch(new SearchStore(db), reader());
  await time(`service + operation + min duration (${name} of it), 20 traces of the last hour`, async () => {
    const [service, operation] = [pick(SERVICES), pick(OPERATIONS)];
    const minDurationUs = durationUs(service, operation, z);
    const answer = await page(search, {
      service: serviceName(service),
      operation: operationName(operation),
      minDurationUs,
    });
    return `${answer.traces.length} traces, ${answer.cost.segments} segments`;
  });
}
const search = new TraceSearch(new SearchStore(db), reader());
await time('nothing matches: service + operation + min duration, one hour', () =>
  nothing(search, {
    service: serviceName(pick(SERVICES)),
    operation: operationName(pick(OPERATIONS)),
    minDurationUs: NEVER_US,
  }),
);
await time('nothing matches: all services, min duration, one hour', () => nothing(search, { minDurationUs: NEVER_US }));
await time('nothing matches: service + operation + attribute, one hour', () =>
  nothing(new TraceSearch(new SearchStore(db), reader()), {
    service: serviceName(pick(SERVICES)),
    operation: operationName(pick(OPERATIONS)),
    attributes: [{ key: 'user.id', value: `nobody-${random()}` }],
  }),
);
await time('nothing matches: attribute alone, one hour', () =>
  nothing(new TraceSearch(new SearchStore(db), reader()), {
    attributes: [{ key: 'user.id', value: `nobody-${random()}` }],
  }),
);
const compactions = new CompactionStore(db);
const loads = new LoadStore(db, compactions);
await time('services and operations, last five minutes (as the API answers)', async () => {
  const { minWindows, minBaselineN } = DEFAULT_POLICY;
  const { services } = await loads.services(TENANT, minWindows, minBaselineN);
  const { operations } = await loads.operations(TENANT, undefined, {}, 1_000);
  for (const each of services) serviceView(each, 300);
  for (const each of operations) operationView(each, 300, DEFAULT_POLICY);
  return `${operations.length} operations`;
});
await time('RED of all operations over one hour (as the API answers)', () => redOfAnHour(0));
await time('the same, ending 20 minutes and 10 s past the hour', () => redOfAnHour(-HOUR_MS + 1_210_000));
await time('RED of one operation over two hours, in minutes', async () => {
  const found = await loads.operation(TENANT, 1 + pick(operationsKnown), { from: new Date(endMs - LENGTH_MS) }, 60_000);
  for (const step of found!.steps) redStep(step, 60);
  return `${found!.steps.length} steps`;
});

process.stdout.write(
  `\n${os.cpus().length} × ${os.cpus()[0]?.model}, ${Math.round(os.totalmem() / 2 ** 30)} GiB, load ${os
    .loadavg()
    .map((load) => load.toFixed(1))
    .join(' ')}, Node ${process.version}, commit ${commit()}\n\n`,
);
process.stdout.write(
  '| what | n | median ms | p95 ms | min to max ms | note |\n| --- | --- | --- | --- | --- | --- |\n',
);
process.stdout.write(`${rows.join('\n')}\n`);

await clocks.beforeApplicationShutdown();
await journal.close();
await bell.onApplicationShutdown();
await backend.close();
await db.destroy();

async function measureAll(source: DataSource): Promise<void> {
  const cursors = new CursorStore(source);
  const rollups = new RollupStore(source);
  const compacting = new CompactionStore(source);
  const runner = new StageRunner(source, cursors, bell);
  const logs = new LogReader(source, dictionary);
  const worker = new MeasureWorker(
    runner,
    reader(),
    logs,
    rollups,
    new EventStore(source),
    new ReopenedStore(source, rollups, compacting),
    new VersionStore(source),
    compacting,
  );
  for (;;) {
    const [row] = await source.query<{ done: Date | null }[]>(
      `select max(done_through) as done from stage_cursors where tenant_id = $1 and stage = 'measure'`,
      [TENANT],
    );
    if (row?.done && row.done >= closed) return;
    await worker.run(TENANT);
  }
}

function reader(): JournalReader {
  return new JournalReader(db, dictionary);
}

function page(search: TraceSearch, filter: Partial<SpanFilter>): Promise<SearchAnswer> {
  const any = { minDurationUs: 0, maxDurationUs: Infinity, errorsOnly: false, attributes: [] };
  const period = { fromUs: (endMs - HOUR_MS) * 1_000, toUs: endMs * 1_000 };
  return search.search(TENANT, { filter: { ...any, ...period, ...filter }, limit: 20, after: null, asOfMs: null });
}

async function nothing(search: TraceSearch, filter: Partial<SpanFilter>): Promise<string> {
  const answer = await page(search, filter);
  if (answer.traces.length > 0) throw new Error('something was found');
  const minutes = (endMs * 1_000 - answer.searchedToUs) / 60e6;
  const { postings, spans: read, segments } = answer.cost;
  return `searched ${minutes.toFixed(1)} min: ${postings} postings, ${read} spans, ${segments} segments`;
}

async function redOfAnHour(shiftMs: number): Promise<string> {
  const period = { from: new Date(endMs + shiftMs - HOUR_MS), to: new Date(endMs + shiftMs) };
  const { operations } = await loads.operations(TENANT, undefined, period, 5_000);
  for (const each of operations) operationView(each, 3_600, DEFAULT_POLICY);
  return `${operations.length} operations`;
}

async function time(what: string, run: () => Promise<string | void>, n = runs): Promise<void> {
  const took: number[] = [];
  let note = '';
  for (let i = 0; i < n; i++) {
    const began = performance.now();
    note = (await run()) ?? '';
    took.push(performance.now() - began);
  }
  took.sort((a, b) => a - b);
  const at = (share: number) => took[Math.min(n - 1, Math.floor(share * n))]!.toFixed(1);
  rows.push(`| ${what} | ${n} | ${at(0.5)} | ${at(0.95)} | ${at(0)} to ${at(1)} | ${note} |`);
  say(rows.at(-1)!);
}

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function seconds(sinceMs: number): string {
  return ((performance.now() - sinceMs) / 1_000).toFixed(1);
}
