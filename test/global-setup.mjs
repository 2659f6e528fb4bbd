// Real servers for one test run, on loopback and without durability: PostgreSQL always, Redis if this machine has it.
import { spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startEmbeddedPostgres } from '../scripts/embedded-postgres.mjs';
import { freePort } from '../scripts/free-port.mjs';
import { stopWhenOwnerDies } from '../scripts/owner-watch.mjs';

/** Sets TEST_DATABASE_URL and, if it can, TEST_REDIS_URL, unless they are set; see global-teardown.mjs for the end. */
export default async function globalSetup() {
  const started = [];
  globalThis.serversOfThisRun = started;
  try {
    if (!process.env.TEST_DATABASE_URL) {
      const began = performance.now();
      const postgres = await startEmbeddedPostgres({ ephemeral: true });
      started.push(postgres);
      process.env.TEST_DATABASE_URL = postgres.url;
      say(
        `PostgreSQL ${postgres.version} for this run started in ${((performance.now() - began) / 1000).toFixed(1)} s`,
      );
    }
    if (!process.env.TEST_REDIS_URL) {
      const program = findOnPath('redis-server');
      if (program) {
        const redis = await startRedis(program);
        started.push(redis);
        process.env.TEST_REDIS_URL = redis.url;
        say('Redis for this run started');
      } else {
        say('SKIPPED: tests that need Redis. Install redis-server or set TEST_REDIS_URL to run them.');
      }
    }
  } catch (error) {
    await Promise.all(started.map((server) => server.stop()));
    throw error;
  }
}

const say = (text) => process.stdout.write(`\n${text}\n`);

function findOnPath(name) {
  return (process.env.PATH ?? '')
    .split(path.delimiter)
    .map((directory) => path.join(directory, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

async function startRedis(program) {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'tracehound-redis-'));
  const pidFile = path.join(directory, 'redis.pid');
  const stopWatching = stopWhenOwnerDies({ pidFile, signal: 'TERM', directory });
  const port = await freePort();
  const settings = {
    port,
    bind: '127.0.0.1',
    dir: directory,
    pidfile: pidFile,
    save: '',
    appendonly: 'no',
    'maxmemory-policy': 'noeviction',
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const logFile = path.join(directory, 'redis.log');
  const child = spawn(program, [...args, '--logfile', logFile], { detached: true, stdio: 'ignore' });
  child.unref();
  const exited = new Promise((resolve) => child.once('error', resolve).once('exit', resolve));
  const stop = async () => {
    child.ref();
    if (child.pid && child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      await exited;
    }
    rmSync(directory, { recursive: true, force: true });
    stopWatching();
  };
  for (let tries = 0; tries < 200 && child.exitCode === null; tries += 1) {
    if (await answersPing(port)) return { url: `redis://127.0.0.1:${port}`, stop };
    await sleep(50);
  }
  let said;
  try {
    said = readFileSync(logFile, 'utf8').trim().slice(-2000);
  } catch {
    said = 'It wrote no log.';
  }
  await stop();
  throw new Error(`${program} did not start. ${said}`);
}

function answersPing(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.setTimeout(1000, () => socket.destroy());
    socket.once('data', (bytes) => {
      resolve(bytes.toString().startsWith('+PONG'));
      socket.destroy();
    });
    socket.once('error', () => undefined);
    socket.once('close', () => resolve(false));
  });
}
