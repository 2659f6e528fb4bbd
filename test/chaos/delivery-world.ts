import { randomUUID } from 'node:crypto';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import pg from 'pg';
import type { DataSource } from 'typeorm';
import { createDataSource } from '../../src/store/data-source.js';
import { IncidentStore } from '../../src/store/incident.store.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { anIncident } from '../support/delivery.js';
import { startSink, type Sink } from '../support/sink.js';
import { replaceNow } from '../support/still-clock.js';

const PROCESS = fileURLToPath(new URL('delivery-process.mjs', import.meta.url));
const DAY_MS = 86_400_000;
/** Of Redis: its queue has a database of its own there, so that others notice nothing when it is emptied. */
const QUEUE_DB = 9;
/** What BullMQ knows of its schema in PostgreSQL, and not of jobs. */
const QUEUE_SCHEMA_TABLES = ['migration', 'meta'];

interface Worker {
  child: ChildProcess;
  url: string;
  /** How far its clock is from the right time. */
  errorMs: number;
}

/** A row of the outbox, and what was written down of the attempts at it. */
export interface LedgerRow {
  id: string;
  group_key: string;
  sequence: number;
  channel_id: string;
  state: string;
  attempts: number;
  written: number;
  no_answer: number;
  last_error: string | null;
}

/**
 * Two processes of the service that decide and send, on one database, with the queue in Redis or in PostgreSQL, and a receiver on loopback. Processes
 * are killed as by kill -9, the queue is emptied, clocks are moved: of one process, of the database, or of all, as time that goes by. BullMQ on
 * PostgreSQL has the time of retries from both clocks: there time goes by for our tables only, and processes are left behind.
 */
export class DeliveryWorld {
  private readonly workers: (Worker | null)[] = [null, null];
  private readonly starting: (Promise<Worker> | null)[] = [null, null];
  private passedMs = 0;
  private databaseErrorMs = 0;
  kills = 0;
  private readonly tenant = 1;

  private constructor(
    readonly sink: Sink,
    private readonly database: TestDatabase,
    private readonly client: pg.Client,
    private readonly db: DataSource,
    private readonly redis: Redis | null,
    private readonly env: Record<string, string>,
  ) {}

  /** `redisUrl` null: the queue is in PostgreSQL. */
  static async start(redisUrl: string | null): Promise<DeliveryWorld> {
    const database = await createTestDatabase('delivery_chaos');
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query(`create table clock_shift (ms float8 not null)`);
    await client.query(`insert into clock_shift values (0)`);
    await replaceNow(client, `select pg_catalog.now() + ms * interval ''1 ms'' from public.clock_shift`);
    const db = await createDataSource(database.url, 3).initialize();
    await db.runMigrations();
    await widen(client);
    const redis = redisUrl === null ? null : new Redis(`${redisUrl}/${QUEUE_DB}`);
    const world = new DeliveryWorld(await startSink(), database, client, db, redis, {
      PATH: process.env['PATH'] ?? '',
      DATABASE_URL: database.url,
      ...(redisUrl !== null && { REDIS_URL: `${redisUrl}/${QUEUE_DB}` }),
      ROLES: 'api,worker',
      OUTBOUND_ALLOW: '127.0.0.0/8',
      // Fifteen seconds as by default would only make the test long.
      OUTBOUND_TIMEOUT_MS: '1000',
      TRACEHOUND_SECRET_KEY: '5ec2e7'.repeat(11),
    });
    await redis?.flushdb();
    await Promise.all(world.workers.map((_none, i) => world.begin(i)));
    return world;
  }

  /** Starts a process in the place of one that was killed; it is there when it is there. */
  begin(i: number): Promise<Worker> {
    const child = fork(PROCESS, {
      env: { ...this.env, SHIFT_MS: String(this.ofProcessesMs()) },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const started = once(child, 'message').then((said) => {
      const [{ url }] = said as [{ url: string }];
      const worker: Worker = { child, url, errorMs: 0 };
      this.workers[i] = worker;
      this.starting[i] = null;
      this.tell(worker);
      return worker;
    });
    this.starting[i] = started;
    return started;
  }

  /** The process, started anew if it was killed. */
  private async there(i: number): Promise<Worker> {
    return this.workers[i] ?? this.starting[i] ?? this.begin(i);
  }

  /** Ends a process at once, if it has begun; what it sent is sent, what it did not commit is gone. */
  kill(i: number): void {
    const worker = this.workers[i];
    if (!worker) return;
    worker.child.kill('SIGKILL');
    this.workers[i] = null;
    this.kills++;
  }

  /** Starts what was killed, and waits for it. */
  async revive(): Promise<void> {
    await Promise.all(this.workers.map((_worker, i) => this.there(i)));
  }

  /** Sets the clock of one process wrong by so much. */
  async misset(i: number, errorMs: number): Promise<void> {
    const worker = await this.there(i);
    worker.errorMs = errorMs;
    this.tell(worker);
  }

  async missetDatabase(errorMs: number): Promise<void> {
    this.databaseErrorMs = errorMs;
    await this.setDatabase();
  }

  async emptyQueue(): Promise<void> {
    if (this.redis !== null) return void (await this.redis.flushdb());
    const { rows } = await this.client.query<{ name: string }>(
      `select format('bullmq.%I', tablename) as name from pg_tables where schemaname = 'bullmq' and tablename <> all ($1)`,
      [QUEUE_SCHEMA_TABLES],
    );
    await this.client.query(`truncate ${rows.map(({ name }) => name).join()}`);
  }

  /** Lets time go by for all, less than a lease lasts and when nothing is being sent: no lease is to end by our hand. */
  async pass(seconds: number): Promise<void> {
    for (let tries = 0; tries < 100 && (await this.isSending()); tries++) await sleep(30);
    this.passedMs += seconds * 1_000;
    await this.setDatabase();
    for (const worker of this.workers) if (worker) this.tell(worker);
  }

  /** The right time, as senders have it. */
  nowMs(): number {
    return Date.now() + this.passedMs;
  }

  /** The right time, as receivers have it, which processes hold dates in answers against. */
  receiversNowMs(): number {
    return Date.now() + this.ofProcessesMs();
  }

  async channel(path: string): Promise<string> {
    const body = { name: path, type: 'webhook', url: `${this.sink.url}${path}` };
    return ((await this.call('POST', '/api/v1/channels', body)) as { id: string }).id;
  }

  /** Each alert is a group of its own and is told at once: each transition is a message to each channel. */
  async tellEach(): Promise<void> {
    const route = { receiver: 'all', groupBy: ['...'], groupWaitS: 0, groupIntervalS: 0, repeatIntervalS: 8_000_000 };
    await this.call('PUT', '/api/v1/routes', { receivers: [{ name: 'all' }], route });
  }

  async alert(name: string, isOver: boolean): Promise<void> {
    const [startsAt, endsAt] = [this.nowMs() - 3_600_000, this.nowMs() + (isOver ? -120_000 : DAY_MS)];
    const times = { startsAt: new Date(startsAt).toISOString(), endsAt: new Date(endsAt).toISOString() };
    await this.call('POST', '/api/v2/alerts', [{ labels: { alertname: name }, ...times }]);
  }

  /** A step of an incident, as the stage before writes it. */
  async incident(id: string, kind: 'opened' | 'resolved'): Promise<void> {
    await this.db.transaction(async (tx) => {
      const incident = anIncident(id, this.tenant, kind, 'warning');
      const store = new IncidentStore(this.db);
      await store.save(tx, incident);
      await store.addEvent(tx, incident, kind, this.nowMs(), `test: ${kind}`);
      // Nobody compares traces here: as if that had been waited for.
      await tx.query(`update incident_events set created_at = now() - interval '1 minute' where incident_id = $1`, [
        id,
      ]);
    });
  }

  /** How much waits to be decided, routed or sent. */
  async waiting(): Promise<number> {
    const { rows } = await this.client.query<{ n: number }>(
      `select ((select count(*) from incident_events where decided_at is null) + (select count(*) from alert_transitions where routed_at is null)
             + (select count(*) from alert_groups where flush_at is not null and closed_at is null and flush_at < public.now() + interval '1 day')
             + (select count(*) from alerts where rule_id is null and state = 'firing' and ends_at < public.now())
             + (select count(*) from notifications where state = 'pending'))::int as n`,
    );
    return rows[0]!.n;
  }

  async ledger(): Promise<LedgerRow[]> {
    const { rows } = await this.client.query<LedgerRow>(
      `select n.id, n.group_key, n.sequence, n.channel_id, n.state, n.attempts, n.last_error, count(a.*)::int as written,
              count(a.*) filter (where a.reason like 'no answer%')::int as no_answer
       from notifications n left join delivery_attempts a on a.notification_id = n.id
       group by n.id, n.group_key, n.sequence, n.channel_id, n.state, n.attempts, n.last_error, n.created_at order by n.created_at, n.id`,
    );
    return rows;
  }

  async close(): Promise<void> {
    await Promise.all(this.starting.filter((each) => each !== null));
    for (const worker of this.workers) worker?.child.kill('SIGKILL');
    this.redis?.disconnect();
    await this.sink.close();
    await this.db.destroy();
    await this.client.end();
    await this.database.drop();
  }

  /** Asks whichever process answers, as a sender that repeats. */
  private async call(method: string, path: string, body: unknown): Promise<unknown> {
    for (let tries = 0; ; tries++) {
      const i = tries % this.workers.length;
      try {
        const worker = await this.there(i);
        const answer = await fetch(`${worker.url}${path}`, {
          method,
          headers: { 'content-type': 'application/json', 'idempotency-key': randomUUID() },
          body: JSON.stringify(body),
          signal: AbortSignal.timeout(5_000),
        });
        const text = await answer.text();
        if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
        return text === '' ? null : JSON.parse(text);
      } catch (error) {
        if (tries > 40) throw error;
        await sleep(100);
      }
    }
  }

  private tell({ child, errorMs }: Worker): void {
    if (child.connected) child.send({ shiftMs: this.ofProcessesMs() + errorMs });
  }

  private ofProcessesMs(): number {
    return this.redis === null ? 0 : this.passedMs;
  }

  private async setDatabase(): Promise<void> {
    await this.client.query(`update clock_shift set ms = $1`, [this.passedMs + this.databaseErrorMs]);
  }

  /** What was leased longer ago than an attempt takes was leased by a process that is gone. */
  private async isSending(): Promise<boolean> {
    const { rows } = await this.client.query<{ any: boolean }>(
      `select exists (select from notifications
                      where state = 'pending' and leased_until > public.now() + interval '58 seconds') as any`,
    );
    return rows[0]!.any;
  }
}

/** Makes transactions last, so that kills fall between decide, write and record, and not only between transactions. */
async function widen(client: pg.Client): Promise<void> {
  await client.query(
    `create function linger() returns trigger language plpgsql as 'begin perform pg_sleep(random() * 0.02); return null; end'`,
  );
  for (const table of [
    'alert_transitions',
    'routed_alerts',
    'notifications',
    'alert_group_told',
    'delivery_attempts',
  ]) {
    await client.query(`create trigger linger after insert on ${table} for each statement execute function linger()`);
  }
}
