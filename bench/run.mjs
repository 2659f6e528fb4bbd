// Runs a benchmark of dist/bench on a PostgreSQL that lives as long as it: node bench/run.mjs <name> [options]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startEmbeddedPostgres } from '../scripts/embedded-postgres.mjs';

/** What is measured about writing is measured with the durability of `npm start`. */
const durable = new Set(['ingest']);

const [name, ...options] = process.argv.slice(2);
const program = fileURLToPath(new URL(`../dist/bench/${name}.js`, import.meta.url));
const home = durable.has(name) ? mkdtempSync(path.join('/var/tmp', 'tracehound-bench-')) : undefined;
if (home) chmodSync(home, 0o755);
const postgres = await startEmbeddedPostgres(home ? { home } : { ephemeral: true });
let child;
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child?.kill(signal));
try {
  const env = {
    ...process.env,
    DATABASE_URL: postgres.url,
    BENCH_ADMIN_URL: postgres.adminUrl,
    BENCH_POSTGRES_PID: String(postgres.pid),
  };
  // Its flags are passed on, so that node --cpu-prof bench/run.mjs <name> profiles the benchmark.
  child = spawn(process.execPath, [...process.execArgv, program, ...options], { stdio: 'inherit', env });
  const [code] = await once(child, 'exit');
  process.exitCode = code ?? 1;
} finally {
  await postgres.stop();
  if (home) rmSync(home, { recursive: true, force: true });
}
