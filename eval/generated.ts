// npm run eval:generated -- [--services 300] [--hours 24] [--seed 1] [--rate 250] [--faults 0]
// Without faults: how quiet is a system with two seasons and three harmless deploys. With faults: which are noticed and explained.
import { parseArgs } from 'node:util';
import { HOUR_MS, MINUTE_MS } from '../src/model/window.js';
import { buildSystem } from './generator/build.js';
import { Deploy } from './generator/deploy.js';
import { type Label, planFaults } from './generator/faults.js';
import { type Alarm, alarmsOf, judge } from './generator/judge.js';
import { Random } from './generator/random.js';
import { reportFaults } from './generator/report.js';
import { traffic } from './generator/traffic.js';
import { PureRun } from './pure-run.js';

const { values } = parseArgs({
  options: {
    services: { type: 'string', default: '300' },
    hours: { type: 'string', default: '24' },
    seed: { type: 'string', default: '1' },
    rate: { type: 'string', default: '250' },
    faults: { type: 'string', default: '0' },
    deploys: { type: 'string', default: '3' },
  },
});
const [services, hours, seed, rate, faults, deployCount] = (
  ['services', 'hours', 'seed', 'rate', 'faults', 'deploys'] as const
).map((name) => number(name)) as [number, number, number, number, number, number];

/** A Sunday at noon: a day from here meets night, the end of the weekend and a Monday morning. */
const FROM_MS = Date.parse('2026-03-01T12:00:00Z');
const LEARN_MS = 40 * MINUTE_MS;
const FAULT_EVERY_MS = 15 * MINUTE_MS;

const toMs = FROM_MS + (faults > 0 ? LEARN_MS + (faults + 1) * FAULT_EVERY_MS : hours * HOUR_MS);
const random = new Random(seed, 'plan');
const system = buildSystem(services, rate, seed);
const deploys = Array.from({ length: faults > 0 ? 0 : deployCount }, (_, i) =>
  Deploy.plan(system, FROM_MS + ((i + 1) * (toMs - FROM_MS)) / (deployCount + 1), i, random),
);
const labels: Label[] = planFaults(system, faults, FROM_MS + LEARN_MS, FAULT_EVERY_MS, random);
say(`${system.services.length} services, ${system.operations.size} operations, ${system.entries.length} entries`);

const run = new PureRun(system.operations);
const alarms: Alarm[] = [];
let spans = 0;
let told = 0;
let judgedMs = 0;
const began = performance.now();
for (const window of traffic(system, { fromMs: FROM_MS, toMs, seed, deploys })) {
  const before = performance.now();
  const changes = run.feed(window.windowAtMs, window.spans);
  judgedMs += performance.now() - before;
  spans += window.spans.length;
  run.findings.length = 0;
  for (const alarm of alarmsOf(window.windowAtMs, changes)) {
    alarms.push(alarm);
    say(`${at(alarm.atMs)} ${alarm.kind} ${alarm.title}`);
  }
  const hour = Math.floor((window.windowAtMs - FROM_MS) / HOUR_MS);
  if (hour > told) say(`hour ${(told = hour)}: ${spans} spans, ${Math.round((performance.now() - began) / 1000)} s`);
}

const tookS = (performance.now() - began) / 1000;
const lastedHours = (toMs - FROM_MS) / HOUR_MS;
const judgement = judge(system, labels, alarms);
for (const { label, touched, noticedAfterS, rank, incidents, first } of judgement.verdicts) {
  const outcome =
    first === null ? 'MISSED' : `after ${Math.round(noticedAfterS!)} s, rank ${rank ?? '-'}, incidents ${incidents}`;
  say(`${at(label.fromMs)} ${label.kind} at ${label.what} (touched ${touched}): ${outcome}`);
}
for (const { alarm, during } of judgement.falseAlarms) {
  say(`false ${at(alarm.atMs)} (${during ?? 'no fault'}) ${alarm.title}`);
}
for (const { atMs, service } of deploys) say(`deploy ${at(atMs)} ${service.name}`);

const memoryMiB = Math.round(process.memoryUsage().rss / 2 ** 20);
const windows = (lastedHours * HOUR_MS) / 10_000;
print(
  `services ${services}, seed ${seed}, ${lastedHours.toFixed(1)} h, ${spans} spans of ${system.operations.size} operations`,
);
print(`took ${tookS.toFixed(0)} s, of it judging ${(judgedMs / windows).toFixed(1)} ms a window; ${memoryMiB} MiB`);
if (faults > 0) print(`\n${reportFaults(judgement, lastedHours)}`);
else print(`incidents: ${alarms.length} in ${lastedHours} h without a fault, with ${deploys.length} harmless deploys`);

function number(name: keyof typeof values): number {
  const value = Number(values[name]);
  if (!(value >= 0)) throw new Error(`--${name} wants a number, not ${values[name]}`);
  return value;
}

function at(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
