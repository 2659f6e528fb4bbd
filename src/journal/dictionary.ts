import type { Config } from '../config.js';
import { OVERFLOW_NAME } from '../model/operation.js';
import { NamedSpans, operationKey, type Operation, type Resolved } from './named-spans.js';
import type { SpanTable } from './span-table.js';
import type { Sql } from './sql.js';

/** Services of one tenant that get a name of their own; the others share OVERFLOW_NAME. */
const MAX_SERVICES = 2_000;
/** A change of the tenant's settings is seen within this time. */
const SETTING_MS = 5_000;

interface Service {
  id: number;
  /** Operation ids by kind and name. */
  operations: Map<string, number>;
  /** Names beyond the cap are not looked up again. */
  isFull: boolean;
}

/**
 * Ids of services and operations. New names are written in short transactions of their own, before the commit that refers to them: a name
 * without spans does no harm. Names are never forgotten, so what was once found stays true.
 */
export class Dictionary {
  private readonly tenants = new Map<number, Map<string, Service>>();
  private readonly normalising = new Map<number, { answer: Promise<boolean>; untilMs: number }>();
  private learning: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly db: Sql,
    private readonly config: Pick<Config, 'ingest'>,
  ) {}

  /** Ids for every span; names seen for the first time are added, and those beyond the caps map to the overflow operation. */
  add(tenantId: number, table: SpanTable): Promise<Resolved> {
    return this.resolve(tenantId, table, true);
  }

  /** Ids for every span of stored bytes; adds nothing. An operation that cannot be found has id 0. */
  find(tenantId: number, table: SpanTable): Promise<Resolved> {
    return this.resolve(tenantId, table, false);
  }

  /** Ids of services by name, for signals without operations; new names are added, those beyond the cap share the overflow service. */
  async serviceIds(tenantId: number, names: readonly string[]): Promise<Map<string, number>> {
    const learned = this.learning.then(() => this.learnServices(tenantId, [...names], true));
    this.learning = learned.catch(() => undefined);
    const services = await learned;
    return new Map(names.map((name) => [name, serviceNamed(services, name)?.id ?? 0]));
  }

  private async resolve(tenantId: number, table: SpanTable, adds: boolean): Promise<Resolved> {
    const names = new NamedSpans(table, await this.normalises(tenantId));
    let known = this.lookUp(tenantId, names);
    if (!known) {
      const learned = this.learning.then(() => this.lookUp(tenantId, names) ?? this.learn(tenantId, names, adds));
      this.learning = learned.catch(() => undefined);
      known = await learned;
    }
    return known;
  }

  /** Whether the tenant's span names are normalised, as of a few seconds ago; as last known while the database is away. */
  private normalises(tenantId: number): Promise<boolean> {
    const known = this.normalising.get(tenantId);
    const nowMs = Date.now();
    if (known !== undefined && nowMs < known.untilMs) return known.answer;
    const answer = this.db
      .query(`select normalise_span_names from tenant_settings where tenant_id = $1`, [tenantId])
      .then(
        (rows: { normalise_span_names: boolean }[]) => rows[0]?.normalise_span_names ?? false,
        () => known?.answer ?? false,
      );
    this.normalising.set(tenantId, { answer, untilMs: nowMs + SETTING_MS });
    return answer;
  }

  /** From memory alone; null when a name is missing there. */
  private lookUp(tenantId: number, names: NamedSpans): Resolved | null {
    const services = this.tenants.get(tenantId);
    if (!services) return null;
    const found: (Service | null)[] = [];
    for (const name of names.services) {
      const service = name === null ? null : serviceNamed(services, name);
      if (service === undefined) return null;
      found.push(service);
    }
    const resolved = names.resolve(
      (resource) => found[resource]?.id ?? 0,
      (resource, kind, name) => {
        const { operations, isFull } = found[resource]!;
        return (
          operations.get(operationKey(kind, name)) ??
          (isFull ? operations.get(operationKey(kind, OVERFLOW_NAME)) : undefined)
        );
      },
    );
    return resolved;
  }

  private async learn(tenantId: number, names: NamedSpans, adds: boolean): Promise<Resolved> {
    const services = await this.learnServices(
      tenantId,
      names.services.filter((name) => name !== null),
      adds,
    );
    const wanted = names.operationsByService();
    for (const [name, keys] of wanted) {
      const service = serviceNamed(services, name);
      if (service) await this.learnOperations(tenantId, service, [...keys.values()], adds);
    }
    const serviceOf = (resource: number) => serviceNamed(services, names.services[resource] ?? '');
    return names.resolve(
      (resource) => serviceOf(resource)?.id ?? 0,
      (resource, kind, name) => {
        const operations = serviceOf(resource)?.operations;
        return operations?.get(operationKey(kind, name)) ?? operations?.get(operationKey(kind, OVERFLOW_NAME)) ?? 0;
      },
    )!;
  }

  private async learnServices(tenantId: number, wanted: string[], adds: boolean): Promise<Map<string, Service>> {
    let services = this.tenants.get(tenantId);
    if (!services || wanted.some((name) => !serviceNamed(services!, name))) {
      services = await this.loadServices(tenantId);
      const missing = [...new Set(wanted)].filter((name) => !services!.has(name)).sort();
      const added = missing.slice(0, Math.max(0, MAX_SERVICES - services.size));
      if (added.length < missing.length && !services.has(OVERFLOW_NAME)) added.push(OVERFLOW_NAME);
      if (adds && added.length > 0) {
        await this.db.query(
          `insert into services (tenant_id, name) select $1, name from unnest($2::text[]) as name on conflict do nothing`,
          [tenantId, added],
        );
        services = await this.loadServices(tenantId);
      }
    }
    return services;
  }

  private async loadServices(tenantId: number): Promise<Map<string, Service>> {
    const services = this.tenants.get(tenantId) ?? new Map<string, Service>();
    const rows: { id: number; name: string }[] = await this.db.query(
      `select id, name from services where tenant_id = $1`,
      [tenantId],
    );
    for (const { id, name } of rows) {
      if (!services.has(name)) services.set(name, { id, operations: new Map(), isFull: false });
    }
    this.tenants.set(tenantId, services);
    return services;
  }

  private async learnOperations(tenantId: number, service: Service, wanted: Operation[], adds: boolean): Promise<void> {
    const isMissing = ({ kind, name }: Operation) => !service.operations.has(operationKey(kind, name));
    if (
      service.isFull ? wanted.every(({ kind }) => !isMissing({ kind, name: OVERFLOW_NAME })) : !wanted.some(isMissing)
    )
      return;
    await this.loadOperations(service);
    const missing = wanted.filter(isMissing);
    const cap = this.config.ingest.maxOperationsPerService;
    const room = Math.max(0, cap - namedOperations(service));
    const added = missing.slice(0, room);
    for (const { kind } of missing.slice(room)) added.push({ kind, name: OVERFLOW_NAME });
    if (adds && added.length > 0) {
      // In one order everywhere, so that processes that learn the same names do not wait for each other in a circle.
      added.sort((a, b) => a.kind - b.kind || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
      await this.db.query(
        `insert into operations (tenant_id, service_id, kind, name)
         select $1, $2, kind, name from unnest($3::int2[], $4::text[]) as added (kind, name) on conflict do nothing`,
        [tenantId, service.id, added.map(({ kind }) => kind), added.map(({ name }) => name)],
      );
      await this.loadOperations(service);
    }
    service.isFull = namedOperations(service) >= cap;
  }

  private async loadOperations(service: Service): Promise<void> {
    const rows: { id: number; kind: number; name: string }[] = await this.db.query(
      `select id, kind, name from operations where service_id = $1`,
      [service.id],
    );
    for (const { id, kind, name } of rows) service.operations.set(operationKey(kind, name), id);
  }
}

function serviceNamed(services: Map<string, Service>, name: string): Service | undefined {
  return services.get(name) ?? (services.size > MAX_SERVICES ? services.get(OVERFLOW_NAME) : undefined);
}

function namedOperations({ operations }: Service): number {
  let overflows = 0;
  for (let kind = 0; kind <= 5; kind++) if (operations.has(operationKey(kind, OVERFLOW_NAME))) overflows++;
  return operations.size - overflows;
}
