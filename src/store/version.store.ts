import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { type SeenVersion, VERSION_KEYS } from '../model/version.js';
import { HOUR_MS } from '../model/window.js';

/** Versions kept of one attribute of a service; those not seen for longest are forgotten. */
const MAX_KEPT = 200;
/** How exact the time of the last sight is. */
const LAST_SEEN_STEP_MS = HOUR_MS;
const MAX_REMEMBERED = 50_000;
const MAX_LOADED = 10_000;

/** When a version was first seen, and since when (epoch ms) anything is known of its service. */
export interface KnownVersion {
  service: string;
  key: string;
  value: string;
  firstMs: number;
  serviceSinceMs: number;
}

/** Which versions of services have been seen, and since when, in event time. */
@Injectable()
export class VersionStore {
  /** What this process has written of each version, so that a window without news costs no statement. */
  private readonly written = new Map<string, { firstMs: number; lastMs: number }>();

  constructor(private readonly db: DataSource) {}

  /** Notes sightings, in any order and as often as one likes. */
  async note(tenantId: number, seen: readonly SeenVersion[]): Promise<void> {
    const news = seen.filter((version) => this.isNews(tenantId, version));
    if (news.length === 0) return;
    const rows = await this.db.query<{ service_id: number; is_new: boolean }[]>(
      `insert into versions as v (tenant_id, service_id, key, value, first_seen_at, last_seen_at)
       select $1, * from unnest($2::int4[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[])
       on conflict (tenant_id, service_id, key, value) do update
          set first_seen_at = least(v.first_seen_at, excluded.first_seen_at),
              last_seen_at = greatest(v.last_seen_at, excluded.last_seen_at)
       returning service_id, xmax = 0 as is_new`,
      [
        tenantId,
        news.map(({ serviceId }) => serviceId),
        news.map(({ key }) => key),
        news.map(({ value }) => value),
        news.map(({ firstMs }) => new Date(firstMs)),
        news.map(({ lastMs }) => new Date(lastMs)),
      ],
    );
    const grown = new Set(rows.filter((row) => row.is_new).map((row) => row.service_id));
    if (grown.size > 0) await this.forget(tenantId, [...grown]);
    if (this.written.size > MAX_REMEMBERED) this.written.clear();
    for (const version of news) {
      const name = nameOf(tenantId, version);
      const { firstMs, lastMs } = this.written.get(name) ?? version;
      this.written.set(name, {
        firstMs: Math.min(firstMs, version.firstMs),
        lastMs: Math.max(lastMs, version.lastMs),
      });
    }
  }

  /** What is known of these services' versions, newest first. */
  async load(tenantId: number, services: readonly string[]): Promise<KnownVersion[]> {
    const rows = await this.db.query<
      { service: string; key: string; value: string; first_ms: string; since_ms: string }[]
    >(
      `select s.name as service, v.key, v.value, extract(epoch from v.first_seen_at) * 1000 as first_ms,
              extract(epoch from min(v.first_seen_at) over (partition by v.service_id)) * 1000 as since_ms
         from versions v join services s on s.id = v.service_id and s.tenant_id = v.tenant_id
        where v.tenant_id = $1 and s.name = any($2) and v.key = any($3)
        order by v.first_seen_at desc, v.key, v.value limit ${MAX_LOADED}`,
      [tenantId, services, VERSION_KEYS],
    );
    return rows.map(({ service, key, value, first_ms, since_ms }) => ({
      service,
      key,
      value,
      firstMs: Number(first_ms),
      serviceSinceMs: Number(since_ms),
    }));
  }

  /** Every value that was noted of each service's resource, by service and then by key. */
  async resources(tenantId: number): Promise<Map<string, Map<string, string[]>>> {
    const rows = await this.db.query<{ service: string; key: string; values: string[] }[]>(
      `select s.name as service, v.key, array_agg(v.value order by v.last_seen_at desc) as values
         from versions v join services s on s.id = v.service_id and s.tenant_id = v.tenant_id
        where v.tenant_id = $1 group by s.name, v.key`,
      [tenantId],
    );
    const known = new Map<string, Map<string, string[]>>();
    for (const { service, key, values } of rows) {
      const its = known.get(service);
      if (its === undefined) known.set(service, new Map([[key, values]]));
      else its.set(key, values);
    }
    return known;
  }

  private isNews(tenantId: number, version: SeenVersion): boolean {
    const written = this.written.get(nameOf(tenantId, version));
    return (
      written === undefined || version.firstMs < written.firstMs || version.lastMs >= written.lastMs + LAST_SEEN_STEP_MS
    );
  }

  private async forget(tenantId: number, serviceIds: readonly number[]): Promise<void> {
    await this.db.query(
      `delete from versions v using (
         select service_id, key, value,
                row_number() over (partition by service_id, key order by last_seen_at desc, value) as place
           from versions where tenant_id = $1 and service_id = any($2::int4[])) old
        where v.tenant_id = $1 and v.service_id = old.service_id and v.key = old.key and v.value = old.value
          and old.place > ${MAX_KEPT}`,
      [tenantId, serviceIds],
    );
  }
}

function nameOf(tenantId: number, { serviceId, key, value }: SeenVersion): string {
  return `${tenantId} ${serviceId} ${key} ${value}`;
}
