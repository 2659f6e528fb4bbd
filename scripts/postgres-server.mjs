// The running PostgreSQL server: its port, its log, its start and its end.
import { spawn } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.mjs';
import { clusterName } from './postgres-cluster.mjs';

const maxLogBytes = 10_000_000;
// Long, because after a crash the server first repeats up to max_wal_size of work.
const startTimeoutMs = 300_000;
const noticeEveryMs = 10_000;

/**
 * Starts the server on a data directory and returns `{ child, port, exited }` once it accepts connections. The port of
 * the last start is used again if it is free. Throws with the end of the server's log when it does not come up.
 */
export async function startServer({ directory, native, ids, settings, abort, log }) {
  const portFile = path.join(directory, 'port');
  const logFile = path.join(directory, 'postgres.log');
  for (let attempt = 1; ; attempt += 1) {
    boundLog(directory);
    const logStart = existsSync(logFile) ? statSync(logFile).size : 0;
    const remembered = attempt === 1 && existsSync(portFile) ? Number(readFileSync(portFile, 'utf8')) : 0;
    const port = (remembered && (await freePort(remembered))) || (await freePort());
    const server = spawnServer({ directory, native, ids, logFile, settings: { ...settings, port } });
    try {
      await untilReady({ directory, server, abort, log });
      writeFileSync(portFile, String(port));
      return { ...server, port };
    } catch (error) {
      await endServer(server, 'SIGINT');
      const said = readFileSync(logFile).subarray(logStart).toString('utf8').trim().slice(-3000);
      if (attempt < 3 && /could not bind .*Address already in use/s.test(said)) continue;
      throw new Error(`PostgreSQL did not start: ${error.message}. The end of ${logFile}:\n${said}`, { cause: error });
    }
  }
}

/** Ends the server with a signal (SIGINT: fast and clean, SIGQUIT: at once), harder if it does not end. */
export async function endServer({ child, exited }, signal) {
  child.ref();
  for (const [next, graceMs] of [
    [signal, 20_000],
    ['SIGQUIT', 10_000],
    ['SIGKILL', 10_000],
  ]) {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    child.kill(next);
    const timer = new AbortController();
    await Promise.race([exited, sleep(graceMs, undefined, { signal: timer.signal }).catch(() => undefined)]);
    timer.abort();
  }
}

/** Keeps the server's log and one earlier part of it, each of at most 10 MB and what a minute adds. */
export function boundLog(directory) {
  const file = path.join(directory, 'postgres.log');
  if (!existsSync(file) || statSync(file).size < maxLogBytes) return;
  copyFileSync(file, `${file}.1`);
  // The server has the file open for appending, so it goes on at the new end.
  truncateSync(file);
}

function spawnServer({ directory, native, ids, logFile, settings }) {
  const always = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    cluster_name: clusterName(directory),
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_line_prefix: '%m [%p] ',
  };
  const args = Object.entries({ ...settings, ...always }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const logTo = openSync(logFile, 'a', 0o600);
  try {
    // Detached: Ctrl-C in a terminal must reach the supervisor, which ends the service before the database.
    const child = spawn(path.join(native, 'bin/postgres'), ['-D', path.join(directory, 'data'), ...args], {
      ...ids,
      cwd: '/',
      env: { LC_ALL: 'C', TZ: 'UTC' },
      detached: true,
      stdio: ['ignore', logTo, logTo],
    });
    child.unref();
    const exited = new Promise((resolve) => {
      child.once('error', (error) => resolve({ code: 1, signal: null, error }));
      child.once('exit', (code, signal) => resolve({ code, signal }));
    });
    return { child, exited };
  } finally {
    closeSync(logTo);
  }
}

async function untilReady({ directory, server, abort, log }) {
  const pidFile = path.join(directory, 'data/postmaster.pid');
  const began = performance.now();
  let end;
  void server.exited.then((result) => (end = result));
  for (let noticed = 0; ;) {
    abort?.throwIfAborted();
    if (end) throw end.error ?? new Error(`it ended with ${end.signal ?? `code ${end.code}`}`);
    const lines = existsSync(pidFile) ? readFileSync(pidFile, 'utf8').split('\n') : [];
    if (Number(lines[0]) === server.child.pid && lines[7]?.trim() === 'ready') return;
    const elapsed = performance.now() - began;
    if (elapsed > startTimeoutMs) throw new Error(`it was not ready after ${startTimeoutMs / 1000} s`);
    if (elapsed > noticed + noticeEveryMs) {
      noticed = elapsed;
      log(
        `PostgreSQL is still starting after ${Math.round(elapsed / 1000)} s (it repeats unfinished work after a crash)`,
      );
    }
    await sleep(20);
  }
}
