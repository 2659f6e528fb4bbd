import type { Config } from '../config.js';
import { OVERFLOW_NAME } from '../model/operation.js';
import { NamedSpans, OperationNumbers, operationKey, type Resolved } from './named-spans.js';
import { OperationCache } from './operation-cache.js';
import type { SpanTable } from './span-table.js';
import { KnownNames, type Service, serviceNamed } from './known-names.js';
import type { Sql } from './sql.js';

/** A change of the tenant's settings is seen within this time. */
const SETTING_MS = 5_000;

/** A table whose names are not all known. */
interface Learner {
  tenantId: number;
  names: NamedSpans;
  adds: boolean;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/**
 * Ids of services and operations. New names are written in short transactions of their own, before the commit that refers to them: a name
 * without spans does no harm. What several requests lack is learned together. Names are never forgotten, so what was once found stays true.
 */
export class Dictionary {
  private readonly names: KnownNames;
  private readonly normalising = new Map<number, { answer: Promise<boolean>; untilMs: number }>();
  private readonly known = new OperationCache();
  private readonly numbers = new OperationNumbers();
  private waiting: Learner[] = [];
  private isLearning = false;

  constructor(
    private readonly db: Sql,
    config: Pick<Config, 'ingest'>,
  ) {
    this.names = new KnownNames(db, config.ingest.maxOperationsPerService);
  }

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
    const services = await this.names.learnServices(tenantId, [...names], true);
    return new Map(names.map((name) => [name, serviceNamed(services, name)?.id ?? 0]));
  }

  private async resolve(tenantId: number, table: SpanTable, adds: boolean): Promise<Resolved> {
    const normalises = await this.normalises(tenantId);
    const names = new NamedSpans(table, normalises);
    const known = this.lookUp(tenantId, names, normalises, false);
    if (known) return known;
    await new Promise<void>((resolve, reject) => {
      this.waiting.push({ tenantId, names, adds, resolve, reject });
      if (!this.isLearning) void this.learnAll();
    });
    return this.lookUp(tenantId, names, normalises, true)!;
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

  /** From memory alone. A name that is missing there has id 0, or, unless `isLearned`, makes it null. */
  private lookUp(tenantId: number, names: NamedSpans, normalises: boolean, isLearned: boolean): Resolved | null {
    const services = this.names.services(tenantId);
    if (!services && !isLearned) return null;
    const found: (Service | undefined)[] = [];
    for (const name of names.services) {
      const service = name === null || !services ? undefined : serviceNamed(services, name);
      if (service === undefined && name !== null && !isLearned) return null;
      found.push(service);
    }
    const { table } = names;
    const operationIds = this.numbers.resolve(table, (resource, kind, name) => {
      const service = found[resource];
      if (!service) return 0;
      const owner = service.id * 16 + kind * 2 + (normalises ? 1 : 0);
      const cached = this.known.get(owner, table.bytes, table.names[name]!);
      if (cached !== undefined) return cached;
      const id = service.operations.get(operationKey(kind, names.nameOf(name)));
      if (id !== undefined) this.known.set(owner, table.bytes, table.names[name]!, id);
      const overflow = () => service.operations.get(operationKey(kind, OVERFLOW_NAME));
      return id ?? (isLearned ? (overflow() ?? 0) : service.isFull ? overflow() : undefined);
    });
    return operationIds && { serviceIds: Int32Array.from(table.resources, (_, i) => found[i]?.id ?? 0), operationIds };
  }

  /** Learns for all that wait, those of a tenant together, until nobody waits any more. */
  private async learnAll(): Promise<void> {
    this.isLearning = true;
    while (this.waiting.length > 0) {
      const [{ tenantId, adds }] = this.waiting as [Learner];
      const some = this.waiting.filter((each) => each.tenantId === tenantId && each.adds === adds);
      this.waiting = this.waiting.filter((each) => !some.includes(each));
      try {
        const tables = some.map(({ names }) => names);
        await this.names.learn(tenantId, tables, adds);
        for (const { resolve } of some) resolve();
      } catch (error) {
        for (const { reject } of some) reject(error);
      }
    }
    this.isLearning = false;
  }
}
