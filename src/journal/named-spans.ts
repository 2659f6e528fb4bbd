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

/** The names in a span table, each made a string once and only when it is asked for. */
export class NamedSpans {
  /** Service name of each resource; null for a resource without spans. */
  readonly services: (string | null)[];
  private readonly names: string[] = [];

  /** `normalise`: with placeholders for ids and numbers in names of operations. */
  constructor(
    readonly table: SpanTable,
    private readonly normalise: boolean,
  ) {
    const isUsed = new Uint8Array(table.resources.length);
    for (let i = 0; i < table.n; i++) isUsed[table.resource[i]!] = 1;
    this.services = table.resources.map((_, resource) =>
      isUsed[resource] === 1 ? serviceNameOf(table, resource) : null,
    );
  }

  /** Name number `name` of the table, as operations are called. */
  nameOf(name: number): string {
    const { table } = this;
    return (this.names[name] ??= (this.normalise ? groupName : operationName)(table, table.names[name]!));
  }

  /** Distinct operations of each service. */
  operationsByService(): Map<string, Map<string, Operation>> {
    const services = new Map<string, Map<string, Operation>>();
    new OperationNumbers().resolve(this.table, (resource, kind, number) => {
      const service = this.services[resource]!;
      const name = this.nameOf(number);
      let operations = services.get(service);
      if (!operations) services.set(service, (operations = new Map()));
      operations.set(operationKey(kind, name), { kind, name });
      return 0;
    });
    return services;
  }
}

/** Resolves the operations of spans; what it needs for that is kept from one table to the next. */
export class OperationNumbers {
  /** By name and kind: for which resource `ids` holds the operation. */
  private stamps = new Int32Array(0);
  private ids = new Int32Array(0);
  private stamp = 0;

  /** Calls `idOf` once for each (resource, kind, number of a name) that follow one another; null as soon as it knows one not. */
  resolve(
    { n, names, resources, resource, kind, name }: SpanTable,
    idOf: (resource: number, kind: number, name: number) => number | undefined,
  ): Int32Array | null {
    if (this.stamps.length < names.length * 8 || this.stamp > 2 ** 30) {
      this.stamps = new Int32Array(names.length * 16);
      this.ids = new Int32Array(names.length * 16);
      this.stamp = 0;
    }
    const { stamps, ids } = this;
    const first = this.stamp + 1;
    this.stamp += resources.length;
    const operationIds = new Int32Array(n);
    for (let i = 0; i < n; i++) {
      const at = name[i]! * 8 + kind[i]!;
      const stamp = first + resource[i]!;
      if (stamps[at] !== stamp) {
        const id = idOf(resource[i]!, kind[i]!, name[i]!);
        if (id === undefined) return null;
        ids[at] = id;
        stamps[at] = stamp;
      }
      operationIds[i] = ids[at]!;
    }
    return operationIds;
  }
}
