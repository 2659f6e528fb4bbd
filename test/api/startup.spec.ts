import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../scripts/free-port.mjs';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { ServiceEnded, startService } from '../support/service.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase('startup');
});
afterAll(() => database?.drop());

async function refusal(env: Record<string, string | undefined>, databaseUrl = database.url): Promise<ServiceEnded> {
  try {
    const service = await startService({ databaseUrl, env });
    await service.stop();
  } catch (error) {
    if (error instanceof ServiceEnded) return error;
    throw error;
  }
  throw new Error('it started');
}

const withPath = (url: string, change: (url: URL) => void) => {
  const changed = new URL(url);
  change(changed);
  return changed.href;
};

describe('start', () => {
  it('refuses settings that cannot be used with code 78, naming all of them', async () => {
    const { code, output } = await refusal({ ROLES: 'web', RETENTION_HOURS: 'long' });
    expect(code).toBe(78);
    expect(output).toContain('ROLES is "web"; expected one or more of ingest, worker, api');
    expect(output).toContain('RETENTION_HOURS is "long"; expected a whole number');
    expect(output).not.toContain('    at ');
  });

  it('refuses to listen beyond loopback without a key with code 78', async () => {
    const { code, output } = await refusal({ LISTEN_HOST: '0.0.0.0' });
    expect(code).toBe(78);
    expect(output).toContain('expected TRACEHOUND_ADMIN_KEY, or LISTEN_HOST=127.0.0.1, or ALLOW_UNAUTHENTICATED=true');
  });

  it.each([
    { name: 'a wrong password', change: (url: URL) => void (url.password = 'wrong') },
    { name: 'a database that is not there', change: (url: URL) => void (url.pathname = '/nowhere') },
  ])('ends at once on $name, with code 78', async ({ change }) => {
    const { code, output } = await refusal({}, withPath(database.url, change));
    expect(code).toBe(78);
    expect(output).toMatch(/DATABASE_URL names \S+ at 127\.0\.0\.1:\d+, which refuses it/);
    expect(output).not.toContain('wrong@');
  });

  it('ends with code 78 when a port is taken, and says which', async () => {
    const first = await startService({ databaseUrl: database.url, env: { ROLES: 'api' } });
    try {
      const { port } = new URL(first.apiUrl);
      const { code, output } = await refusal({ ROLES: 'api', API_PORT: port });
      expect(code).toBe(78);
      expect(output).toContain(`cannot listen on port ${port}`);
    } finally {
      await first.stop();
    }
  });

  it('of two that start at once on an empty database, both come up', async () => {
    const empty = await createTestDatabase('startup_two');
    try {
      const services = await Promise.all([1, 2].map(() => startService({ databaseUrl: empty.url })));
      expect(services.filter((service) => service.output().includes('schema brought up to date'))).toHaveLength(1);
      expect(await Promise.all(services.map((service) => service.stop()))).toEqual([0, 0]);
    } finally {
      await empty.drop();
    }
  });

  it('waits for a database that is not up yet', async () => {
    const late = await createTestDatabase('startup_late');
    const proxy = createServer((from) => {
      const to = connect(Number(new URL(late.url).port), '127.0.0.1');
      from.on('error', () => to.destroy()).pipe(to);
      to.on('error', () => from.destroy()).pipe(from);
    });
    try {
      const port = await freePort();
      const service = await startService({
        databaseUrl: withPath(late.url, (each) => void (each.port = String(port))),
        env: { ROLES: 'api' },
        onOutput: (said) => {
          if (said.includes('does not answer yet') && !proxy.listening) proxy.listen(port, '127.0.0.1');
        },
      });
      expect(service.output()).toContain('does not answer yet');
      expect(await service.stop()).toBe(0);
    } finally {
      proxy.close();
      await late.drop();
    }
  });

  it('makes a secret key that only its user may read, once, and says where', async () => {
    const dataDir = mkdtempSync(path.join(os.tmpdir(), 'tracehound-startup-'));
    const env = { TRACEHOUND_DATA_DIR: dataDir, TRACEHOUND_SECRET_KEY: undefined, ROLES: 'api' };
    const file = path.join(dataDir, 'secret.key');
    const start = async () => {
      const service = await startService({ databaseUrl: database.url, env });
      const said = service.output();
      const key = readFileSync(file, 'utf8');
      await service.stop();
      return { said, key };
    };
    try {
      const first = await start();
      expect(first.said).toContain(`the key in ${file}`);
      expect(first.said).not.toContain(first.key.trim());
      expect(Buffer.from(first.key.trim(), 'base64url')).toHaveLength(32);
      expect(statSync(file).mode & 0o777).toBe(0o600);
      expect((await start()).key).toBe(first.key);
    } finally {
      rmSync(dataDir, { recursive: true, force: true });
    }
  });
});

describe('stop', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('%s ends it with code 0', async (signal) => {
    const service = await startService({ databaseUrl: database.url });
    expect(await service.stop(signal)).toBe(0);
    expect(service.output()).toContain(`stopping: ${signal}`);
    expect(service.output()).toMatch(/stopped\s*$/);
  });

  it('a supervisor that died ends it too', async () => {
    const main = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));
    const dataDir = mkdtempSync(path.join(os.tmpdir(), 'tracehound-startup-'));
    const child = spawn(process.execPath, [main], {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
      env: { DATABASE_URL: database.url, TRACEHOUND_DATA_DIR: dataDir, ROLES: 'worker' },
    });
    try {
      let said = '';
      const exited = once(child, 'exit') as Promise<[number | null]>;
      const ready = new Promise<void>((resolve) => {
        child.stdout?.on('data', (text: Buffer) => {
          said += text.toString();
          if (said.includes('is ready')) resolve();
        });
      });
      await Promise.race([ready, exited]);
      expect(said).toContain('is ready');
      child.disconnect();
      expect((await exited)[0]).toBe(0);
      expect(said).toContain('stopping: the supervisor is gone');
    } finally {
      child.kill('SIGKILL');
      rmSync(dataDir, { recursive: true, force: true });
    }
  });
});
