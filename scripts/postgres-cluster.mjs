// One PostgreSQL data directory: made once, kept between starts, cleared of what a killed run left behind.
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { processIdentity } from './process-lock.mjs';

/**
 * The passwords of the database's superuser and of the service, made at random once and kept in a file that only the
 * user who starts Tracehound can read.
 */
export function readOrMakePasswords(directory) {
  const file = path.join(directory, 'passwords.json');
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8'));
  if (existsSync(path.join(directory, 'data'))) {
    throw new Error(`${file} is missing, and without it the database beside it cannot be opened. Put the file back.`);
  }
  const passwords = {
    superuser: randomBytes(24).toString('base64url'),
    service: randomBytes(24).toString('base64url'),
  };
  writeFileSync(`${file}.new`, JSON.stringify(passwords), { mode: 0o600 });
  renameSync(`${file}.new`, file);
  return passwords;
}

/** Runs initdb unless the data directory is there. It appears whole or not at all. True when it was made now. */
export async function makeDataDirectory({ directory, native, ids, passwords, durable, abort }) {
  const data = path.join(directory, 'data');
  for (const name of readdirSync(directory)) {
    if (name.startsWith('initdb-')) rmSync(path.join(directory, name), { recursive: true, force: true });
  }
  if (existsSync(data)) return false;
  const half = mkdtempSync(path.join(directory, 'initdb-'));
  const passwordFile = path.join(half, 'password');
  try {
    mkdirSync(path.join(half, 'data'), { mode: 0o700 });
    writeFileSync(passwordFile, passwords.superuser, { mode: 0o600 });
    if (ids.uid) for (const each of [passwordFile, path.join(half, 'data'), half]) chownSync(each, ids.uid, ids.gid);
    const args = ['-D', path.join(half, 'data'), '-U', 'postgres', `--pwfile=${passwordFile}`, '--auth=scram-sha-256'];
    // The locale is PostgreSQL's own, so sorting is the same on every system and survives its upgrades.
    args.push('--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8');
    args.push('--no-instructions', ...(durable ? [] : ['--no-sync', '--no-data-checksums']));
    await runToEnd(path.join(native, 'bin/initdb'), args, { ...ids, cwd: '/', env: { LC_ALL: 'C' }, abort });
    renameSync(path.join(half, 'data'), data);
    return true;
  } finally {
    rmSync(half, { recursive: true, force: true });
  }
}

/** Refuses a data directory of another major version of PostgreSQL, or of another user. */
export function checkDataDirectory({ directory, version, ids }) {
  const data = path.join(directory, 'data');
  const major = readFileSync(path.join(data, 'PG_VERSION'), 'utf8').trim();
  if (major !== version.split('.')[0]) {
    throw new Error(
      `${data} was made by PostgreSQL ${major}; this version of Tracehound brings PostgreSQL ${version}, which cannot ` +
        `read it. Go back to the earlier Tracehound, or move ${directory} away to begin with an empty database.`,
    );
  }
  const expected = ids.uid ?? process.getuid?.();
  const { uid } = statSync(data);
  if (expected !== undefined && uid !== expected) {
    throw new Error(`${data} belongs to user id ${uid}, but PostgreSQL would run as ${expected}. ${sameUser}`);
  }
}

const sameUser = 'Start Tracehound as the user who started it first, or set TRACEHOUND_DATA_DIR to another directory.';

/** Makes a directory that this process's user owns, or says who owns it. */
export function ownDirectory(directory) {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const { uid } = statSync(directory);
  if (process.getuid && uid !== process.getuid())
    throw new Error(`${directory} belongs to user id ${uid}. ${sameUser}`);
}

/**
 * The name a server carries on its command line and in the titles of its processes. It follows the data directory when
 * that is moved, and a copy of the directory gets another one.
 */
export function clusterName(directory) {
  const { dev, ino } = statSync(path.join(directory, 'data'), { bigint: true });
  return `tracehound-${dev.toString(36)}-${ino.toString(36)}`;
}

/**
 * Ends what a killed run left in the data directory: a server without a supervisor, backends without a server, and the
 * pid file when its number now belongs to another program. The caller holds the directory's lock.
 */
export async function clearLeftovers({ directory, log }) {
  const left = () => postgresProcesses().filter(({ title }) => title.includes(clusterName(directory)));
  const pidFile = path.join(directory, 'data/postmaster.pid');
  const pid = existsSync(pidFile) ? Number.parseInt(readFileSync(pidFile, 'utf8'), 10) : 0;
  if (left().length > 0) log(`ending PostgreSQL (process ${pid}), left running by a Tracehound that was killed`);
  if (left().some((each) => each.pid === pid)) signalIfThere(pid, 'SIGINT');
  for (const signal of ['SIGQUIT', 'SIGKILL', null]) {
    for (let waited = 0; waited < 20_000 && left().length > 0; waited += 50) await sleep(50);
    for (const each of signal ? left() : []) signalIfThere(each.pid, signal);
  }
  if (left().length > 0) throw new Error(`PostgreSQL (process ${left()[0].pid}) on ${directory} does not end.`);
  if (!existsSync(pidFile) || processIdentity(pid) === null) return;
  if (postgresProcesses().some((each) => each.pid === pid)) {
    throw new Error(
      `PostgreSQL (process ${pid}), not started by Tracehound, is using ${directory}/data. Stop it first.`,
    );
  }
  // The number now belongs to another program, which PostgreSQL would take for a server of its own.
  rmSync(pidFile);
}

// Running processes of PostgreSQL with their command lines, in which a backend shows its title instead.
function postgresProcesses() {
  const processes =
    process.platform === 'linux'
      ? readdirSync('/proc').map((name) => ({ pid: Number(name), title: /^\d+$/.test(name) ? readTitle(name) : '' }))
      : execFileSync('ps', ['-axo', 'pid=,command='], { encoding: 'utf8', maxBuffer: 1 << 26 })
          .split('\n')
          .map((line) => /^\s*(\d+)\s+(.*)$/.exec(line) ?? [])
          .map(([, pid, title = '']) => ({
            pid: Number(pid),
            title: title.replace(/(^|\/)postgres /, '$1postgres\0'),
          }));
  return processes.filter(({ pid, title }) => /^([^\0]*\/)?postgres[:\0]/.test(title) && processIdentity(pid) !== null);
}

function signalIfThere(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

function readTitle(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

async function runToEnd(program, args, { abort, ...options }) {
  abort?.throwIfAborted();
  const child = spawn(program, args, { ...options, stdio: ['ignore', 'ignore', 'pipe'] });
  const kill = () => child.kill('SIGTERM');
  abort?.addEventListener('abort', kill);
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (errors = (errors + text).slice(-4000)));
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  abort?.removeEventListener('abort', kill);
  abort?.throwIfAborted();
  if (code !== 0) throw new Error(`${program} failed: ${errors.trim()}`);
}
