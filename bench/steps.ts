// npm run bench:steps -- [--operations 1000,10000] [--minutes 8] [--measured 4] [--seed 1] [--node <flags of Node, such as --cpu-prof>]
// The running service under a generated system, in real time over OTLP, on a PostgreSQL of its own: what each step costs as the service itself
// counts it (tracehound_stage_busy_seconds_total), one slow service on in the measured minutes. Prints a table for docs/measurements.md.
import os from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { buildSystem } from '../eval/generator/build.js';
import { encodeGenerated } from '../eval/generator/otlp.js';
import { effect, type Service as GeneratedService, type System } from '../eval/generator/system.js';
import { traffic } from '../eval/generator/traffic.js';
import { usageOf } from '../eval/generator/usage.js';
import { MINUTE_MS, WINDOW_MS, windowOf } from '../src/model/window.js';
import { Sender } from '../tools/replay/sender.js';
import { cpuS, familyCpuS, peakRssMib, rssMib } from './ingest/proc.js';
import { PORTS, type Server, startService } from './ingest/service.js';

const { values: options } = parseArgs({
  options: {
    operations: { type: 'string', default: '1000,10000' },
    minutes: { type: 'string', default: '8' },
    measured: { type: 'string', default: '4' },
    seed: { type: 'string', default: '1' },
    node: { type: 'string', default: '' },
  },
});
const sizes = options.operations.split(',').map(Number);
const [minutes, measured, seed] = [options.minutes, options.measured, options.seed].map(Number) as [
  number,
  number,
  number,
];
if (!sizes.every((size) => size >= 200 && size <= 50_000) || !(measured >= 1 && minutes >= measured + 4)) {
  throw new Error(
    '--operations wants numbers from 200 to 50000; four minutes at least must go before those --measured',
  );
}
/** The generator makes about nine operations a service. */
const OPERATIONS_A_SERVICE = 9;
const SPANS_A_SECOND_EACH = 0.5;
const SPANS_A_REQUEST = 1_000;
const STAGES = ['measure', 'detect', 'rank', 'incident', 'correlate', 'evaluate', 'baseline', 'other'];

const server: Server = {
  adminUrl: process.env['BENCH_ADMIN_URL']!,
  url: process.env['DATABASE_URL']!,
  pid: Number(process.env['BENCH_POSTGRES_PID']),
};

for (const size of sizes) await run(size);

async function run(size: number): Promise<void> {
  const service = await startService(
    server,
    options.node.split(' ').filter((flag) => flag !== ''),
  );
  const system = buildSystem(Math.round(size / OPERATIONS_A_SERVICE), size * SPANS_A_SECOND_EACH, seed);
  const beganMs = Date.now();
  const fromMs = windowOf(beganMs);
  const measuredFromMs = fromMs + (minutes - measured) * MINUTE_MS;
  const toMs = fromMs + minutes * MINUTE_MS;
  faulty(system).effects.push(effect(measuredFromMs, toMs, { slowUs: 300_000 }));
  const abort = new AbortController();
  const sender = new Sender(`http://127.0.0.1:${PORTS.http}`, {}, abort.signal);
  let before: Costs | null = null;
  try {
    for (const { windowAtMs, spans } of traffic(system, { fromMs, toMs, seed, deploys: [] })) {
      await sleep(Math.max(0, windowAtMs + WINDOW_MS - Date.now()));
      if (before === null && windowAtMs >= measuredFromMs) before = await costs(service.pid);
      const requests = [];
      for (let at = 0; at < spans.length; at += SPANS_A_REQUEST) {
        const part = spans.slice(at, at + SPANS_A_REQUEST);
        requests.push({ body: encodeGenerated(part, system.operations, 0), spans: part.length });
      }
      await sender.sendAll(requests);
    }
    print(size, before!, await costs(service.pid), sender.counts.spans, service.pid);
  } finally {
    await sender.close();
    await service.stop();
  }
}

/** One of many that are busy enough to be judged window by window, and called by others. */
function faulty(system: System): GeneratedService {
  const busy = [...usageOf(system).services].filter(([service, n]) => n > 40 && /^[a-z]+-[1-3]/.test(service.name));
  return busy.sort((a, b) => a[1] - b[1])[0]![0];
}

interface Costs {
  stages: Map<string, { busyS: number; steps: number }>;
  /** The whole process: receiving and storing too. */
  serviceS: number;
  postgresS: number;
  atMs: number;
}

async function costs(pid: number): Promise<Costs> {
  const answer = await fetch(`http://127.0.0.1:${PORTS.api}/metrics`);
  if (!answer.ok) throw new Error(`/metrics answered ${answer.status}`);
  const text = await answer.text();
  const of = (metric: string, stage: string): number =>
    Number(new RegExp(`^${metric}\\{stage="${stage}"\\} (\\S+)$`, 'm').exec(text)?.[1] ?? 0);
  return {
    stages: new Map(
      STAGES.map((stage) => [
        stage,
        { busyS: of('tracehound_stage_busy_seconds_total', stage), steps: of('tracehound_stage_steps_total', stage) },
      ]),
    ),
    serviceS: cpuS(pid),
    postgresS: familyCpuS(server.pid),
    atMs: Date.now(),
  };
}

function print(size: number, before: Costs, after: Costs, spans: number, pid: number): void {
  const windows = (after.atMs - before.atMs) / WINDOW_MS;
  const load = os.loadavg().map((each) => each.toFixed(1));
  const ms = (seconds: number, n: number): string => (n === 0 ? '–' : ((seconds * 1000) / n).toFixed(0));
  say(
    `\n${size} operations, ${spans} spans in ${minutes} min, measured the last ${measured}, load ${load.join(' ')}\n`,
  );
  say('| step | done | CPU ms each |\n| --- | --- | --- |');
  for (const stage of STAGES) {
    const [from, to] = [before.stages.get(stage)!, after.stages.get(stage)!];
    const n = stage === 'other' ? windows : to.steps - from.steps;
    say(`| ${stage} | ${n.toFixed(0)} | ${ms(to.busyS - from.busyS, n)} |`);
  }
  say(
    `\nFor a window of ten seconds: ${ms(after.serviceS - before.serviceS, windows)} ms CPU in the process (receiving included), ` +
      `${ms(after.postgresS - before.postgresS, windows)} ms in PostgreSQL. Resident ${rssMib(pid).toFixed(0)} MiB, at most ${peakRssMib(pid).toFixed(0)}.`,
  );
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
