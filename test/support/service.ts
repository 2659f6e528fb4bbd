import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePorts } from '../../scripts/free-port.mjs';

const MAIN = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));
const SUPERVISOR = fileURLToPath(new URL('../../scripts/start.mjs', import.meta.url));
const READY = /Tracehound \S+ is ready/;
const READY_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 20_000;

export interface Service {
  /** Base of OTLP/HTTP, without /v1/traces. */
  otlpUrl: string;
  /** Where it takes OTLP/gRPC, as host:port. */
  grpcAddress: string;
  /** Base of the API, without /api/v1. */
  apiUrl: string;
  pid: number;
  /** Gives the exit code; throws when the process does not end. Default: SIGTERM. */
  stop(signal?: 'SIGTERM' | 'SIGINT'): Promise<number | null>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** What it said so far, on both outputs. */
  output(): string;
}

/** A service that ended before it was ready. */
export class ServiceEnded extends Error {
  constructor(
    readonly code: number | null,
    readonly output: string,
  ) {
    super(`the service ended with ${code} before it was ready:\n${output}`);
  }
}

/**
 * Starts the built service as a process of its own, on free ports unless `env` names some, and returns once it is ready. It sees no other
 * variables of this process. Until then and after, `onOutput` is given what it said so far. Throws ServiceEnded when it ends before.
 */
export async function startService({
  databaseUrl,
  supervised = false,
  env = {},
  onOutput,
}: {
  databaseUrl: string;
  /** As `npm start` does, whose process the returned one then is. */
  supervised?: boolean;
  env?: Record<string, string | undefined>;
  onOutput?: (said: string) => void;
}): Promise<Service> {
  const free = await freePorts(3);
  const otlpPort = env['OTLP_HTTP_PORT'] ?? free[0];
  const grpcPort = env['OTLP_GRPC_PORT'] ?? free[1];
  const apiPort = env['API_PORT'] ?? free[2];
  const dataDir = mkdtempSync(path.join(os.tmpdir(), 'tracehound-test-'));
  const child = spawn(process.execPath, supervised ? [SUPERVISOR] : ['--max-semi-space-size=8', MAIN], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: {
      PATH: process.env['PATH'],
      DATABASE_URL: databaseUrl,
      TRACEHOUND_DATA_DIR: dataDir,
      // The same for all, so that one that takes another's place can read what that one sealed.
      TRACEHOUND_SECRET_KEY: '5ec2e7'.repeat(11),
      OTLP_HTTP_PORT: String(otlpPort),
      OTLP_GRPC_PORT: String(grpcPort),
      API_PORT: String(apiPort),
      ...env,
    },
  });
  let said = '';
  const exited = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      rmSync(dataDir, { recursive: true, force: true });
      resolve(code);
    });
  });
  const ready = new Promise<void>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (text: Buffer) => {
        said += text.toString();
        onOutput?.(said);
        if (READY.test(said)) resolve();
      });
    }
  });
  const end = (signal: 'SIGTERM' | 'SIGINT' | 'SIGKILL') => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    return within(STOP_WITHIN_MS, exited, () => {
      child.kill('SIGKILL');
      return `the service did not end on ${signal}`;
    });
  };
  const outcome = await within(READY_WITHIN_MS, Promise.race([ready.then(() => 'ready' as const), exited]), () => {
    child.kill('SIGKILL');
    return `the service was not ready in time:\n${said}`;
  });
  if (outcome !== 'ready') throw new ServiceEnded(outcome, said);
  return {
    otlpUrl: `http://127.0.0.1:${otlpPort}`,
    grpcAddress: `127.0.0.1:${grpcPort}`,
    apiUrl: `http://127.0.0.1:${apiPort}`,
    pid: child.pid ?? 0,
    stop: (signal = 'SIGTERM') => end(signal),
    kill: async () => void (await end('SIGKILL')),
    output: () => said,
  };
}

async function within<T>(ms: number, work: Promise<T>, late: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(late())), ms);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
