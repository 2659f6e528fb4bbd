import { it } from '@jest/globals';
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../scripts/free-port.mjs';

/** Path of the OpenTelemetry Collector: OTELCOL_BIN, else on PATH, else undefined. */
export const otelcol = findProgram('OTELCOL_BIN', ['otelcol', 'otelcol-contrib']);

/** Path of telemetrygen: TELEMETRYGEN_BIN, else on PATH, else undefined. */
export const telemetrygen = findProgram('TELEMETRYGEN_BIN', ['telemetrygen']);

const anyPython = findProgram('OTEL_PYTHON_BIN', ['python3']);

/** Path of a Python with the OpenTelemetry SDK and its OTLP/HTTP exporter: OTEL_PYTHON_BIN, else on PATH, else undefined. */
export const python = withModules(anyPython, 'opentelemetry.sdk', 'opentelemetry.exporter.otlp.proto.http');

/** The same with its OTLP/gRPC exporter. */
export const pythonWithGrpc = withModules(anyPython, 'opentelemetry.sdk', 'opentelemetry.exporter.otlp.proto.grpc');

/** The same with the logs of its SDK. */
export const pythonWithLogs = withModules(
  anyPython,
  'opentelemetry.sdk._logs',
  'opentelemetry.exporter.otlp.proto.http._log_exporter',
);

/** Path of a Python with the Standard Webhooks library: WEBHOOKS_PYTHON_BIN, else on PATH, else undefined. */
export const pythonWithWebhooks = withModules(findProgram('WEBHOOKS_PYTHON_BIN', ['python3']), 'standardwebhooks');

/** Path of Go, when its module cache has the Standard Webhooks library (`go mod download` in test/interop/webhooks-go): GO_BIN, else on PATH. */
export const goWithWebhooks = withGoModules(findProgram('GO_BIN', ['go']), 'test/interop/webhooks-go');

/** The same with the OpenTelemetry SDK (`go mod download` in test/interop/sdk-go). */
export const goWithSdk = withGoModules(findProgram('GO_BIN', ['go']), 'test/interop/sdk-go');

/** Java, and the class path that Maven has written for the OpenTelemetry SDK (test/interop/sdk-java/pom.xml says how). */
export const javaWithSdk = withClassPath(findProgram('JAVA_BIN', ['java']), 'test/interop/sdk-java/target/classpath');

/** Path of schemathesis, which tries an API by its OpenAPI document: SCHEMATHESIS_BIN, else on PATH, else undefined. */
export const schemathesis = findProgram('SCHEMATHESIS_BIN', ['schemathesis']);

/** Alertmanager and its client, such as Debian's package prometheus-alertmanager has them. */
export const alertmanager = findProgram('ALERTMANAGER_BIN', ['prometheus-alertmanager', 'alertmanager']);
export const amtool = findProgram('AMTOOL_BIN', ['amtool']);

/** A browser that playwright-core can drive, such as Debian's package chromium. */
export const chromium = findProgram('CHROMIUM_BIN', ['chromium', 'chromium-browser', 'google-chrome']);

/** `it` when every named program is there; otherwise `it.skip`, with one line on the console that says what is missing. */
export function itWith(peers: Record<string, string | undefined>): typeof it | typeof it.skip {
  const missing = Object.keys(peers).filter((name) => peers[name] === undefined);
  if (missing.length === 0) return it;
  console.warn(`Skipped: ${missing.join(' and ')} not found. Set the path in the environment or put it on PATH.`);
  return it.skip;
}

/** Runs a program to its end. Rejects with its output when it fails or takes longer than `timeoutMs`. */
export function run(program: string, args: string[], env: Record<string, string> = {}, timeoutMs = 30_000) {
  return new Promise<string>((resolve, reject) => {
    const child = spawn(program, args, { env: { ...process.env, ...env }, timeout: timeoutMs, killSignal: 'SIGKILL' });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code, signal) =>
      code === 0 ? resolve(output) : reject(new Error(`${program} ended with ${signal ?? code}:\n${output}`)),
    );
  });
}

export interface Collector {
  /** Where it receives OTLP/HTTP, as `host:port`. */
  endpoint: string;
  /** Ends it as an operator would, after its queue is flushed; resolves with its log. */
  stop(): Promise<string>;
}

/** How a Collector sends: to a base URL over HTTP, or to host:port over gRPC. */
type Target =
  | { url: string; encoding: 'proto' | 'json'; compression: 'gzip' | 'none' }
  | { grpcAddress: string; compression: 'gzip' | 'none' };

/** Starts the Collector: OTLP/HTTP in, batches of at most 200 spans out to `target`. */
export async function startCollector(program: string, target: Target): Promise<Collector> {
  const endpoint = `127.0.0.1:${await freePort()}`;
  const exporter = exporterOf(target);
  const config = {
    receivers: { otlp: { protocols: { http: { endpoint } } } },
    processors: { batch: { timeout: '200ms', send_batch_size: 100, send_batch_max_size: 200 } },
    exporters: { [exporter.name]: exporter.settings },
    service: {
      telemetry: { metrics: { level: 'none' } },
      pipelines: {
        traces: { receivers: ['otlp'], processors: ['batch'], exporters: [exporter.name] },
        logs: { receivers: ['otlp'], processors: ['batch'], exporters: [exporter.name] },
      },
    },
  };
  const child = spawn(program, ['--config', `yaml:${JSON.stringify(config)}`], { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => fail('was not ready within 20 s'), 20_000);
    const fail = (what: string) => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      reject(new Error(`The Collector ${what}:\n${log}`));
    };
    const read = (chunk: Buffer) => {
      log += chunk.toString();
      if (!log.includes('Everything is ready')) return;
      clearTimeout(timer);
      resolve();
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.on('error', (error) => fail(`did not start (${error.message})`));
    child.on('close', (code) => fail(`ended with ${code}`));
  });
  return {
    endpoint,
    async stop() {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await ended;
      clearTimeout(timer);
      return log;
    },
  };
}

/** Starts Alertmanager on loopback, with nothing but this configuration. */
export async function startAlertmanager(
  program: string,
  config: object,
): Promise<{ url: string; stop(): Promise<void> }> {
  const dir = mkdtempSync(join(tmpdir(), 'alertmanager-'));
  const port = await freePort();
  writeFileSync(join(dir, 'config.yml'), JSON.stringify(config));
  const args = [
    `--config.file=${join(dir, 'config.yml')}`,
    `--storage.path=${dir}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--cluster.listen-address=',
  ];
  const child = spawn(program, args, { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const url = `http://127.0.0.1:${port}`;
  const isReady = () =>
    fetch(`${url}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  for (const endMs = Date.now() + 20_000; !(await isReady()); await sleep(50)) {
    if (Date.now() > endMs) throw new Error('Alertmanager was not ready in time');
  }
  return {
    url,
    stop: async () => {
      child.kill('SIGKILL');
      await ended;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Newer Collectors call them `otlp_http` and `otlp_grpc` and still accept these names; older ones know only these. */
function exporterOf(target: Target): { name: string; settings: object } {
  if ('url' in target) {
    const { url: endpoint, encoding, compression } = target;
    return { name: 'otlphttp', settings: { endpoint, encoding, compression } };
  }
  const { grpcAddress: endpoint, compression } = target;
  return { name: 'otlp', settings: { endpoint, compression, tls: { insecure: true } } };
}

function findProgram(variable: string, names: string[]): string | undefined {
  const set = process.env[variable];
  if (set) {
    // A wrong setting must not look like a peer that was never there.
    if (!isExecutable(set)) throw new Error(`${variable} is ${set}, which is not an executable file.`);
    return set;
  }
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter(Boolean);
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function withModules(program: string | undefined, ...modules: string[]): string | undefined {
  if (!program) return undefined;
  const probe = spawnSync(program, ['-c', `import ${modules.join(', ')}`]);
  return probe.status === 0 ? program : undefined;
}

function withGoModules(program: string | undefined, folder: string): string | undefined {
  if (!program) return undefined;
  const env = { ...process.env, GOPROXY: 'off', GOFLAGS: '-mod=readonly' };
  return spawnSync(program, ['list', '-deps', '.'], { cwd: folder, env }).status === 0 ? program : undefined;
}

function withClassPath(program: string | undefined, file: string): { program: string; classPath: string } | undefined {
  return program !== undefined && existsSync(file)
    ? { program, classPath: readFileSync(file, 'utf8').trim() }
    : undefined;
}
