import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../scripts/embedded-postgres.mjs';
import { processIdentity } from '../../scripts/process-lock.mjs';

const launcher = fileURLToPath(new URL('../../scripts/embedded-postgres.mjs', import.meta.url));

let home: string;
let running: EmbeddedPostgres | undefined;
let owner: ChildProcess | undefined;

async function start(): Promise<EmbeddedPostgres> {
  running = await startEmbeddedPostgres({ home, settings: { shared_buffers: '16MB' } });
  return running;
}

/** Starts PostgreSQL from another process, which can then be killed. */
async function startFromOwner(options: object): Promise<{ pid: number; ownerPid: number; directory: string }> {
  const script = `
    const { startEmbeddedPostgres } = await import(${JSON.stringify(launcher)});
    const { pid, directory } = await startEmbeddedPostgres(${JSON.stringify(options)});
    console.log(JSON.stringify({ pid, directory, ownerPid: process.pid }));
    setInterval(() => undefined, 1000);`;
  owner = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(owner.stdout!, 'data')) as [Buffer];
  return JSON.parse(line.toString()) as { pid: number; ownerPid: number; directory: string };
}

async function killOwner(): Promise<void> {
  const exited = once(owner!, 'exit');
  owner!.kill('SIGKILL');
  await exited;
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

async function untilGone(pid: number, withinMs: number): Promise<boolean> {
  for (let waited = 0; waited < withinMs && processIdentity(pid) !== null; waited += 50) await sleep(50);
  return processIdentity(pid) === null;
}

beforeAll(async () => {
  home = mkdtempSync(path.join(os.tmpdir(), 'tracehound-launcher-'));
  chmodSync(home, 0o755);
  const { url } = await start();
  await query(url, 'CREATE TABLE kept AS SELECT 42 AS answer');
  await running!.stop();
});

afterEach(async () => {
  if (owner && owner.exitCode === null && owner.signalCode === null) await killOwner();
  await running?.stop();
  running = undefined;
});

afterAll(() => rmSync(home, { recursive: true, force: true }));

describe('the embedded PostgreSQL', () => {
  it('keeps data, port and passwords between starts', async () => {
    const first = await start();
    await first.stop();
    const second = await start();
    expect(second).toMatchObject({ isNew: false, port: first.port, url: first.url });
    expect(await query(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('lets nobody in without the right password', async () => {
    const { url, adminUrl, directory } = await start();
    for (const good of [url, adminUrl]) {
      const wrong = new URL(good);
      wrong.password = 'guessed';
      await expect(query(wrong.href, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
      wrong.password = '';
      await expect(query(wrong.href, 'SELECT 1')).rejects.toThrow(/password/);
    }
    expect(statSync(path.join(directory, 'passwords.json')).mode & 0o777).toBe(0o600);
  });

  it('listens on loopback only and gives the service an ordinary role', async () => {
    const { url, adminUrl } = await start();
    const settings = `SELECT name, setting FROM pg_settings WHERE name IN ('listen_addresses', 'unix_socket_directories')`;
    expect(await query(adminUrl, `${settings} ORDER BY name`)).toEqual([
      { name: 'listen_addresses', setting: '127.0.0.1' },
      { name: 'unix_socket_directories', setting: '' },
    ]);
    const role = 'SELECT rolname, rolsuper, rolcreatedb FROM pg_roles WHERE rolname = current_user';
    expect(await query(url, role)).toEqual([{ rolname: 'tracehound', rolsuper: false, rolcreatedb: false }]);
  });

  it('leaves no process behind when it is stopped', async () => {
    const { pid, directory, stop } = await start();
    expect(processIdentity(pid)).not.toBeNull();
    await stop();
    expect(processIdentity(pid)).toBeNull();
    expect(existsSync(path.join(directory, 'lock'))).toBe(false);
    expect(existsSync(path.join(directory, 'data/postmaster.pid'))).toBe(false);
  });

  it('refuses a second start on the same data and names the first process', async () => {
    const { ownerPid, pid } = await startFromOwner({ home });
    await expect(start()).rejects.toThrow(`already runs on ${home}/postgres (process ${ownerPid})`);
    expect(processIdentity(pid)).not.toBeNull();
    await killOwner();
    await start();
    await expect(startEmbeddedPostgres({ home })).rejects.toThrow(`(process ${process.pid})`);
  });

  it('recovers what was committed before a kill -9 of the server', async () => {
    const first = await start();
    await query(first.url, 'DROP TABLE IF EXISTS committed; CREATE TABLE committed AS SELECT 7 AS n');
    process.kill(first.pid, 'SIGKILL');
    expect(await first.exited).toMatchObject({ signal: 'SIGKILL' });
    const second = await start();
    expect(second.port).toBe(first.port);
    expect(await query(second.url, 'SELECT n FROM committed')).toEqual([{ n: 7 }]);
  });

  it('ends the server that a killed owner left, then starts', async () => {
    const { pid } = await startFromOwner({ home });
    await killOwner();
    expect(processIdentity(pid)).not.toBeNull();
    const second = await start();
    expect(processIdentity(pid)).toBeNull();
    expect(await query(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('is not misled by a pid file whose number another program has now', async () => {
    // As after a power cut: the file is there, the server is not, and the number was given out again.
    const file = path.join(home, 'postgres/data/postmaster.pid');
    writeFileSync(file, `${process.pid}\n${home}/postgres/data\n1700000000\n5432\n\n127.0.0.1\n0 0\nready\n`);
    const { url } = await start();
    expect(await query(url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('takes another port when the one it had is taken', async () => {
    const first = await start();
    await first.stop();
    const thief = createServer().listen(first.port, '127.0.0.1');
    await once(thief, 'listening');
    try {
      const second = await start();
      expect(second.port).not.toBe(first.port);
      expect(await query(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    } finally {
      thief.close();
    }
  });

  it('refuses data of another major version and changes nothing', async () => {
    const file = path.join(home, 'postgres/data/PG_VERSION');
    const real = readFileSync(file, 'utf8');
    writeFileSync(file, '17\n');
    try {
      await expect(start()).rejects.toThrow(/made by PostgreSQL 17.*brings PostgreSQL 18/);
    } finally {
      writeFileSync(file, real);
    }
    expect(await query((await start()).url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('shows the end of the log when the server does not come up', async () => {
    const settings = { shared_buffers: 'plenty' };
    await expect(startEmbeddedPostgres({ home, settings })).rejects.toThrow(/did not start.*shared_buffers.*plenty/s);
    await start();
  });

  it('begins again after an interrupted initialisation', async () => {
    const half = mkdtempSync(path.join(os.tmpdir(), 'tracehound-launcher-'));
    chmodSync(half, 0o755);
    try {
      await startEmbeddedPostgres({ home: half, abort: AbortSignal.timeout(250) }).then(
        () => expect('an interrupted start').toBe('a finished one'),
        (error: unknown) => expect(String(error)).toMatch(/abort|timeout/i),
      );
      expect(existsSync(path.join(half, 'postgres/data'))).toBe(false);
      await (await startEmbeddedPostgres({ home: half })).stop();
      expect(readdirSync(path.join(half, 'postgres')).sort()).toEqual([
        'data',
        'passwords.json',
        'port',
        'postgres.log',
      ]);
    } finally {
      rmSync(half, { recursive: true, force: true });
    }
  });

  it('vanishes with its data when it is ephemeral, stopped or orphaned', async () => {
    const stopped = await startEmbeddedPostgres({ ephemeral: true });
    await stopped.stop();
    expect(existsSync(stopped.directory)).toBe(false);
    expect(processIdentity(stopped.pid)).toBeNull();

    const orphaned = await startFromOwner({ ephemeral: true });
    await killOwner();
    expect(await untilGone(orphaned.pid, 10_000)).toBe(true);
    for (let waited = 0; waited < 5_000 && existsSync(orphaned.directory); waited += 50) await sleep(50);
    expect(existsSync(orphaned.directory)).toBe(false);
  });

  it.each(['win32-x64', 'linux-s390x', 'sunos-x64'])(
    'says what to do on %s, which it has no binaries for',
    async (platform) => {
      await expect(startEmbeddedPostgres({ home, platform })).rejects.toThrow(/DATABASE_URL=postgres:/);
      await expect(startEmbeddedPostgres({ home, platform })).rejects.toThrow(platform);
    },
  );
});
