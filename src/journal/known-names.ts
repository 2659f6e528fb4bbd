import { OVERFLOW_NAME } from '../model/operation.js';
import { type NamedSpans, type Operation, operationKey } from './named-spans.js';
import type { Sql } from './sql.js';

/** Services of one tenant that get a name of their own; the others share OVERFLOW_NAME. */
const MAX_SERVICES = 2_000;
/** New names in one statement. */
const MAX_ADDED = 5_000;
/** Numbers that others may have been given for operations which cannot be seen yet; one that is still missed is looked for by its name. */
const IDS_UNDER_WAY = 10_000;

export interface Service {
  id: number;
  /** Operation ids by kind and name. */
  operations: Map<string, number>;
  /** Names beyond the cap are not looked up again. */
  isFull: boolean;
  /** Everything up to this operation id is in `operations`; 0: nothing was read yet. */
  loadedThrough: number;
}

interface OperationRow {
  id: number;
  service_id: number;
  kind: number;
  name: string;
}

/** Services and operations as they are stored, as far as this process has met them. */
export class KnownNames {
  private readonly tenants = new Map<number, Map<string, Service>>();

  constructor(
    private readonly db: Sql,
    private readonly maxOperations: number,
  ) {}

  /** Services by name; undefined for a tenant of which nothing is known yet. */
  services(tenantId: number): ReadonlyMap<string, Service> | undefined {
    return this.tenants.get(tenantId);
  }

  /** Learns every name in these tables, and adds those that are new if it may. */
  async learn(tenantId: number, tables: readonly NamedSpans[], adds: boolean): Promise<void> {
    const serviceNames = tables.flatMap(({ services: names }) => names.filter((name) => name !== null));
    const services = await this.learnServices(tenantId, [...new Set(serviceNames)], adds);
    const wanted = new Map<Service, Map<string, Operation>>();
    for (const names of tables) {
      for (const [name, operations] of names.operationsByService()) {
        const service = serviceNamed(services, name);
        if (!service) continue;
        const its = wanted.get(service);
        if (!its) wanted.set(service, operations);
        else for (const [key, operation] of operations) its.set(key, operation);
      }
    }
    await this.learnOperations(tenantId, wanted, adds);
  }

  /** The tenant's services, those of these names among them if they are stored or may be added and there is room. */
  async learnServices(tenantId: number, wanted: string[], adds: boolean): Promise<Map<string, Service>> {
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
    const rows: { id: number; name: string }[] = await this.db.query(
      `select id, name from services where tenant_id = $1`,
      [tenantId],
    );
    const services = this.tenants.get(tenantId) ?? new Map<string, Service>();
    for (const { id, name } of rows) {
      if (!services.has(name)) services.set(name, { id, operations: new Map(), isFull: false, loadedThrough: 0 });
    }
    this.tenants.set(tenantId, services);
    return services;
  }

  private async learnOperations(
    tenantId: number,
    wanted: ReadonlyMap<Service, ReadonlyMap<string, Operation>>,
    adds: boolean,
  ): Promise<void> {
    const isMissing = (service: Service, { kind, name }: Operation) =>
      !service.operations.has(operationKey(kind, name));
    const behind = [...wanted.keys()].filter((service) =>
      [...wanted.get(service)!.values()].some(({ kind, name }) =>
        isMissing(service, { kind, name: service.isFull ? OVERFLOW_NAME : name }),
      ),
    );
    if (behind.length === 0) return;
    await this.loadOperations(behind);
    const cap = this.maxOperations;
    const added: { service: Service; kind: number; name: string }[] = [];
    for (const service of behind) {
      const missing = [...wanted.get(service)!.values()].filter((operation) => isMissing(service, operation));
      const room = Math.max(0, cap - namedOperations(service));
      for (const { kind, name } of missing.slice(0, room)) added.push({ service, kind, name });
      for (const kind of new Set(missing.slice(room).map((operation) => operation.kind))) {
        if (isMissing(service, { kind, name: OVERFLOW_NAME })) added.push({ service, kind, name: OVERFLOW_NAME });
      }
    }
    // In one order everywhere, so that processes that learn the same names do not wait for each other in a circle.
    added.sort((a, b) => a.service.id - b.service.id || a.kind - b.kind || (a.name < b.name ? -1 : 1));
    for (let from = 0; from < added.length; from += MAX_ADDED)
      await this.addOperations(tenantId, added.slice(from, from + MAX_ADDED), adds);
    for (const service of behind) service.isFull = namedOperations(service) >= cap;
  }

  /** Looks for these operations, after adding them if it may. */
  private async addOperations(
    tenantId: number,
    wanted: readonly { service: Service; kind: number; name: string }[],
    adds: boolean,
  ): Promise<void> {
    const services = new Map(wanted.map(({ service }) => [service.id, service]));
    const columns = [
      wanted.map(({ service }) => service.id),
      wanted.map(({ kind }) => kind),
      wanted.map(({ name }) => name),
    ];
    const unnested = `unnest($1::int4[], $2::int2[], $3::text[]) as wanted (service_id, kind, name)`;
    if (adds) {
      const added: OperationRow[] = await this.db.query(
        `insert into operations (tenant_id, service_id, kind, name) select $4, service_id, kind, name from ${unnested}
         on conflict do nothing returning id, service_id, kind, name`,
        [...columns, tenantId],
      );
      note(services, added);
      if (added.length === wanted.length) return;
    }
    // Others have added the rest.
    note(
      services,
      await this.db.query(
        `select id, service_id, kind, name from operations join ${unnested} using (service_id, kind, name)`,
        columns,
      ),
    );
  }

  /** What others have added too. */
  private async loadOperations(services: readonly Service[]): Promise<void> {
    const through = Math.min(...services.map(({ loadedThrough }) => loadedThrough));
    const rows: OperationRow[] = await this.db.query(
      `select id, service_id, kind, name from operations where service_id = any($1::int4[]) and id > $2`,
      [services.map(({ id }) => id), through],
    );
    note(new Map(services.map((service) => [service.id, service])), rows);
    const newest = rows.reduce((most, { id }) => Math.max(most, id), through);
    // Numbers are given before they can be seen: what was given shortly before the newest is looked for again.
    for (const service of services) service.loadedThrough = Math.max(service.loadedThrough, newest - IDS_UNDER_WAY);
  }
}

/** The service of this name, or the one that all those beyond the cap share. */
export function serviceNamed(services: ReadonlyMap<string, Service>, name: string): Service | undefined {
  return services.get(name) ?? (services.size > MAX_SERVICES ? services.get(OVERFLOW_NAME) : undefined);
}

function namedOperations({ operations }: Service): number {
  let overflows = 0;
  for (let kind = 0; kind <= 5; kind++) if (operations.has(operationKey(kind, OVERFLOW_NAME))) overflows++;
  return operations.size - overflows;
}

function note(services: ReadonlyMap<number, Service>, rows: readonly OperationRow[]): void {
  for (const { id, service_id, kind, name } of rows)
    services.get(service_id)!.operations.set(operationKey(kind, name), id);
}
