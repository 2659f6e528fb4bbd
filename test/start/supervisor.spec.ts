import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { processIdentity } from '../../scripts/process-lock.mjs';

const startScript = fileURLToPath(new URL('../../scripts/start.mjs', import.meta.url));
const handOverScript = fileURLToPath(new URL('../../scripts/hand-over.mjs', import.meta.url));
const databaseModule = fileURLToPath(new URL('../../node_modules/pg/esm/index.mjs', import.meta.url));

// What the supervisor asks of a service, in a few lines: uses its database until the very end, answers SIGTERM, and ends
// when the channel to the supervisor does.
const service = `
  import { createServer } from 'node:net';
  import pg from ${JSON.stringify(databaseModule)};
  const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
  pool.on('error', () => undefined);
  await pool.query('SELECT 1');
  if (process.env.EXIT_CODE) process.exit(Number(process.env.EXIT_CODE));
  const takesOver = process.argv.includes('--takes-over');
  if (takesOver && process.env.FAILS_TO_TAKE_OVER) process.exit(3);
  process.on('disconnect', () => process.exit(1));
  process.on('SIGTERM', async () => {
    await new Promise((resolve) => setTimeout(resolve, 300));
    await pool.query('SELECT 1');
    console.log('service: finished its work');
    process.exit(0);
  });
  // Says which process it is to whoever connects, on a socket that the supervisor keeps.
  const server = createServer((socket) => socket.end(String(process.pid))).on('error', () => undefined);
  process.on('message', ({ tracehound }, kept) => {
    if (tracehound === 'socket') server.listen(kept ?? { port: 0, host: '127.0.0.1' }, () => {
      if (!kept) process.send({ tracehound: 'keep', address: 'here' }, server._handle);
      process.send({ tracehound: 'serves' });
      console.log('service: up as ' + process.pid + ' on port ' + server.address().port);
    });
    if (tracehound === 'retire') server.close(() => process.exit(0));
  });
  process.send({ tracehound: 'ask', address: 'here' });`;

let home: string;
let program: string;
let supervisor: ChildProcess;
let output = '';
let commandEnded: Promise<{ code: unknown; stdout: string; stderr: string }>;

function start(environment: Record<string, string> = {}): void {
  const { DATABASE_URL: _, ...rest } = process.env;
  output = '';
  supervisor = spawn(process.execPath, [startScript, program], {
    env: { ...rest, TRACEHOUND_DATA_DIR: home, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [supervisor.stdout!, supervisor.stderr!]) stream.on('data', (text: Buffer) => (output += text));
}

async function until(pattern: RegExp, withinMs = 15_000): Promise<RegExpExecArray> {
  for (let waited = 0; waited < withinMs; waited += 20) {
    const found = pattern.exec(output);
    if (found) return found;
    await sleep(20);
  }
  throw new Error(`${pattern} did not come within ${withinMs} ms. Output:\n${output}`);
}

/** The process that takes a connection to this port. */
async function whoAnswers(port: number): Promise<number> {
  const socket = connect(port, '127.0.0.1');
  let said = '';
  for await (const text of socket) said += String(text);
  return Number(said);
}

/** As `npm run hand-over`. */
function handOver(): void {
  const { DATABASE_URL: _, ...rest } = process.env;
  const child = spawn(process.execPath, [handOverScript], { env: { ...rest, TRACEHOUND_DATA_DIR: home } });
  const said = { stdout: '', stderr: '' };
  child.stdout.on('data', (text: Buffer) => (said.stdout += text));
  child.stderr.on('data', (text: Buffer) => (said.stderr += text));
  commandEnded = once(child, 'close').then(([code]) => ({ code, ...said }));
}

const databasePid = () => Number.parseInt(readFileSync(path.join(home, 'postgres/data/postmaster.pid'), 'utf8'), 10);
const servicePid = async () => Number((await until(/service: up as (\d+)/))[1]);
const exitCode = async () => ((await once(supervisor, 'close')) as [number | null])[0];

async function untilGone(pid: number): Promise<boolean> {
  for (let waited = 0; waited < 5_000 && processIdentity(pid) !== null; waited += 20) await sleep(20);
  return processIdentity(pid) === null;
}

beforeAll(() => {
  home = mkdtempSync(path.join(os.tmpdir(), 'tracehound-supervisor-'));
  chmodSync(home, 0o755);
  program = path.join(home, 'service.mjs');
  writeFileSync(program, service);
});

afterEach(async () => {
  if (supervisor.exitCode !== null || supervisor.signalCode !== null) return;
  const closed = once(supervisor, 'close');
  supervisor.kill('SIGTERM');
  await closed;
});

afterAll(() => rmSync(home, { recursive: true, force: true }));

describe('the supervisor', () => {
  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'on %s, twice, ends the service first and then the database',
    async (signal) => {
      start();
      const pids = [await servicePid(), databasePid()];
      supervisor.kill(signal);
      await until(/stopping/);
      supervisor.kill(signal);
      expect(await exitCode()).toBe(0);
      expect(output).toContain('service: finished its work');
      expect(pids.map(processIdentity)).toEqual([null, null]);
    },
  );

  it.each([0, 3, 78])('passes on exit code %s of a service that ends as it starts', async (code) => {
    start({ EXIT_CODE: String(code) });
    expect(await exitCode()).toBe(code);
    expect(output).not.toContain('restarting');
  });

  it('restarts a service that was killed, on the same database', async () => {
    start();
    const [first, database] = [await servicePid(), databasePid()];
    process.kill(first, 'SIGKILL');
    const [, second] = await until(/service: up as \d+[^]*service: up as (\d+)/);
    expect(Number(second)).not.toBe(first);
    expect(databasePid()).toBe(database);
  });

  it('restarts a database that was killed, under the same service', async () => {
    start();
    const [first, database] = [await servicePid(), databasePid()];
    process.kill(database, 'SIGKILL');
    await until(/restarting[^]*PostgreSQL .* started/);
    expect(databasePid()).not.toBe(database);
    expect(processIdentity(first)).not.toBeNull();
  });

  it('killed itself, takes the service along, and the next start ends the database it left', async () => {
    start();
    const [first, database] = [await servicePid(), databasePid()];
    supervisor.kill('SIGKILL');
    await once(supervisor, 'close');
    expect(await untilGone(first)).toBe(true);
    start();
    await servicePid();
    expect(output).toContain(`ending PostgreSQL (process ${database})`);
    expect(processIdentity(database)).toBeNull();
  });

  it('lets another process take over, on the same socket', async () => {
    start();
    const first = await servicePid();
    const port = Number((await until(/on port (\d+)/))[1]);
    const answers = new Set([await whoAnswers(port)]);
    handOver();
    while (!output.includes('handed over in')) answers.add(await whoAnswers(port));
    const [, second] = await until(/service: up as \d+[^]*service: up as (\d+)/);
    answers.add(await whoAnswers(port));
    expect([...answers]).toEqual([first, Number(second)]);
    expect(processIdentity(first)).toBeNull();
    expect((await commandEnded).stdout).toContain(`process ${second} has taken over from process ${first}`);
  });

  it('goes on with the process it has when the other one does not come up', async () => {
    start({ FAILS_TO_TAKE_OVER: 'yes' });
    const first = await servicePid();
    const port = Number((await until(/on port (\d+)/))[1]);
    handOver();
    await until(/not handed over: it ended with code 3/);
    expect(await whoAnswers(port)).toBe(first);
    expect(await commandEnded).toMatchObject({ code: 1, stderr: expect.stringContaining('it ended with code 3') });
  });

  it('keeps connections waiting while it restarts a service that was killed', async () => {
    start();
    const first = await servicePid();
    const port = Number((await until(/on port (\d+)/))[1]);
    process.kill(first, 'SIGKILL');
    await until(/restarting/);
    const answer = await whoAnswers(port);
    const [, second] = await until(/service: up as \d+[^]*service: up as (\d+)/);
    expect(answer).toBe(Number(second));
  });

  it('starts no database when DATABASE_URL names one', async () => {
    start({ DATABASE_URL: process.env['TEST_DATABASE_URL']! });
    await servicePid();
    expect(output).not.toContain('PostgreSQL');
    supervisor.kill('SIGTERM');
    expect(await exitCode()).toBe(0);
  });
});
