import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { processIdentity } from '../../scripts/process-lock.mjs';

const startScript = fileURLToPath(new URL('../../scripts/start.mjs', import.meta.url));
const databaseModule = fileURLToPath(new URL('../../node_modules/pg/esm/index.mjs', import.meta.url));

// What the supervisor asks of a service, in a few lines: uses its database until the very end, answers SIGTERM, and ends
// when the channel to the supervisor does.
const service = `
  import pg from ${JSON.stringify(databaseModule)};
  const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
  pool.on('error', () => undefined);
  await pool.query('SELECT 1');
  if (process.env.EXIT_CODE) process.exit(Number(process.env.EXIT_CODE));
  process.on('disconnect', () => process.exit(1));
  process.on('SIGTERM', async () => {
    await new Promise((resolve) => setTimeout(resolve, 300));
    await pool.query('SELECT 1');
    console.log('service: finished its work');
    process.exit(0);
  });
  console.log('service: up as ' + process.pid);`;

let home: string;
let program: string;
let supervisor: ChildProcess;
let output = '';

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

  it('starts no database when DATABASE_URL names one', async () => {
    start({ DATABASE_URL: process.env['TEST_DATABASE_URL']! });
    await servicePid();
    expect(output).not.toContain('PostgreSQL');
    supervisor.kill('SIGTERM');
    expect(await exitCode()).toBe(0);
  });
});
