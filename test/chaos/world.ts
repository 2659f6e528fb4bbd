import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../scripts/embedded-postgres.mjs';
import { freePorts } from '../../scripts/free-port.mjs';
import { type Service, startService } from '../support/service.js';
import { Proxy } from './proxy.js';

/** Acknowledged is what survives the end of PostgreSQL's processes; that the machine itself loses power is not tried here. */
const SETTINGS = {
  fsync: 'off',
  synchronous_commit: 'on',
  max_wal_size: '64MB',
  min_wal_size: '32MB',
  shared_buffers: '32MB',
};

const MOST_SERVICES = 2;
const READY = /Tracehound \S+ is ready/g;
const WAIT_MS = 60_000;

type Postgres = Awaited<ReturnType<typeof startEmbeddedPostgres>>;

/** A PostgreSQL of its own, behind a proxy, and the services that use it; all of it can be broken and repaired. */
export class World {
  private postgres!: Postgres;
  private hasEnded = false;
  private isSupervised = false;
  private readonly services: (Service | null)[] = [];
  private readonly ports: { otlp: string; grpc: string; api: string }[] = [];

  private constructor(
    readonly home: string,
    readonly proxy: Proxy,
    private readonly env: Record<string, string>,
    readonly isMounted: boolean,
  ) {}

  /** With one service; on a disk of limited size where this user may mount one. */
  static async start(diskMib: number, env: Record<string, string>): Promise<World> {
    const home = mkdtempSync('/tmp/tracehound-chaos-');
    chmodSync(home, 0o711);
    const isMounted = mounts(home, diskMib);
    const postgres = await startEmbeddedPostgres({ home, settings: SETTINGS });
    const proxy = await Proxy.start(postgres.port);
    const world = new World(home, proxy, env, isMounted);
    world.adopt(postgres);
    const free = (await freePorts(3 * MOST_SERVICES)).map(String);
    for (let i = 0; i < MOST_SERVICES; i++) {
      const [otlp, grpc, api] = free.slice(3 * i, 3 * i + 3) as [string, string, string];
      world.ports.push({ otlp, grpc, api });
    }
    await world.startService(0);
    return world;
  }

  /** Straight to the database, past the proxy. */
  get databaseUrl(): string {
    return this.postgres.url;
  }

  url(service: number): string {
    return `http://127.0.0.1:${this.ports[service]!.otlp}`;
  }

  grpcAddress(service: number): string {
    return `127.0.0.1:${this.ports[service]!.grpc}`;
  }

  /** Makes exactly so many services run, the first one under a supervisor or not. */
  async have(services: number, isSupervised: boolean): Promise<void> {
    // A supervisor of its own for each run: one counts how often it had to restart a process within a minute.
    if (isSupervised || this.isSupervised) await this.stopService(0);
    this.isSupervised = isSupervised;
    for (let i = 0; i < MOST_SERVICES; i++) {
      if (i < services && !this.services[i]) await this.startService(i);
      if (i >= services && this.services[i]) await this.stopService(i);
    }
  }

  get pids(): number[] {
    const pids = this.services.flatMap((service) => (service ? [service.pid] : []));
    return this.isSupervised ? pids.flatMap(childrenOf) : pids;
  }

  /** A tenant of its own for each run. */
  async newTenant(name: string): Promise<number> {
    const client = new pg.Client({ connectionString: this.databaseUrl });
    await client.connect();
    try {
      const { rows } = await client.query<{ id: number }>(`insert into tenants (name) values ($1) returning id`, [
        name,
      ]);
      return rows[0]!.id;
    } finally {
      await client.end();
    }
  }

  async startService(i: number): Promise<void> {
    const url = new URL(this.databaseUrl);
    url.port = String(this.proxy.port);
    const { otlp, grpc, api } = this.ports[i]!;
    this.services[i] = await startService({
      databaseUrl: url.href,
      supervised: this.isSupervised && i === 0,
      env: { ROLES: 'ingest', OTLP_HTTP_PORT: otlp, OTLP_GRPC_PORT: grpc, API_PORT: api, ...this.env },
    });
  }

  async killService(i: number): Promise<void> {
    await this.services[i]?.kill();
    this.services[i] = null;
  }

  async stopService(i: number): Promise<void> {
    await this.services[i]?.stop();
    this.services[i] = null;
  }

  /** Lets another process take over, and returns once the one before has ended. */
  async handOver(): Promise<void> {
    const before = this.count(/ handed over in /g);
    process.kill(this.services[0]!.pid, 'SIGUSR2');
    await until(() => this.count(/ handed over in /g) > before);
  }

  /** Kills the process that the supervisor looks after, which starts another one. */
  async killSupervised(): Promise<void> {
    const before = this.count(READY);
    for (const pid of childrenOf(this.services[0]!.pid)) process.kill(pid, 'SIGKILL');
    await until(() => this.count(READY) > before);
  }

  private count(pattern: RegExp): number {
    return [...this.services[0]!.output().matchAll(pattern)].length;
  }

  /** As `pg_ctl stop -m immediate`. */
  async stopPostgres(): Promise<void> {
    await this.postgres.stop('SIGQUIT');
  }

  async startPostgres(): Promise<void> {
    this.adopt(await startEmbeddedPostgres({ home: this.home, settings: SETTINGS }));
  }

  /** A full disk may have ended it. */
  async startPostgresIfItEnded(): Promise<void> {
    if (this.hasEnded) await this.startPostgres();
  }

  async close(): Promise<void> {
    for (const service of this.services) await service?.stop().catch(() => service.kill());
    await this.proxy.close();
    if (!this.hasEnded) await this.postgres.stop('SIGQUIT');
    if (this.isMounted) execFileSync('umount', ['-l', this.home], { stdio: 'pipe' });
    rmSync(path.resolve(this.home), { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }

  private adopt(postgres: Postgres): void {
    this.postgres = postgres;
    this.hasEnded = false;
    void postgres.exited.then(() => (this.hasEnded = this.postgres === postgres));
  }
}

async function until(isTrue: () => boolean): Promise<void> {
  for (const giveUpMs = Date.now() + WAIT_MS; !isTrue(); await sleep(20)) {
    if (Date.now() > giveUpMs) throw new Error(`it did not come about within ${WAIT_MS / 1_000} s`);
  }
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}

function mounts(home: string, diskMib: number): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${diskMib}m,mode=0711`, 'tmpfs', home], { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
}
