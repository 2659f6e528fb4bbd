import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
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

type Postgres = Awaited<ReturnType<typeof startEmbeddedPostgres>>;

/** A PostgreSQL of its own, behind a proxy, and the services that use it; all of it can be broken and repaired. */
export class World {
  private postgres!: Postgres;
  private hasEnded = false;
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

  /** Makes exactly so many services run. */
  async have(services: number): Promise<void> {
    for (let i = 0; i < MOST_SERVICES; i++) {
      if (i < services && !this.services[i]) await this.startService(i);
      if (i >= services && this.services[i]) await this.stopService(i);
    }
  }

  get pids(): number[] {
    return this.services.flatMap((service) => (service ? [service.pid] : []));
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

function mounts(home: string, diskMib: number): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${diskMib}m,mode=0711`, 'tmpfs', home], { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
}
