/** Other stores of traces, started on a throw-away directory; each is found through a variable that names its program. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Target } from './connection.js';

const PORT = 25_318;
const OTHER_PORT = 25_319;
const READY_WITHIN_MS = 60_000;

export interface Peer {
  name: string;
  /** Environment variable with the path of its program. */
  variable: string;
  /** What an acknowledged request can rely on. */
  promise: string;
  form: 'otlp' | 'zipkin';
  /** Where it takes spans, if not at the usual place. */
  path?: string;
  command(
    program: string,
    directory: string,
  ): { args: string[]; config?: string; program?: string; env?: Record<string, string> };
}

const NO_TELEMETRY = `telemetry: { metrics: { level: none }, logs: { level: error } }`;

const jaeger = (name: string, backend: (directory: string) => string, promise: string): Peer => ({
  name,
  variable: 'JAEGER_BIN',
  promise,
  form: 'otlp',
  command: (_program, directory) => ({
    args: ['--config', path.join(directory, 'config.yaml')],
    config: `
extensions: { jaeger_storage: { backends: { main: ${backend(directory)} } } }
receivers: { otlp: { protocols: { http: { endpoint: '127.0.0.1:${PORT}' } } } }
exporters: { jaeger_storage_exporter: { trace_storage: main } }
service:
  extensions: [jaeger_storage]
  pipelines: { traces: { receivers: [otlp], exporters: [jaeger_storage_exporter] } }
  ${NO_TELEMETRY}
`,
  }),
});

export const PEERS: readonly Peer[] = [
  jaeger(
    'Jaeger 2, memory',
    () => '{ memory: { max_traces: 1000000 } }',
    'in the memory of the process; gone when it ends',
  ),
  jaeger(
    'Jaeger 2, Badger',
    (directory) =>
      `{ badger: { directories: { keys: '${directory}/keys', values: '${directory}/values' }, ephemeral: false } }`,
    'written to files without fsync (sync_writes is off): survives the process, not the machine',
  ),
  {
    name: 'Zipkin, memory (its JSON)',
    variable: 'ZIPKIN_JAR',
    promise: 'accepted for storing in memory; gone when the process ends',
    form: 'zipkin',
    command: (program) => ({
      program: 'java',
      args: ['-Xmx2g', '-jar', program],
      env: { QUERY_PORT: String(PORT), STORAGE_TYPE: 'mem', MEM_MAX_SPANS: '2000000', SELF_TRACING_ENABLED: 'false' },
    }),
  },
  {
    name: 'Tempo 1.5, local disk',
    variable: 'TEMPO_BIN',
    promise: 'in the memory of the ingester, soon after in its write-ahead log, without fsync',
    form: 'otlp',
    command: (_program, directory) => ({
      args: [`-config.file=${path.join(directory, 'config.yaml')}`, '-target=all'],
      config: `
server: { http_listen_address: 127.0.0.1, http_listen_port: ${OTHER_PORT}, grpc_listen_address: 127.0.0.1, grpc_listen_port: 25320, log_level: error }
distributor: { receivers: { otlp: { protocols: { http: { endpoint: '127.0.0.1:${PORT}' } } } } }
ingester: { lifecycler: { ring: { kvstore: { store: inmemory }, replication_factor: 1 }, address: 127.0.0.1 } }
storage: { trace: { backend: local, local: { path: '${directory}/blocks' }, wal: { path: '${directory}/wal' } } }
overrides: { ingestion_rate_limit_bytes: 2000000000, ingestion_burst_size_bytes: 2000000000, max_traces_per_user: 0 }
usage_report: { reporting_enabled: false }
`,
    }),
  },
  {
    name: 'VictoriaTraces, local disk',
    variable: 'VICTORIATRACES_BIN',
    promise: 'in the memory of the process; written to files within seconds',
    form: 'otlp',
    path: '/insert/opentelemetry/v1/traces',
    command: (_program, directory) => ({
      args: [`-storageDataPath=${directory}`, `-httpListenAddr=127.0.0.1:${PORT}`, '-retentionPeriod=7d'],
    }),
  },
  {
    name: 'Collector with spanmetrics, storing nothing',
    variable: 'OTELCOL_SPANMETRICS_BIN',
    promise: 'counted in the memory of the process; spans are thrown away',
    form: 'otlp',
    command: (_program, directory) => ({
      args: ['--config', path.join(directory, 'config.yaml')],
      config: `
receivers: { otlp: { protocols: { http: { endpoint: '127.0.0.1:${PORT}' } } } }
connectors: { spanmetrics: {} }
exporters: { nop: {} }
service:
  pipelines: { traces: { receivers: [otlp], exporters: [spanmetrics] }, metrics: { receivers: [spanmetrics], exporters: [nop] } }
  ${NO_TELEMETRY}
`,
    }),
  },
];

export const peerTarget = ({ form, path: at }: Peer): Target => ({
  host: '127.0.0.1',
  port: PORT,
  path: at ?? (form === 'zipkin' ? '/api/v2/spans' : '/v1/traces'),
  headers: {
    'content-type': form === 'zipkin' ? 'application/json' : 'application/x-protobuf',
    'content-encoding': 'gzip',
  },
});

/** Starts a peer and returns once its port takes connections. */
export async function startPeer(peer: Peer, program: string): Promise<{ pid: number; stop(): Promise<void> }> {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'tracehound-peer-'));
  for (const name of ['keys', 'values', 'blocks', 'wal']) mkdirSync(path.join(directory, name));
  const { args, config, env, program: runner } = peer.command(program, directory);
  if (config !== undefined) writeFileSync(path.join(directory, 'config.yaml'), config);
  const child = spawn(runner ?? program, args, {
    cwd: directory,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env['PATH'], HOME: directory, ...env },
  });
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    }
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await listening(child);
  } catch (error) {
    await stop();
    throw error;
  }
  return { pid: child.pid!, stop };
}

async function listening(child: ChildProcess): Promise<void> {
  let said = '';
  child.stderr!.on('data', (text: Buffer) => (said = (said + text.toString()).slice(-2_000)));
  const giveUpMs = performance.now() + READY_WITHIN_MS;
  while (!(await takesConnections())) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${said}`);
    if (performance.now() > giveUpMs) throw new Error(`it does not listen: ${said}`);
    await sleep(200);
  }
  await sleep(1_000);
}

function takesConnections(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(PORT, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
