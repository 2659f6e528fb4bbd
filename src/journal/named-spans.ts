import { UNKNOWN_SERVICE } from '../model/operation.js';
import { normaliseSpanName } from '../model/span-name.js';
import { columnName } from './names.js';
import type { NameRange, SpanTable } from './span-table.js';

/** What a span without a name is called. */
const UNNAMED = '(unnamed)';
/** What normalising looks at, and some. */
const MOST_NAME_BYTES = 4_096;

export interface Operation {
  kind: number;
  name: string;
}

/** Dictionary ids of a span table: of each resource's service, and of each span's operation. */
export interface Resolved {
  serviceIds: Int32Array;
  operationIds: Int32Array;
}

/** Identifies an operation within its service. */
export const operationKey = (kind: number, name: string) => `${kind} ${name}`;

/** The service of a resource, by the name that the dictionary has for it. */
export function serviceNameOf({ bytes, resources }: SpanTable, resource: number): string {
  const { serviceAt, serviceTo } = resources[resource]!;
  return serviceAt < 0 ? UNKNOWN_SERVICE : columnName(bytes, serviceAt, serviceTo);
}

/** The name of span `i`, as the dictionary has it. */
export function spanNameOf(table: SpanTable, i: number): string {
  return operationName(table, table.names[table.name[i]!]!);
}

function operationName({ bytes }: SpanTable, { at, to }: NameRange): string {
  return at === to ? UNNAMED : columnName(bytes, at, to);
}

/** The name under which spans are counted where names are normalised: cut as any other, after ids and numbers have gone. */
function groupName({ bytes }: SpanTable, { at, to }: NameRange): string {
  if (at === to) return UNNAMED;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + at, Math.min(to - at, MOST_NAME_BYTES));
  const name = Buffer.from(normaliseSpanName(text.toString('utf8')));
  return columnName(name, 0, name.length);
}

/** The names in a span table, each made a string once. */
export class NamedSpans {
  /** Service name of each resource; null for a resource without spans. */
  readonly services: (string | null)[];
  private readonly names: string[];

  /** `normalise`: with placeholders for ids and numbers in names of operations. */
  constructor(
    private readonly table: SpanTable,
    normalise = false,
  ) {
    const used = new Set(table.resource.subarray(0, table.n));
    this.services = table.resources.map((_, resource) => (used.has(resource) ? serviceNameOf(table, resource) : null));
    this.names = table.names.map((name) => (normalise ? groupName(table, name) : operationName(table, name)));
  }

  /** Distinct operations of each service. */
  operationsByService(): Map<string, Map<string, Operation>> {
    const services = new Map<string, Map<string, Operation>>();
    this.resolve(
      () => 0,
      (resource, kind, name) => {
        const service = this.services[resource]!;
        let operations = services.get(service);
        if (!operations) services.set(service, (operations = new Map()));
        operations.set(operationKey(kind, name), { kind, name });
        return 0;
      },
    );
    return services;
  }

  /** Calls `operationId` once for each distinct (resource, kind, name); null as soon as it knows one not. */
  resolve(
    serviceId: (resource: number) => number,
    operationId: (resource: number, kind: number, name: string) => number | undefined,
  ): Resolved | null {
    const { table, names } = this;
    const operationIds = new Int32Array(table.n);
    const known = new Map<number, number>();
    for (let i = 0; i < table.n; i++) {
      const key = (table.resource[i]! * 8 + table.kind[i]!) * (names.length + 1) + table.name[i]!;
      let id = known.get(key);
      if (id === undefined) {
        id = operationId(table.resource[i]!, table.kind[i]!, names[table.name[i]!]!);
        if (id === undefined) return null;
        known.set(key, id);
      }
      operationIds[i] = id;
    }
    return { serviceIds: Int32Array.from(table.resources, (_, resource) => serviceId(resource)), operationIds };
  }
}
