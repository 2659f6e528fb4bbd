import { Api, keyIdentity } from '../client/api.js';
import type { ReceivedMessage } from '../client/receiver.js';
import { duration, Screen } from '../client/screen.js';
import { openSession } from '../client/session.js';
import { parseArguments, USAGE } from './arguments.js';
import type { DemoOptions } from './arguments.js';
import { Load } from './load.js';
import type { FaultKind } from './messages.js';
import { Phases } from './phases.js';
import type { Arrival } from './phases.js';
import { Shop } from './shop-processes.js';
import { messageLines, NEXT_STEPS, readMessage, summaryLines } from './story.js';
import { isRunning, startTracehound } from '../client/throw-away.js';
import type { Tracehound } from '../client/throw-away.js';

const VICTIM = 'cart';
const VISITS_PER_SECOND = 40;
const NOTICE_MS = 180_000;
const STAY_BROKEN_MS = 20_000;
const RESOLVE_MS = 600_000;

const BROKEN: Record<FaultKind, string> = {
  slow: 'reading a cart takes 300 ms longer',
  errors: 'every second read of a cart fails',
};

const screen = new Screen();
const abort = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => abort.abort());

async function run(options: DemoOptions): Promise<number> {
  const undo: (() => Promise<void>)[] = [];
  try {
    return await tell(options, undo);
  } finally {
    screen.done();
    if (undo.length > 0) screen.say('\nCleaning up ...');
    for (const step of undo.reverse()) {
      await step().catch((error: unknown) => screen.say(`clean-up: ${(error as Error).message}`));
    }
  }
}

// The course of the demo. Whatever it starts, it leaves a way to end in `undo`.
async function tell(options: DemoOptions, undo: (() => Promise<void>)[]): Promise<number> {
  const tracehound = await findOrStart(options);
  undo.push(() => tracehound.stop());
  const arrivals: Arrival[] = [];
  let brokenAtMs = Infinity;
  const session = await openSession(
    new Api(tracehound.apiUrl, keyIdentity(options.key)),
    `demo-${new Date().toISOString()}`,
    (received) => hear(received, arrivals, brokenAtMs),
  );
  undo.push(() => session.close(false));
  if (session.unreachable !== null) throw new Error(`webhooks do not come through: ${session.unreachable}`);
  screen.say('A webhook channel ends in this process: a test message arrived, its signature was right.');
  const shop = await Shop.start(tracehound.otlpUrl, session.identity);
  undo.push(() => shop.stop());
  const load = new Load(shop.url, VISITS_PER_SECOND);
  undo.push(() => Promise.resolve(load.stop()));
  screen.say(
    `The shop is open at ${shop.url}: frontend, checkout, cart, catalogue and payment are processes of their own,\n` +
      `traced by the OpenTelemetry SDK. ${VISITS_PER_SECOND} customers come in a second.\n\n` +
      'Tracehound now learns what is normal, without any rule or threshold. This takes about three to four minutes.',
  );
  const phases = new Phases(session.api, load, arrivals, screen, abort.signal);
  if (!(await phases.learn(options.minutes))) return abort.signal.aborted ? 130 : 1;

  shop.setFault(VICTIM, options.fault);
  brokenAtMs = Date.now();
  screen.say(`\n*** ${clock(brokenAtMs)} the ${VICTIM} service breaks: ${BROKEN[options.fault]} ***`);
  const opened = await phases.message(
    'waiting for the incident',
    brokenAtMs,
    NOTICE_MS,
    ({ type }) => type === 'incident.opened',
  );
  if (opened) await phases.pause('the fault stays for a moment', STAY_BROKEN_MS);
  shop.setFault(VICTIM, null);
  const repairedAtMs = Date.now();
  if (abort.signal.aborted) return 130;
  screen.done();
  screen.say(`\n*** ${clock(repairedAtMs)} the ${VICTIM} service is repaired ***`);
  const incidentId = opened?.message.data.incident.id;
  const resolved =
    opened &&
    (await phases.message(
      'waiting for the message that it is over',
      repairedAtMs,
      RESOLVE_MS,
      ({ type, data }) => type === 'incident.resolved' && data.incident.id === incidentId,
    ));
  if (abort.signal.aborted) return 130;
  screen.done();
  const course = { victim: VICTIM, brokenAtMs, opened, repairedAtMs, resolved, messages: arrivals.length };
  screen.say([...summaryLines(course), ...NEXT_STEPS].join('\n'));
  return opened && resolved ? 0 : 1;
}

async function findOrStart({ api, url }: DemoOptions): Promise<Tracehound> {
  if (await isRunning(api)) {
    screen.say(`Using the Tracehound that runs at ${api}, in a tenant of its own.`);
    return { otlpUrl: url, apiUrl: api, stop: () => Promise.resolve() };
  }
  screen.say(
    `No Tracehound answers at ${api}: starting one for the demo, with its own PostgreSQL and data that goes away ...`,
  );
  const began = Date.now();
  const own = await startTracehound(abort.signal);
  screen.say(`It runs after ${duration((Date.now() - began) / 1000)}: API at ${own.apiUrl}, OTLP at ${own.otlpUrl}.`);
  return own;
}

function hear(received: ReceivedMessage, arrivals: Arrival[], brokenAtMs: number): void {
  const message = readMessage(received.body);
  if (!message) return;
  const afterMs = received.receivedAtMs - brokenAtMs;
  const since = afterMs >= 0 ? `, ${(afterMs / 1000).toFixed(1)} s after the fault` : '';
  const lines = messageLines(message).map((line) => `    ${line}`);
  screen.say(
    [
      '',
      `>>> ${clock(received.receivedAtMs)} webhook received${since}; its signature is ${received.verified ? 'right' : 'WRONG'}`,
      ...lines,
    ].join('\n'),
  );
  if (received.verified) arrivals.push({ message, atMs: received.receivedAtMs });
}

function clock(ms: number): string {
  return `${new Date(ms).toISOString().slice(11, 19)}Z`;
}

try {
  const options = parseArguments(process.argv.slice(2));
  if (options === null) console.log(USAGE);
  else process.exitCode = await run(options);
} catch (error) {
  screen.done();
  console.error(`demo: ${abort.signal.aborted ? 'stopped' : (error as Error).message}`);
  process.exitCode = abort.signal.aborted ? 130 : 1;
}
