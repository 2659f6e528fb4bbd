// One process at a time: a lock file that names its owner and is taken over when the owner is gone.
import { execFileSync } from 'node:child_process';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';

/** The lock is held by another live process, whose id is in `pid`. */
export class LockHeldError extends Error {
  constructor(file, pid) {
    super(`${file} is held by process ${pid}`);
    this.pid = pid;
  }
}

/**
 * A text that stays the same while a process lives and differs when its id is used again, or null when no such process
 * runs. A zombie counts as gone.
 */
export function processIdentity(pid) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error.code !== 'EPERM') return null;
  }
  if (process.platform === 'linux') {
    try {
      const afterName = readFileSync(`/proc/${pid}/stat`, 'latin1')
        .replace(/^.*\) /s, '')
        .split(' ');
      if (afterName[0] === 'Z' || afterName[0] === 'X') return null;
      return `${readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()}/${afterName[19]}`;
    } catch (error) {
      return error.code === 'ENOENT' || error.code === 'ESRCH' ? null : 'unreadable';
    }
  }
  try {
    const [state, ...started] = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8' })
      .trim()
      .split(/\s+/);
    return state.startsWith('Z') ? null : started.join(' ');
  } catch {
    return null;
  }
}

function readOwner(file) {
  let text;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw error;
  }
  const [pid, identity] = text.split('\n');
  return { text, pid: Number(pid), alive: identity !== undefined && processIdentity(Number(pid)) === identity };
}

/**
 * Takes the lock file for this process and returns the function that gives it back. Throws LockHeldError when another
 * live process has it; a lock left by a dead process is replaced, by exactly one of those who try.
 */
export function takeLock(file) {
  const mine = `${file}.${process.pid}.${randomUUID()}`;
  const text = `${process.pid}\n${processIdentity(process.pid)}\n${randomUUID()}`;
  writeFileSync(mine, text);
  try {
    for (;;) {
      if (linkUnlessThere(mine, file)) break;
      const owner = readOwner(file);
      if (!owner) continue;
      if (owner.alive) throw new LockHeldError(file, owner.pid);
      if (replaceStale(file, owner.text, mine)) break;
    }
  } finally {
    rmSync(mine, { force: true });
  }
  return () => {
    if (readOwner(file)?.text === text) rmSync(file, { force: true });
  };
}

// Only the holder of the take-over file may replace a stale lock, and only if it is still the one it judged stale.
function replaceStale(file, staleText, mine) {
  const takeOver = `${file}.takeover`;
  if (!linkUnlessThere(mine, takeOver)) {
    const other = readOwner(takeOver);
    if (other && !other.alive) rmSync(takeOver, { force: true });
    return false;
  }
  try {
    if (readOwner(file)?.text !== staleText) return false;
    renameSync(mine, file);
    return true;
  } finally {
    rmSync(takeOver, { force: true });
  }
}

function linkUnlessThere(from, to) {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}
