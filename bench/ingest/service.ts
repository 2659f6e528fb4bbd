/** The service under test, built as it ships, on a database of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));
const DATABASE = 'bench';
const READY_WITHIN_MS = 60_000;

const FIRST_PORT = Number(process.env['BENCH_FIRST_PORT'] ?? 24_317);
export const PORTS = { grpc: FIRST_PORT, http: FIRST_PORT + 1, api: FIRST_PORT + 2 };

/** Of the PostgreSQL that bench/run.mjs started. */
export interface Server {
  adminUrl: string;
  /** For the service's own role; its database is not used. */
  url: string;
  pid: number;
}

export interface Service {
  pid: number;
  databaseUrl: string;
  stop(): Promise<void>;
}

/** Makes the database anew; returns the URL of the service's role. */
export async function freshDatabase({ adminUrl, url }: Server): Promise<string> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    await client.query(`drop database if exists ${DATABASE} with (force)`);
    await client.query(`create database ${DATABASE} owner tracehound`);
    await client.query('checkpoint');
  } finally {
    await client.end();
  }
  const own = new URL(url);
  own.pathname = `/${DATABASE}`;
  return own.href;
}

/** `flags` are Node's, such as --cpu-prof. */
export async function startService(server: Server, flags: readonly string[] = []): Promise<Service> {
  const databaseUrl = await freshDatabase(server);
  const dataDir = mkdtempSync(path.join(os.tmpdir(), 'tracehound-bench-'));
  const child = spawn(process.execPath, ['--max-semi-space-size=8', ...flags, MAIN], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: {
      PATH: process.env['PATH'],
      MALLOC_ARENA_MAX: '2',
      DATABASE_URL: databaseUrl,
      TRACEHOUND_DATA_DIR: dataDir,
      OTLP_HTTP_PORT: String(PORTS.http),
      OTLP_GRPC_PORT: String(PORTS.grpc),
      API_PORT: String(PORTS.api),
    },
  });
  await ready(child, /Tracehound \S+ is ready/);
  return {
    pid: child.pid!,
    databaseUrl,
    stop: async () => {
      const exited = once(child, 'exit');
      if (child.exitCode === null) {
        child.kill('SIGTERM');
        await exited;
      }
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** Waits until a child says so. Throws with what it said when it ends before, or takes longer than a minute. */
export async function ready(child: ChildProcess, pattern: RegExp): Promise<void> {
  let said = '';
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not ready in time:\n${said.slice(-4_000)}`)), READY_WITHIN_MS);
    child.once('exit', (code) => reject(new Error(`ended with ${code} before it was ready:\n${said.slice(-4_000)}`)));
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (text: Buffer) => {
        said = (said + text.toString()).slice(-20_000);
        if (!pattern.test(said)) return;
        clearTimeout(timer);
        resolve();
      });
    }
  });
}
