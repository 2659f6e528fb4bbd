import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { processIdentity, takeLock } from '../../scripts/process-lock.mjs';

const module = fileURLToPath(new URL('../../scripts/process-lock.mjs', import.meta.url));
let directory: string;
let file: string;

beforeAll(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), 'tracehound-lock-'));
  file = path.join(directory, 'lock');
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('the lock file', () => {
  it('is held by one and free after release', () => {
    const release = takeLock(file);
    expect(() => takeLock(file)).toThrow(`held by process ${process.pid}`);
    release();
    takeLock(file)();
    expect(existsSync(file)).toBe(false);
  });

  it('is taken over when its number belongs to another process now', () => {
    writeFileSync(file, `${process.pid}\nanother boot/1\nstale`);
    takeLock(file)();
  });

  it('is taken over when its owner is dead, and when it was left half written', async () => {
    const dead = spawn('true');
    await once(dead, 'exit');
    for (const left of [`${dead.pid}\nsome boot/1\nstale`, `${process.pid}`, '']) {
      writeFileSync(file, left);
      takeLock(file)();
    }
  });

  it('goes to exactly one of many who find it stale at the same moment', async () => {
    writeFileSync(file, '4194305\nsome boot/1\nstale');
    const startAt = Date.now() + 1500;
    const script = `
      const { takeLock } = await import(${JSON.stringify(module)});
      while (Date.now() < ${startAt}) {}
      try { takeLock(${JSON.stringify(file)}); console.log('won'); } catch (error) { console.log(error.constructor.name); }
      while (Date.now() < ${startAt + 1000}) await new Promise((resolve) => setTimeout(resolve, 20));`;
    const outcomes = await Promise.all(
      Array.from({ length: 6 }, async () => {
        const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        let said = '';
        child.stdout.on('data', (text: Buffer) => (said += text.toString()));
        await once(child, 'close');
        return said.trim();
      }),
    );
    expect(outcomes.sort()).toEqual([...Array<string>(5).fill('LockHeldError'), 'won']);
  });

  it('tells a live process from a dead one', async () => {
    const child = spawn('sleep', ['30']);
    const identity = processIdentity(child.pid!);
    expect(identity).not.toBeNull();
    expect(processIdentity(child.pid!)).toBe(identity);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(processIdentity(child.pid!)).toBeNull();
  });
});
