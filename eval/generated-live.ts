// npm run load:generated -- [--url http://127.0.0.1:4318] [--services 60] [--rate 250] [--minutes 30] [--speed 1] [--faults 0] [--seed 1] [--key th_…]
// Sends a generated system's traces to a running service, ending about now, faults (after 15 min of traffic) included; says what is on.
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { MINUTE_MS, WINDOW_MS, windowOf } from '../src/model/window.js';
import { keyIdentity } from '../tools/client/api.js';
import { Sender } from '../tools/replay/sender.js';
import { buildSystem } from './generator/build.js';
import { planFaults } from './generator/faults.js';
import { encodeGenerated } from './generator/otlp.js';
import { Random } from './generator/random.js';
import { traffic } from './generator/traffic.js';

const { values } = parseArgs({
  options: {
    url: { type: 'string', default: 'http://127.0.0.1:4318' },
    services: { type: 'string', default: '60' },
    rate: { type: 'string', default: '250' },
    minutes: { type: 'string', default: '30' },
    speed: { type: 'string', default: '1' },
    faults: { type: 'string', default: '0' },
    seed: { type: 'string', default: '1' },
    key: { type: 'string' },
  },
});
const [services, rate, minutes, speed, faults, seed] = (
  ['services', 'rate', 'minutes', 'speed', 'faults', 'seed'] as const
).map((name) => Number(values[name])) as [number, number, number, number, number, number];
const SPANS_A_REQUEST = 1_000;
const LEARN_MS = 15 * MINUTE_MS;
const FAULT_EVERY_MS = 12 * MINUTE_MS;

// Generated time runs `speed` times as fast as the clock and meets it at the end.
const nowMs = Date.now();
const fromMs = windowOf(nowMs + minutes * MINUTE_MS * (1 / speed - 1));
const system = buildSystem(services, rate, seed);
const labels = planFaults(system, faults, fromMs + LEARN_MS, FAULT_EVERY_MS, new Random(seed, 'plan'));
for (const { kind, what, fromMs: at } of labels) say(`${new Date(at).toISOString()} ${kind} at ${what}`);

const abort = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => abort.abort());
const sender = new Sender(values.url, keyIdentity(values.key), abort.signal);
for (const { windowAtMs, spans } of traffic(system, {
  fromMs,
  toMs: fromMs + minutes * MINUTE_MS,
  seed,
  deploys: [],
})) {
  const dueMs = nowMs + (windowAtMs + WINDOW_MS - fromMs) / speed;
  await sleep(Math.max(0, dueMs - Date.now()), undefined, { signal: abort.signal }).catch(() => undefined);
  if (abort.signal.aborted) break;
  const requests = [];
  for (let at = 0; at < spans.length; at += SPANS_A_REQUEST) {
    const part = spans.slice(at, at + SPANS_A_REQUEST);
    requests.push({ body: encodeGenerated(part, system.operations, 0), spans: part.length });
  }
  await sender.sendAll(requests);
  if ((windowAtMs - fromMs) % MINUTE_MS === 0)
    say(`${new Date(windowAtMs).toISOString()} ${sender.counts.spans} spans`);
}
say(JSON.stringify(sender.counts));
await sender.close();

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
