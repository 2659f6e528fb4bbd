import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { DEFAULT_TENANT_SETTINGS, type TenantSettings } from '../model/tenant-settings.js';

/** A change by another process is seen within this time. */
const CACHE_MS = 5_000;
/** A request has to be answered in time, also when nobody knows what its tenant may send. */
const ANSWER_WITHIN_MS = 1_000;
/** More than INGEST_MAX_OPERATIONS_PER_SERVICE usually allows. */
const MOST_OPERATIONS = 100_000;

interface Row {
  spans_per_second: string | null;
  bytes_per_second: string | null;
  normalise_span_names: boolean;
}

/** Settings of tenants, and requests that were refused for them. */
@Injectable()
export class TenantSettingsStore {
  private readonly cached = new Map<number, { settings: TenantSettings; untilMs: number }>();
  private readonly reading = new Map<number, Promise<void>>();

  constructor(private readonly db: DataSource) {}

  /** The settings as the database has them; the default ones when nothing was set. */
  async get(tenantId: number): Promise<TenantSettings> {
    const [row]: Row[] = await this.db.query(`select * from tenant_settings where tenant_id = $1`, [tenantId]);
    return row === undefined ? DEFAULT_TENANT_SETTINGS : toSettings(row);
  }

  /** The settings as of at most five seconds ago; those last known while the database does not answer. Never throws. */
  async current(tenantId: number): Promise<TenantSettings> {
    const known = this.cached.get(tenantId);
    if (known === undefined || known.untilMs <= Date.now()) {
      await Promise.race([this.refresh(tenantId), sleep(ANSWER_WITHIN_MS, undefined, { ref: false })]);
    }
    return this.cached.get(tenantId)?.settings ?? DEFAULT_TENANT_SETTINGS;
  }

  /** Changes what is given and returns all settings. */
  async change(tenantId: number, change: Partial<TenantSettings>): Promise<TenantSettings> {
    const settings = { ...(await this.get(tenantId)), ...change };
    await this.db.query(
      `insert into tenant_settings (tenant_id, spans_per_second, bytes_per_second, normalise_span_names)
       values ($1, $2, $3, $4)
       on conflict (tenant_id) do update
          set spans_per_second = excluded.spans_per_second, bytes_per_second = excluded.bytes_per_second,
              normalise_span_names = excluded.normalise_span_names, updated_at = now()`,
      [tenantId, settings.spansPerSecond, settings.bytesPerSecond, settings.normaliseSpanNames],
    );
    this.cached.delete(tenantId);
    return settings;
  }

  /** Operations of a service, by name. */
  operationNames(tenantId: number, service: string): Promise<{ kind: number; name: string }[]> {
    return this.db.query(
      `select o.kind, o.name from operations o join services s on s.id = o.service_id
        where s.tenant_id = $1 and s.name = $2 order by o.name, o.kind limit ${MOST_OPERATIONS}`,
      [tenantId, service],
    );
  }

  /** Adds to the numbers of refused requests. */
  async addRefused(counts: readonly { tenantId: number; reason: string; n: number }[]): Promise<void> {
    const sorted = counts.toSorted((a, b) => a.tenantId - b.tenantId || (a.reason < b.reason ? -1 : 1));
    await this.db.query(
      `insert into refused_requests (tenant_id, reason, n) select * from unnest($1::int4[], $2::text[], $3::int8[])
       on conflict (tenant_id, reason) do update set n = refused_requests.n + excluded.n`,
      [sorted.map(({ tenantId }) => tenantId), sorted.map(({ reason }) => reason), sorted.map(({ n }) => n)],
    );
  }

  private refresh(tenantId: number): Promise<void> {
    let reading = this.reading.get(tenantId);
    if (reading === undefined) {
      reading = this.get(tenantId)
        .then((settings) => void this.cached.set(tenantId, { settings, untilMs: Date.now() + CACHE_MS }))
        // Whoever stores something meets the same trouble and says so.
        .catch(() => undefined)
        .finally(() => this.reading.delete(tenantId));
      this.reading.set(tenantId, reading);
    }
    return reading;
  }
}

function toSettings({ spans_per_second, bytes_per_second, normalise_span_names }: Row): TenantSettings {
  return {
    spansPerSecond: spans_per_second === null ? null : Number(spans_per_second),
    bytesPerSecond: bytes_per_second === null ? null : Number(bytes_per_second),
    normaliseSpanNames: normalise_span_names,
  };
}
