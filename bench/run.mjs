// Runs a benchmark of dist/bench on a PostgreSQL that lives as long as it: node bench/run.mjs <name> [options]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { startEmbeddedPostgres } from '../scripts/embedded-postgres.mjs';

const [name, ...options] = process.argv.slice(2);
const program = fileURLToPath(new URL(`../dist/bench/${name}.js`, import.meta.url));
const postgres = await startEmbeddedPostgres({ ephemeral: true });
let child;
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child?.kill(signal));
try {
  const env = { ...process.env, DATABASE_URL: postgres.url };
  child = spawn(process.execPath, [program, ...options], { stdio: 'inherit', env });
  const [code] = await once(child, 'exit');
  process.exitCode = code ?? 1;
} finally {
  await postgres.stop();
}
