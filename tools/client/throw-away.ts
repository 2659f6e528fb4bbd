import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Api } from './api.js';

const START_MS = 120_000;
const STOP_MS = 40_000;
// Settings of other installations that a throw-away one must not follow.
const FOREIGN =
  /^(DATABASE_URL|REDIS_URL|ROLES|LISTEN_HOST|TRACEHOUND_.*|PUBLIC_URL|OUTBOUND_ALLOW|ALLOW_UNAUTHENTICATED)$/;

export interface Tracehound {
  otlpUrl: string;
  apiUrl: string;
  /** Ends it and removes its data, when it was started here. */
  stop(): Promise<void>;
}

/** Whether a Tracehound answers at this address. */
export async function isRunning(apiUrl: string): Promise<boolean> {
  return new Api(apiUrl, undefined, 0).health().then(
    (health) => health.status === 'ok',
    () => false,
  );
}

/** Starts a Tracehound of its own on free ports, with its own PostgreSQL, in a directory that goes away with it. */
export async function startTracehound(signal: AbortSignal): Promise<Tracehound> {
  const directory = mkdtempSync(path.join(tmpdir(), 'tracehound-throw-away-'));
  // PostgreSQL does not run as root; when root starts it, another user has to find its way in.
  chmodSync(directory, 0o711);
  const log = path.join(directory, 'tracehound.log');
  const [otlpPort, apiPort] = await freePorts();
  const inherited = Object.entries(process.env).filter(([name]) => !FOREIGN.test(name));
  const out = openSync(log, 'w', 0o600);
  const child = spawn(process.execPath, [fileURLToPath(new URL('../../../scripts/start.mjs', import.meta.url))], {
    stdio: ['ignore', out, out],
    detached: true,
    env: {
      ...Object.fromEntries(inherited),
      TRACEHOUND_DATA_DIR: directory,
      OTLP_HTTP_PORT: String(otlpPort),
      OTLP_GRPC_PORT: '0',
      API_PORT: String(apiPort),
    },
  });
  const exited = once(child, 'exit');
  const stop = async (): Promise<void> => {
    const force = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      await exited;
    }
    clearTimeout(force);
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  };
  const apiUrl = `http://127.0.0.1:${apiPort}`;
  const giveUpAtMs = Date.now() + START_MS;
  while (!(await isRunning(apiUrl))) {
    const ended = child.exitCode !== null || child.signalCode !== null;
    if (ended || signal.aborted || Date.now() > giveUpAtMs) {
      const said = readFileSync(log, 'utf8').trim().split('\n').slice(-15).join('\n');
      await stop();
      throw new Error(ended ? `Tracehound did not start. It said:\n${said}` : 'Tracehound did not start in time');
    }
    await sleep(250);
  }
  return { otlpUrl: `http://127.0.0.1:${otlpPort}`, apiUrl, stop };
}

async function freePorts(): Promise<[number, number]> {
  const probes = [createServer(), createServer()];
  const ports = await Promise.all(
    probes.map(async (probe) => {
      await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
      return (probe.address() as AddressInfo).port;
    }),
  );
  await Promise.all(probes.map((probe) => new Promise((resolve) => probe.close(resolve))));
  return [ports[0] ?? 0, ports[1] ?? 0];
}
