// npm run bench:ingest -- [--quick] [--runs 3] [--seconds 12] [--peers] [--steady <minutes>] [--only <part of a name>] [--profile <directory>]
// How fast spans are received and stored, on a PostgreSQL of its own with the durability of `npm start`, against the floors and other stores.
// Runs take turns. Prints a table for docs/measurements.md.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { type BodyFormat, readBodies, writeBodies } from './ingest/bodies.js';
import { PEERS, peerTarget, startPeer } from './ingest/peers.js';
import { cpuS, familyCpuS, peakRssMib, rssMib } from './ingest/proc.js';
import { rawCopy } from './ingest/raw-copy.js';
import type { SenderResult, SenderTask, WarmUp } from './ingest/sender.js';
import { PORTS, type Server, freshDatabase, ready, startService } from './ingest/service.js';
import type { Shape } from './ingest/traffic.js';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    runs: { type: 'string' },
    seconds: { type: 'string' },
    peers: { type: 'boolean', default: false },
    steady: { type: 'string', default: '0' },
    only: { type: 'string', default: '' },
    profile: { type: 'string' },
  },
});
const runs = Number(options.runs ?? (options.quick ? 1 : 3));
const seconds = Math.min(Number(options.seconds ?? (options.quick ? 4 : 12)), 120);
const WARM_UP_S = options.quick ? 1 : 3;
/** Bodies are made for so many spans a second; a sender that runs out says so. */
const MOST_SPANS_A_SECOND = options.quick ? 120_000 : 250_000;

const server: Server = {
  adminUrl: process.env['BENCH_ADMIN_URL']!,
  url: process.env['DATABASE_URL']!,
  pid: Number(process.env['BENCH_POSTGRES_PID']),
};
const SENDER = fileURLToPath(new URL('./ingest/sender.js', import.meta.url));
const NULL_SERVER = fileURLToPath(new URL('./ingest/null-server.js', import.meta.url));
const NULL_PORT = 24_320;
const directory = mkdtempSync(path.join('/var/tmp', 'tracehound-bodies-'));
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));

interface Made {
  file: string;
  meanSpans: number;
  bytesASpan: number;
}

interface Outcome {
  /** While names are learned and code is warmed up. */
  coldSpansPerSecond: number;
  spansPerSecond: number;
  p50: number;
  p99: number;
  /** CPU µs a span, after the warm-up. */
  service: number;
  postgres: number;
  sender: number;
  diskBytes: number;
  rss: number;
  note: string;
}

interface Scenario {
  name: string;
  run(): Promise<Outcome>;
}

const LARGE: Shape = { operations: 200, attributes: 'plain', spansARequest: 770 };
const made = new Map<string, Promise<Made>>();
const scenarios: Scenario[] = [
  ...(['plain', 'realistic'] as const).flatMap((attributes) =>
    [200, 20_000].map((operations) =>
      ours(`HTTP, ${operations} operations, ${attributes}`, { ...LARGE, operations, attributes }),
    ),
  ),
  ours('gRPC, 200 operations, plain', LARGE, { protocol: 'grpc' }),
  ours('HTTP, paced 100 k/s', LARGE, { spansPerSecond: 100_000 }),
  ours('HTTP, 10 spans a request, not compressed', { ...LARGE, spansARequest: 10 }),
  { name: 'floor: HTTP server that throws away', run: nullServer },
  { name: 'floor: COPY of the same bytes', run: copyFloor },
  ...(options.peers ? PEERS.flatMap(peerScenario) : []),
].filter(({ name }) => name.includes(options.only));

const outcomes = new Map<string, Outcome[]>(scenarios.map(({ name }) => [name, []]));
for (let run = 0; run < runs; run++) {
  for (const { name, run: measure } of scenarios) {
    try {
      const outcome = await measure();
      outcomes.get(name)!.push(outcome);
      say(`${name}: ${(outcome.spansPerSecond / 1_000).toFixed(1)} k/s ${outcome.note}`);
    } catch (error) {
      say(`${name}: FAILED, ${(error as Error).message}`);
    }
  }
}
if (scenarios.length > 0) print();
if (Number(options.steady) > 0) await steady(Math.min(Number(options.steady), 60));

function ours(name: string, shape: Shape, how: { protocol?: 'grpc'; spansPerSecond?: number } = {}): Scenario {
  const isSmall = shape.spansARequest <= 50;
  return {
    name,
    run: async () => {
      const bodies = await bodiesOf({ shape, form: 'otlp', gzipLevel: isSmall ? 0 : 6 }, isSmall ? 0.4 : 1);
      const service = await startService(server, profiling());
      try {
        const target = { host: '127.0.0.1', path: '/v1/traces', headers: headersOf(isSmall ? 'identity' : 'gzip') };
        const task: SenderTask = {
          target: { ...target, port: how.protocol === 'grpc' ? PORTS.grpc : PORTS.http },
          protocol: how.protocol ?? 'http',
          bodies: { file: bodies.file },
          meanSpans: bodies.meanSpans,
          connections: how.protocol === 'grpc' ? 4 : isSmall ? 64 : 16,
          callsAConnection: how.protocol === 'grpc' ? 4 : 1,
          seconds,
          spansPerSecond: how.spansPerSecond ?? null,
          warmUpS: WARM_UP_S,
        };
        const { allSpans, ...outcome } = await observe(task, () => [cpuS(service.pid), familyCpuS(server.pid)]);
        const rss = peakRssMib(service.pid);
        return { ...outcome, diskBytes: (await journalBytes(service.databaseUrl)) / allSpans, rss };
      } finally {
        await service.stop();
      }
    },
  };
}

async function nullServer(): Promise<Outcome> {
  const bodies = await bodiesOf({ shape: LARGE, form: 'otlp', gzipLevel: 6 }, 1);
  const child = spawn(process.execPath, [NULL_SERVER, String(NULL_PORT)], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await ready(child, /ready/);
    const target = { host: '127.0.0.1', port: NULL_PORT, path: '/v1/traces', headers: headersOf('gzip') };
    // Nothing is stored, so that a body can come again.
    const task = { ...closedLoop(target, bodies), bodies: { file: bodies.file, again: true } };
    return await observe(task, () => [cpuS(child.pid!), NaN]);
  } finally {
    child.kill('SIGKILL');
  }
}

async function copyFloor(): Promise<Outcome> {
  const { file } = await bodiesOf({ shape: LARGE, form: 'otlp', gzipLevel: 6 }, 1);
  const databaseUrl = await freshDatabase(server);
  const bodies = readBodies(file);
  const began = { own: process.cpuUsage(), postgres: familyCpuS(server.pid), ms: performance.now() };
  const spans = await rawCopy(databaseUrl, bodies, seconds);
  const tookS = (performance.now() - began.ms) / 1_000;
  const own = process.cpuUsage(began.own);
  const perSpan = (cpu: number) => (cpu / spans) * 1e6;
  return {
    coldSpansPerSecond: NaN,
    spansPerSecond: spans / tookS,
    p50: NaN,
    p99: NaN,
    service: NaN,
    postgres: perSpan(familyCpuS(server.pid) - began.postgres),
    sender: perSpan((own.user + own.system) / 1e6),
    diskBytes: NaN,
    rss: NaN,
    note: '',
  };
}

function peerScenario(peer: (typeof PEERS)[number]): Scenario[] {
  const program = process.env[peer.variable];
  if (program === undefined) {
    say(`SKIPPED: ${peer.name}; ${peer.variable} names no program`);
    return [];
  }
  const run = async () => {
    const bodies = await bodiesOf({ shape: LARGE, form: peer.form, gzipLevel: 6 }, peer.form === 'zipkin' ? 0.3 : 1);
    const started = await startPeer(peer, program);
    try {
      const outcome = await observe(closedLoop(peerTarget(peer), bodies), () => [familyCpuS(started.pid), NaN]);
      return { ...outcome, rss: peakRssMib(started.pid) };
    } finally {
      await started.stop();
    }
  };
  return [{ name: `peer: ${peer.name} (acknowledged: ${peer.promise})`, run }];
}

/** Half of 100 k/s for minutes: memory and cost a span must not grow. The sender makes bodies on the way, so its own cost is high. */
async function steady(minutes: number): Promise<void> {
  const service = await startService(server);
  const spansPerSecond = 50_000;
  const format = { shape: LARGE, form: 'otlp' as const, gzipLevel: 1, fromMs: Date.now(), spansPerSecond };
  const sending = send({
    target: { host: '127.0.0.1', port: PORTS.http, path: '/v1/traces', headers: headersOf('gzip') },
    protocol: 'http',
    bodies: { format },
    meanSpans: 775,
    connections: 16,
    callsAConnection: 1,
    seconds: minutes * 60,
    spansPerSecond,
    warmUpS: WARM_UP_S,
  });
  process.stdout.write(`\nsteady, ${minutes} min at ${spansPerSecond} spans/s: CPU s a minute and resident memory\n\n`);
  process.stdout.write('| minute | service | Postgres | resident MiB |\n| --- | --- | --- | --- |\n');
  let before = [cpuS(service.pid), familyCpuS(server.pid)];
  let minute = 0;
  const timer = setInterval(() => {
    const now = [cpuS(service.pid), familyCpuS(server.pid)];
    const [own, postgres] = now.map((cpu, i) => (cpu - before[i]!).toFixed(1));
    process.stdout.write(`| ${++minute} | ${own} | ${postgres} | ${rssMib(service.pid).toFixed(0)} |\n`);
    before = now;
  }, 60_000);
  const sent = await sending;
  clearInterval(timer);
  const rate = (sent.spans / sent.seconds / 1_000).toFixed(1);
  say(
    `\n${rate} k/s, p50 ${sent.p50.toFixed(1)} ms, p99 ${sent.p99.toFixed(1)} ms, refused ${sent.refused}, lost ${sent.lost}`,
  );
  await service.stop();
}

function closedLoop(target: SenderTask['target'], { file, meanSpans }: Made): SenderTask {
  return {
    target,
    protocol: 'http',
    bodies: { file },
    meanSpans,
    connections: 16,
    callsAConnection: 1,
    seconds,
    spansPerSecond: null,
    warmUpS: WARM_UP_S,
  };
}

function headersOf(coding: 'gzip' | 'identity'): Record<string, string> {
  return { 'content-type': 'application/x-protobuf', 'content-encoding': coding };
}

/** Made once, sent by every run. */
function bodiesOf(format: Omit<BodyFormat, 'fromMs' | 'spansPerSecond'>, share: number): Promise<Made> {
  const key = JSON.stringify(format);
  let making = made.get(key);
  if (!making) {
    const file = path.join(directory, String(made.size));
    const fromMs = Date.now() - 60_000;
    making = writeBodies(
      file,
      { ...format, fromMs, spansPerSecond: 150_000 },
      MOST_SPANS_A_SECOND * seconds * share,
    ).then(({ bodies, bytes, spans }) => ({ file, meanSpans: spans / bodies, bytesASpan: bytes / spans }));
    made.set(key, making);
    void making.then(({ bytesASpan }) => say(`bodies of ${bytesASpan.toFixed(0)} bytes a span made for ${key}`));
  }
  return making;
}

/** Node's flags for a service whose threads are to be profiled, each into a file. */
function profiling(): string[] {
  return options.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${path.resolve(options.profile)}`];
}

async function send(task: SenderTask, onWarm: (warm: WarmUp) => void = () => undefined): Promise<SenderResult> {
  const child = spawn(process.execPath, [SENDER, JSON.stringify(task)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let result: SenderResult | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    const said = JSON.parse(line) as WarmUp | SenderResult;
    if ('warmUpSpans' in said) onWarm(said);
    else result = said;
  }
  if (!result) throw new Error('the sender ended without a result');
  return result;
}

/** Sends, and takes the CPU (seconds: service, PostgreSQL) of what is after the warm-up. */
async function observe(task: SenderTask, cpu: () => [number, number]): Promise<Outcome & { allSpans: number }> {
  let [service, postgres] = cpu();
  let warmUpSpans = 0;
  const sent = await send(task, (warm) => {
    [service, postgres] = cpu();
    warmUpSpans = warm.warmUpSpans;
  });
  const [serviceEnd, postgresEnd] = cpu();
  const trouble = [
    ...(sent.ranOut ? ['ran out of bodies'] : []),
    ...(sent.refused > 0 ? [`${sent.refused} refused`] : []),
    ...(sent.lost > 0 ? [`${sent.lost} lost`] : []),
  ];
  // What is acknowledged after the time was worked for all the same.
  const perSpan = (usedS: number) => (usedS / (sent.allSpans - warmUpSpans)) * 1e6;
  return {
    coldSpansPerSecond: warmUpSpans / task.warmUpS,
    spansPerSecond: sent.spans / sent.seconds,
    p50: sent.p50,
    p99: sent.p99,
    service: perSpan(serviceEnd - service),
    postgres: perSpan(postgresEnd - postgres),
    sender: (sent.cpuS / sent.spans) * 1e6,
    diskBytes: NaN,
    rss: NaN,
    note: trouble.join(', '),
    allSpans: sent.allSpans,
  };
}

async function journalBytes(databaseUrl: string): Promise<number> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const tables = ['segments', 'trace_segments', 'postings', 'request_keys'];
  const sizes = tables.map(
    (table) =>
      `(select coalesce(sum(pg_total_relation_size(relid)), 0) from pg_partition_tree('${table}') where isleaf)`,
  );
  const { rows } = await client.query<{ bytes: string }>(`select ${sizes.join(' + ')} as bytes`);
  await client.end();
  return Number(rows[0]!.bytes);
}

function print(): void {
  const load = os.loadavg().map((each) => each.toFixed(1));
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const machine = `${os.cpus().length} × ${os.cpus()[0]?.model}, ${Math.round(os.totalmem() / 2 ** 30)} GiB`;
  process.stdout.write(
    `\n${machine}, load ${load.join(' ')}, Node ${process.version}, commit ${commit}; ${seconds} s a run\n\n`,
  );
  const heads = [
    'what',
    'n',
    'k spans/s',
    'of the first',
    'cold k/s',
    'p50 ms',
    'p99 ms',
    'µs/span service',
    'Postgres',
    'sender',
    'bytes/span',
    'peak RSS MiB',
    'note',
  ];
  process.stdout.write(`| ${heads.join(' | ')} |\n|${' --- |'.repeat(heads.length)}\n`);
  const first = median((outcomes.get(scenarios[0]!.name) ?? []).map(({ spansPerSecond }) => spansPerSecond));
  for (const [name, all] of outcomes) {
    const figure = (pick: (outcome: Outcome) => number, digits: number) => spread(all.map(pick), digits);
    const rate = median(all.map(({ spansPerSecond }) => spansPerSecond));
    const cells = [
      name,
      String(all.length),
      figure(({ spansPerSecond }) => spansPerSecond / 1_000, 1),
      (rate / first).toFixed(2),
      figure(({ coldSpansPerSecond }) => coldSpansPerSecond / 1_000, 1),
      figure(({ p50 }) => p50, 1),
      figure(({ p99 }) => p99, 1),
      figure(({ service }) => service, 2),
      figure(({ postgres }) => postgres, 2),
      figure(({ sender }) => sender, 2),
      figure(({ diskBytes }) => diskBytes, 0),
      figure(({ rss }) => rss, 0),
      [...new Set(all.map(({ note }) => note).filter((note) => note !== ''))].join('; '),
    ];
    process.stdout.write(`| ${cells.join(' | ')} |\n`);
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

/** Median, and in brackets the lowest and the highest. */
function spread(values: readonly number[], digits: number): string {
  if (values.length === 0 || values.some(Number.isNaN)) return '–';
  const middle = median(values).toFixed(digits);
  return values.length === 1
    ? middle
    : `${middle} (${Math.min(...values).toFixed(digits)}-${Math.max(...values).toFixed(digits)})`;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
