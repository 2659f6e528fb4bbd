// Sends each body (a base64 line of the file given) through the ingest pool as built, repeating what fails as a sender would, while threads are
// ended under way. Prints what failed and how. Run by test/store/ingest-pool.spec.ts: worker threads need the built files.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfig } from '../../dist/src/config.js';
import { IngestPool } from '../../dist/src/receive/ingest-pool.js';

const AT_ONCE = 16;

const bodies = readFileSync(process.argv[2], 'utf8').trim().split('\n');
const threads = [];
process.on('worker', (thread) => threads.push(thread));
const failures = {};
let seen = 0;
const pool = new IngestPool(
  loadConfig(),
  { saw: () => (seen += 1) },
  { admit: async () => undefined, spend: () => undefined },
);
await pool.start();

const third = Math.floor(bodies.length / 3);
let next = 0;
let answered = 0;
for (const [end, endsThreads] of [
  [third, 1],
  [2 * third, 2],
  [bodies.length, 0],
]) {
  const before = threads.length;
  await Promise.all(Array.from({ length: AT_ONCE }, () => send(end, endsThreads)));
  while (threads.length < before + endsThreads) await sleep(20);
}
await pool.stop();
process.stdout.write(`${JSON.stringify({ answered, seen, failures, threads: threads.length })}\n`);

/** In the middle of the way to `end` the newest threads are ended, with whatever they hold. */
async function send(end, endsThreads) {
  const middle = end - Math.floor(third / 2);
  while (next < end) {
    const i = next++;
    if (i === middle) for (const thread of threads.slice(-2).slice(0, endsThreads)) void thread.terminate();
    await repeat({ tenantId: 1, encoding: 'protobuf', isGzip: false, body: Buffer.from(bodies[i], 'base64') });
  }
}

async function repeat(request) {
  for (;;) {
    try {
      await pool.export(request);
      answered += 1;
      return;
    } catch (error) {
      const what = `${error.name}: ${error.message}`;
      failures[what] = (failures[what] ?? 0) + 1;
      await sleep(20);
    }
  }
}
