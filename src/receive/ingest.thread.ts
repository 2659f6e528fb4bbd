import { parentPort, workerData } from 'node:worker_threads';
import type { Config } from '../config.js';
import { Dictionary } from '../journal/dictionary.js';
import { Partitions } from '../journal/partitions.js';
import { Journal } from '../journal/write.js';
import { SqlPool } from '../journal/sql.js';
import { BodyBudget } from './body-budget.js';
import { ClockRelay } from './clock-relay.js';
import { Receiver } from './receiver.js';
import { type FromThread, type ThreadAnswer, type ToThread, sendable, unpackRequests } from './thread-messages.js';

/** For names and partitions, which are seldom new. */
const NAME_CONNECTIONS = 2;
const EMPTY_JSON_BYTES = '{}'.length;

// An ingest thread: everything between a body and its COMMIT. It ends when it is told to stop, after what it was given is answered.
const port = parentPort!;
const config = workerData as Config;
const post = (message: FromThread) => port.postMessage(message);

const log = { say: (what: string, error: Error) => post({ kind: 'trouble', what, error: sendable(error) }) };
const db = new SqlPool(config.databaseUrl, NAME_CONNECTIONS, (error) => log.say('lost an idle connection', error));
await db.query('select 1');
const clocks = new ClockRelay((seen) => post({ kind: 'seen', clocks: seen }));
const journal = new Journal(new Dictionary(db, config), new Partitions(db), clocks, config, log);
const rates = { admit: () => Promise.resolve(), spend };
const receiver = new Receiver(journal, rates, config);
const budget = new BodyBudget(config.ingest.maxPendingBytes);
const running = new Set<Promise<void>>();
let answers: ThreadAnswer[] = [];
let spent: number[] = [];

port.on('message', (message: ToThread) => {
  if (message.kind === 'stop') void stop();
  else for (const request of unpackRequests(message)) track(handle(request));
});
post({ kind: 'ready' });

async function handle(request: ReturnType<typeof unpackRequests>[number]): Promise<void> {
  const { id, encoding } = request;
  const share = budget.open();
  try {
    const answer = await receiver.export(request, share);
    // A message carries all of the memory that a Buffer is a part of: what is sent is a copy with memory of its own.
    const hasNothingToSay = answer.body.length === (encoding === 'json' ? EMPTY_JSON_BYTES : 0);
    say({ id, answer: hasNothingToSay ? null : { ...answer, body: new Uint8Array(answer.body) as Buffer } });
  } catch (error) {
    say({ id, failure: sendable(error) });
  } finally {
    share.close();
  }
}

/** Requests of one commit are answered together. */
function say(answer: ThreadAnswer): void {
  if (answers.push(answer) > 1) return;
  setImmediate(() => {
    post({ kind: 'answers', answers });
    answers = [];
  });
}

/** Rates are those of the process: they are asked before a request comes here, and told here what it held. */
function spend(...amounts: [tenantId: number, spans: number, bytes: number]): void {
  if (spent.push(...amounts) > amounts.length) return;
  setImmediate(() => {
    post({ kind: 'spent', amounts: spent });
    spent = [];
  });
}

function track(work: Promise<void>): void {
  running.add(work);
  void work.finally(() => running.delete(work));
}

async function stop(): Promise<void> {
  while (running.size > 0) await Promise.all(running);
  await journal.close();
  clocks.flush();
  await db.close();
  setImmediate(() => port.close());
}
