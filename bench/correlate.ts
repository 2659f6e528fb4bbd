// npm run bench:correlate -- [--spans 1000000] [--runs 20]: what one comparison of 200 bad and 200 good traces costs.
import os from 'node:os';
import { parseArgs } from 'node:util';
import { parseConfig } from '../src/config.js';
import { correlate } from '../src/correlate/correlate.js';
import { interleaved, TRACES_A_SIDE, valuesOf } from '../src/correlate/split.js';
import { Dictionary } from '../src/journal/dictionary.js';
import { EventClocks } from '../src/journal/event-clocks.js';
import { Partitions } from '../src/journal/partitions.js';
import { JournalReader } from '../src/journal/read.js';
import { TracesStore } from '../src/journal/traces.store.js';
import { Journal } from '../src/journal/write.js';
import { HOUR_MS, MINUTE_MS, floorHour } from '../src/model/window.js';
import { Bell } from '../src/queue/bell.js';
import { openBackend } from '../src/queue/queue.module.js';
import { createDataSource } from '../src/store/data-source.js';
import { fill } from './fill.js';
import { requests } from './spans.js';
import { TroubleLog } from '../src/trouble-log.js';

const { values: options } = parseArgs({
  options: { spans: { type: 'string', default: '1000000' }, runs: { type: 'string', default: '20' } },
});
const spans = Math.min(Number(options.spans), 10_000_000);
const runs = Number(options.runs);
if (!(spans >= 100_000 && runs >= 1)) throw new Error('--spans needs a number from 100000 on, --runs one from 1');

const TENANT = 1;
/** Ten minutes before an incident, and two of it. */
const LENGTH_MS = 12 * MINUTE_MS;
const endMs = floorHour(Date.now()) - HOUR_MS;
const beganMs = endMs - 2 * MINUTE_MS;

const config = parseConfig({ DATABASE_URL: process.env['DATABASE_URL'] });
const db = await createDataSource(config.databaseUrl).initialize();
await db.runMigrations();
const backend = await openBackend(config);
const bell = new Bell(backend);
const dictionary = new Dictionary(db, config);
const clocks = new EventClocks(db, bell);
const journal = new Journal(dictionary, new Partitions(db), clocks, config, new TroubleLog('Journal'));
process.stderr.write(`filling ${spans} spans over 12 min\n`);
const stored = await fill(journal, TENANT, requests(spans, endMs - LENGTH_MS, LENGTH_MS, 770));
await db.query('vacuum analyze');
const operations = await db.query<{ id: number }[]>(`select id from operations where tenant_id = $1 order by id`, [
  TENANT,
]);

const took: Record<string, number[]> = {
  postings: [],
  'attributes of 400 traces': [],
  tests: [],
  together: [],
  'together, CPU of this process': [],
};
let counts = '';
for (let run = 0; run < runs; run++) {
  // Nothing in memory of what another run has read.
  const traces = new TracesStore(db, new JournalReader(db, dictionary));
  const operationId = operations[run % operations.length]!.id;
  const cpu = process.cpuUsage();
  const beganAt = performance.now();
  const now = await traces.operation(TENANT, operationId, beganMs, endMs);
  const before = await traces.operation(TENANT, operationId, beganMs - 10 * MINUTE_MS, beganMs);
  const ids = [...valuesOf('slow', now.postings, []).keys(), ...valuesOf('slow', before.postings, []).keys()];
  const bad = ids.slice(0, TRACES_A_SIDE);
  const good = ids.slice(TRACES_A_SIDE, 2 * TRACES_A_SIDE);
  const postedAt = performance.now();
  const sample = await traces.terms(TENANT, interleaved({ bad, good }), Infinity);
  const readAt = performance.now();
  const { tested } = correlate(sample, bad, good, () => null);
  const endedAt = performance.now();
  const used = process.cpuUsage(cpu);
  took['postings']!.push(postedAt - beganAt);
  took['attributes of 400 traces']!.push(readAt - postedAt);
  took['tests']!.push(endedAt - readAt);
  took['together']!.push(endedAt - beganAt);
  took['together, CPU of this process']!.push((used.user + used.system) / 1_000);
  counts = `${sample.traces.size} traces, ${sample.terms.length} values, ${tested} tested, left ${JSON.stringify(sample.left)}`;
}
process.stdout.write(
  `\n${stored} spans; ${counts}; ${os.cpus()[0]?.model}, ${os.cpus().length} cores, load ${os.loadavg()[0]?.toFixed(1)}\n\n`,
);
process.stdout.write('| step | n | median ms | min to max ms |\n| --- | --- | --- | --- |\n');
for (const [name, all] of Object.entries(took)) {
  const sorted = all.toSorted((a, b) => a - b);
  const ms = (value: number | undefined) => value?.toFixed(1);
  process.stdout.write(
    `| ${name} | ${runs} | ${ms(sorted[Math.floor(runs / 2)])} | ${ms(sorted[0])} to ${ms(sorted.at(-1))} |\n`,
  );
}
await clocks.beforeApplicationShutdown();
await journal.close();
await bell.onApplicationShutdown();
await backend.close();
await db.destroy();
