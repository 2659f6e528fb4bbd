import { expect } from '@jest/globals';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { DataSource } from 'typeorm';
import { AppModule } from '../../src/app.module.js';
import { parseConfig } from '../../src/config.js';
import { NotifyWorker } from '../../src/notify/notify.worker.js';
import { RouteWorker } from '../../src/route/route.worker.js';
import { createApi } from '../../src/server/api.js';
import { createDataSource } from '../../src/store/data-source.js';
import { NotificationStore } from '../../src/store/notification.store.js';
import { RouteStore } from '../../src/store/route.store.js';
import { startSink, type Sink } from './sink.js';
import { stopClock, type StillClock } from './still-clock.js';

const BEGAN_MS = Date.parse('2026-11-21T10:00:00Z');

/** Labels and annotations as names and values; instants in seconds since the beginning of the scenario. */
export interface Sent {
  labels: Record<string, string>;
  annotations?: Record<string, string>;
  from?: number;
  to?: number;
}

export interface Told {
  at: number;
  status: string;
  alerts: { labels: Record<string, string>; annotations: Record<string, string>; from: number; to: number | null }[];
}

/** One process of the service: its API on a port, its routing and sending when they are asked to. */
interface AlertProcess {
  url: string;
  db: DataSource;
  route: RouteWorker;
  routes: RouteStore;
  notify: NotifyWorker;
  notifications: NotificationStore;
  close(): Promise<void>;
}

/** The service on a clock of its own, a receiver on loopback, and a tenant for each scenario. */
export interface AlertWorld {
  sink: Sink;
  /** How many processes work; 1 to begin with. */
  processes: AlertProcess[];
  scenario(): Promise<Scenario>;
  /** Ends the processes and starts as many anew. */
  restart(processes?: number): Promise<void>;
  close(): Promise<void>;
}

export interface Scenario {
  tenantId: number;
  /** Paths of the receiver begin with it. */
  name: string;
  /** How far the clock of the processes is ahead of that of the database. */
  processErrorS: number;
  /** A channel that tells the receiver at this path in the form of Alertmanager's webhook. */
  channel(path: string): Promise<string>;
  /** The route of a scenario: one receiver with all channels unless `receivers` says otherwise. */
  routes(route: Record<string, unknown>, receivers?: Record<string, unknown>[]): Promise<void>;
  /** Answers must be 2xx unless `status` is given. */
  call<T = unknown>(method: string, path: string, body?: unknown, status?: number): Promise<T>;
  /** To be done at that second, in the order of these calls. */
  at(second: number, action: () => Promise<unknown>): void;
  /** Alerts sent at that second. Without `from` they begin then. */
  push(second: number, ...alerts: Sent[]): void;
  /** Lets time go by in steps, until the given second, and has all done that was asked for. */
  run(until: number, stepS?: number): Promise<void>;
  /** All that the receiver at the path was told, in order. */
  told(path: string): Told[];
  seconds(second: number): string;
}

export async function openAlertWorld(name: string, timeoutMs = 15_000): Promise<AlertWorld> {
  const clock = await stopClock(name, BEGAN_MS);
  const sink = await startSink();
  const migrated = await createDataSource(clock.database.url).initialize();
  await migrated.runMigrations();
  await migrated.destroy();
  const world: AlertWorld = {
    sink,
    processes: [await openProcess(clock.database.url, timeoutMs)],
    scenario: () => newScenario(world, clock),
    restart: async (processes = world.processes.length) => {
      for (const each of world.processes) await each.close();
      world.processes = [];
      for (let i = 0; i < processes; i++) world.processes.push(await openProcess(clock.database.url, timeoutMs));
    },
    close: async () => {
      for (const each of world.processes) await each.close();
      await sink.close();
      await clock.close();
    },
  };
  return world;
}

async function openProcess(databaseUrl: string, timeoutMs: number): Promise<AlertProcess> {
  const config = parseConfig({
    DATABASE_URL: databaseUrl,
    ROLES: 'api',
    OUTBOUND_ALLOW: '127.0.0.0/8',
    OUTBOUND_TIMEOUT_MS: String(timeoutMs),
    TRACEHOUND_SECRET_KEY: '5ec2e7'.repeat(11),
  });
  const db = await createDataSource(databaseUrl, 6).initialize();
  const app: NestFastifyApplication = await createApi(AppModule.register(config, db), {
    log: () => undefined,
    error: console.error,
    warn: console.warn,
  });
  await app.listen(0, '127.0.0.1');
  const of = <T>(type: new (...args: never[]) => T): T => app.get(type, { strict: false });
  return {
    url: await app.getUrl(),
    db,
    route: of(RouteWorker),
    routes: of(RouteStore),
    notify: of(NotifyWorker),
    notifications: of(NotificationStore),
    close: async () => {
      await app.close();
      await db.destroy();
    },
  };
}

let scenarios = 0;

async function newScenario(world: AlertWorld, clock: StillClock): Promise<Scenario> {
  const name = `s${++scenarios}`;
  await clock.set(BEGAN_MS);
  const [{ id: tenantId }]: [{ id: number }] = await world.processes[0]!.db.query(
    `insert into tenants (name) values ($1) returning id`,
    [name],
  );
  const base = `/${name}`;
  let calls = 0;
  const actions: { second: number; action: () => Promise<unknown> }[] = [];
  const seconds = (second: number) => new Date(BEGAN_MS + Math.round(second * 1_000)).toISOString();
  const call = async <T>(method: string, path: string, body?: unknown, status?: number): Promise<T> => {
    // Any of the processes: what one is told, all know.
    const process = world.processes[calls++ % world.processes.length]!;
    const answer = await fetch(`${process.url}${path}`, {
      method,
      headers: { 'x-tracehound-tenant': name, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (status === undefined ? !answer.ok : answer.status !== status) {
      throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    }
    return (text === '' ? null : JSON.parse(text)) as T;
  };
  const settle = async () => {
    for (;;) {
      const [first] = world.processes;
      const [toRoute, toSend] = await Promise.all([first!.routes.due(), first!.notifications.dueTenants()]);
      if (!toRoute.includes(tenantId) && !toSend.includes(tenantId)) return;
      await Promise.all(world.processes.map(({ route }) => route.run(tenantId)));
      await Promise.all(world.processes.map(({ notify }) => notify.run(tenantId)));
    }
  };
  const scenario: Scenario = {
    tenantId,
    name,
    processErrorS: 0,
    seconds,
    call,
    channel: async (path) => {
      const body = { name: path, type: 'alertmanager_webhook', url: `${world.sink.url}${base}${path}` };
      return (await call<{ id: string }>('POST', '/api/v1/channels', body)).id;
    },
    routes: async (route, receivers = [{ name: 'default' }]) => {
      await call('PUT', '/api/v1/routes', { receivers, route: { receiver: 'default', ...route } });
    },
    at: (second, action) => void actions.push({ second, action }),
    push: (second, ...alerts) =>
      void actions.push({
        second,
        action: () =>
          call(
            'POST',
            '/api/v2/alerts',
            alerts.map(({ labels, annotations, from, to }) => ({
              labels,
              ...(annotations && { annotations }),
              startsAt: seconds(from ?? second),
              ...(to !== undefined && { endsAt: seconds(to) }),
            })),
          ),
      }),
    run: async (until, stepS = 0.5) => {
      const asked = actions.splice(0);
      const instants = new Set(asked.map(({ second }) => second));
      for (let second = 0; second <= until; second += stepS) instants.add(second);
      for (const second of [...instants].toSorted((a, b) => a - b)) {
        const nowMs = BEGAN_MS + Math.round(second * 1_000);
        await clock.set(nowMs, nowMs + scenario.processErrorS * 1_000);
        for (const each of asked.filter((one) => one.second === second)) await each.action();
        await settle();
      }
    },
    told: (path) =>
      world.sink.at(`${base}${path}`).map(({ body, atMs }) => {
        const { status, alerts } = JSON.parse(body) as WebhookBody;
        const second = (iso: string) => (Date.parse(iso) - BEGAN_MS) / 1_000;
        const shown = alerts.map(({ status: state, labels, annotations, startsAt, endsAt }) => {
          expect(state === 'firing').toBe(endsAt.startsWith('0001-'));
          return { labels, annotations, from: second(startsAt), to: state === 'firing' ? null : second(endsAt) };
        });
        const at = (atMs - BEGAN_MS) / 1_000 - scenario.processErrorS;
        return { at, status, alerts: shown.toSorted(byLabels) };
      }),
  };
  return scenario;
}

interface WebhookBody {
  status: string;
  alerts: {
    status: string;
    labels: Record<string, string>;
    annotations: Record<string, string>;
    startsAt: string;
    endsAt: string;
  }[];
}

function byLabels(a: { labels: object }, b: { labels: object }): number {
  const text = ({ labels }: { labels: object }) => JSON.stringify(Object.entries(labels).toSorted());
  return text(a) < text(b) ? -1 : 1;
}
