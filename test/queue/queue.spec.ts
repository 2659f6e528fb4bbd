import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Redis } from 'ioredis';
import pg from 'pg';
import { Rejected, Unavailable } from '../../src/model/failure.js';
import type { QueueBackend } from '../../src/queue/backend.js';
import { Bell } from '../../src/queue/bell.js';
import { openBackend } from '../../src/queue/queue.module.js';
import { Tick } from '../../src/queue/tick.js';
import { WorkerHost, type JobHandler } from '../../src/queue/worker-host.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

const redisUrl = process.env['TEST_REDIS_URL'];
const roles = { ingest: true, worker: true, api: true };

/** A promise that is kept by hand. */
function gate() {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

async function until(what: string, holds: () => boolean, timeoutMs = 15_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`still waiting after ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 400));

let database: TestDatabase;
beforeAll(async () => {
  Logger.overrideLogger(false);
  database = await createTestDatabase('queue');
});
afterAll(() => database.drop());

describe.each(['PostgreSQL', 'Redis'])('bell and workers on %s', (kind) => {
  const check = kind === 'Redis' && redisUrl === undefined ? it.skip : it;
  let backend: QueueBackend;
  let bell: Bell;
  let host: WorkerHost;

  beforeEach(async () => {
    if (kind === 'Redis' && redisUrl === undefined) return;
    if (kind === 'Redis') await flushRedis();
    else await dropQueueSchema(database.url);
    backend = await open(kind);
    bell = new Bell(backend);
    host = new WorkerHost(backend, { roles });
  });
  afterEach(async () => {
    if (kind === 'Redis' && redisUrl === undefined) return;
    await host.beforeApplicationShutdown();
    await bell.onApplicationShutdown();
    await backend.close();
  });

  function open(name: string): Promise<QueueBackend> {
    return openBackend({ databaseUrl: database.url, redisUrl: name === 'Redis' ? redisUrl : undefined, roles });
  }

  function start(handler: JobHandler): void {
    host.handle('detect', handler);
    host.onApplicationBootstrap();
  }

  check('a ring is handled once, with its tenant', async () => {
    const seen: number[] = [];
    start(async (tenantId) => void seen.push(tenantId));
    await bell.ring('detect', 7);
    await until('the handler ran', () => seen.length > 0);
    await settled();
    expect(seen).toEqual([7]);
  });

  check('rings before the handler starts count as one for each tenant', async () => {
    const seen: number[] = [];
    for (let i = 0; i < 5; i += 1) await Promise.all([bell.ring('detect', 1), bell.ring('detect', 2)]);
    start(async (tenantId) => void seen.push(tenantId));
    await until('both tenants were handled', () => seen.length >= 2);
    await settled();
    expect(seen.toSorted()).toEqual([1, 2]);
  });

  check('tenants whose receivers hang do not keep messages of others waiting', async () => {
    const receivers = gate();
    const served: number[] = [];
    host.handle('notify', async (tenantId) => {
      if (tenantId <= 8) await receivers.opened;
      served.push(tenantId);
    });
    host.onApplicationBootstrap();
    for (let tenantId = 1; tenantId <= 9; tenantId++) await bell.ring('notify', tenantId);
    await until('the ninth tenant was served', () => served.includes(9));
    expect(served).toEqual([9]);
    receivers.open();
    await until('all were served', () => served.length === 9);
  });

  check('rings while the handler runs lead to one more run, after it', async () => {
    const first = gate();
    let runs = 0;
    let atOnce = 0;
    let mostAtOnce = 0;
    start(async () => {
      runs += 1;
      atOnce += 1;
      mostAtOnce = Math.max(mostAtOnce, atOnce);
      if (runs === 1) await first.opened;
      atOnce -= 1;
    });
    await bell.ring('detect', 1);
    await until('the first run started', () => runs === 1);
    await bell.ring('detect', 1);
    await bell.ring('detect', 1);
    await settled();
    expect(runs).toBe(1);
    first.open();
    await until('the second run came', () => runs === 2);
    await settled();
    expect({ runs, mostAtOnce }).toEqual({ runs: 2, mostAtOnce: 1 });
  });

  check('tenants do not wait for one another', async () => {
    const slow = gate();
    const seen: number[] = [];
    start(async (tenantId) => {
      if (tenantId === 1) await slow.opened;
      seen.push(tenantId);
    });
    await bell.ring('detect', 1);
    await bell.ring('detect', 2);
    await until('tenant 2 was handled', () => seen.includes(2));
    expect(seen).toEqual([2]);
    slow.open();
    await until('tenant 1 was handled', () => seen.includes(1));
  });

  check.each([
    { name: 'something unavailable is tried again', error: new Unavailable('away', 1), runs: 2 },
    { name: 'a bug is tried again', error: new TypeError('x is undefined'), runs: 2 },
    { name: 'a rejection is not', error: new Rejected('bad', 'never'), runs: 1 },
  ])('after a failure: $name', async ({ error, runs }) => {
    let seen = 0;
    start(async () => {
      seen += 1;
      if (seen === 1) throw error;
    });
    await bell.ring('detect', 1);
    await until('it ran as often as wanted', () => seen === runs);
    await new Promise((resolve) => setTimeout(resolve, 1_800));
    expect(seen).toBe(runs);
    await bell.ring('detect', 1);
    await until('a later ring is heard', () => seen === runs + 1);
  });

  check('stopping waits for the running handler and leaves later rings for the next start', async () => {
    const work = gate();
    const seen: string[] = [];
    start(async () => {
      seen.push('started');
      await work.opened;
      seen.push('done');
    });
    await bell.ring('detect', 1);
    await until('it started', () => seen.length === 1);
    await bell.ring('detect', 1);
    const stopped = host.beforeApplicationShutdown().then(() => seen.push('stopped'));
    await settled();
    expect(seen).toEqual(['started']);
    work.open();
    await stopped;
    expect(seen).toEqual(['started', 'done', 'stopped']);

    host = new WorkerHost(backend, { roles });
    start(async () => void seen.push('again'));
    await until('the ring from before was heard', () => seen.includes('again'));
  });

  check('a process without role worker handles nothing', async () => {
    let runs = 0;
    host = new WorkerHost(backend, { roles: { ...roles, worker: false } });
    start(async () => void (runs += 1));
    await bell.ring('detect', 1);
    await settled();
    expect(runs).toBe(0);
  });

  check('everything the queue held may be lost: the tick rings again for what is due', async () => {
    const seen: number[] = [];
    const tick = new Tick(bell, async () => [{ job: 'detect', tenantId: 3 }]);
    start(async (tenantId) => void seen.push(tenantId));
    await bell.ring('detect', 3);
    await until('it was handled', () => seen.length === 1);
    if (kind === 'Redis') await flushRedis();
    else await emptyQueueTables(database.url);
    await tick.beat();
    await until('it was handled again', () => seen.length === 2);
    await tick.beforeApplicationShutdown();
    await tick.beat();
    await settled();
    expect(seen).toEqual([3, 3]);
  });
});

describe('trouble', () => {
  it('a Redis that is not there delays neither start, rings nor stop', async () => {
    const began = Date.now();
    const backend = await openBackend({ databaseUrl: database.url, redisUrl: 'redis://127.0.0.1:1', roles });
    const bell = new Bell(backend);
    const host = new WorkerHost(backend, { roles });
    host.handle('detect', async () => undefined);
    host.onApplicationBootstrap();
    await bell.ring('detect', 1);
    await expect(backend.ping()).rejects.toThrow();
    await host.beforeApplicationShutdown();
    await bell.onApplicationShutdown();
    await backend.close();
    expect(Date.now() - began).toBeLessThan(5_000);
  });

  it('workers on PostgreSQL hear bells again after all their connections were cut', async () => {
    const backend = await openBackend({ databaseUrl: database.url, redisUrl: undefined, roles });
    const bell = new Bell(backend);
    const host = new WorkerHost(backend, { roles });
    const seen: number[] = [];
    host.handle('detect', async (tenantId) => void seen.push(tenantId));
    host.onApplicationBootstrap();
    await bell.ring('detect', 1);
    await until('it was handled', () => seen.length === 1);
    await query(
      database.url,
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
    );
    await settled();
    await bell.ring('detect', 2);
    await until('it was handled after the cut', () => seen.includes(2));
    await host.beforeApplicationShutdown();
    await bell.onApplicationShutdown();
    await backend.close();
  });
});

async function flushRedis(): Promise<void> {
  const client = new Redis(redisUrl ?? '');
  await client.flushall();
  await client.quit();
}

const dropQueueSchema = (url: string) => query(url, 'drop schema if exists bullmq cascade');
const emptyQueueTables = (url: string) => query(url, 'truncate bullmq.job, bullmq.dedup, bullmq.dedup_next cascade');

async function query(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
