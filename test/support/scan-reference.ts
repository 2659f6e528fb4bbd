import { SPAN_ENDS_EARLY, SPAN_ERROR, SPAN_TOO_DEEP, type SpanTable } from '../../src/journal/span-table.js';
import { otlpType } from './otlp-proto.js';

const requestType = otlpType('ExportTraceServiceRequest');

/** Microseconds are promised to be exact until 2255. */
const exact = (us: number) => (us < 9e15 ? us : 'far future');

/** What `scan` says of each span, in the words of the decoder that it is compared with. */
export function scanned(table: SpanTable) {
  const bytes = Buffer.from(table.bytes.buffer, table.bytes.byteOffset, table.bytes.byteLength);
  const hex = (at: number, size: number) => (at < 0 ? null : bytes.toString('hex', at, at + size));
  return Array.from({ length: table.n }, (_, i) => {
    const resource = table.resources[table.resource[i]!]!;
    const name = table.names[table.name[i]!]!;
    return {
      traceId: hex(table.traceAt[i]!, 16),
      spanId: hex(table.spanIdAt[i]!, 8),
      parent: table.parentAt[i] === -1 ? 'root' : table.parentAt[i] === -2 ? 'invalid' : hex(table.parentAt[i]!, 8),
      name: bytes.toString('utf8', name.at, name.to),
      service: resource.serviceAt < 0 ? null : bytes.toString('utf8', resource.serviceAt, resource.serviceTo),
      kind: table.kind[i],
      startUs: exact(table.startUs[i]!),
      endUs: exact(table.endUs[i]!),
      isError: (table.flags[i]! & SPAN_ERROR) !== 0,
      isDeep: (table.flags[i]! & SPAN_TOO_DEEP) !== 0,
      isResourceDeep: resource.tooDeep,
      endsEarly: (table.flags[i]! & SPAN_ENDS_EARLY) !== 0,
    };
  });
}

/** The same, by protobufjs and straightforward code. Throws what protobufjs throws. */
export function decoded(bytes: Uint8Array, maxAttributeDepth: number): ReturnType<typeof scanned> {
  const isDeep = (pairs: readonly Pair[]) => pairs.some(({ value }) => depthOf(value) > maxAttributeDepth);
  const { resourceSpans } = requestType.decode(bytes) as unknown as Request;
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const attributes = resource?.attributes ?? [];
    const named = attributes.find(({ key, value }) => key === 'service.name' && (value?.stringValue ?? '') !== '');
    const service = named?.value?.stringValue ?? null;
    const isResourceDeep = isDeep(attributes);
    return scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => {
        const parent = hexOf(span.parentSpanId);
        const startUs = microseconds(span.startTimeUnixNano);
        const endUs = microseconds(span.endTimeUnixNano);
        return {
          traceId: span.traceId.length === 16 ? hexOf(span.traceId) : null,
          spanId: span.spanId.length === 8 ? hexOf(span.spanId) : null,
          parent: parent === '' || parent === '0'.repeat(16) ? 'root' : parent.length === 16 ? parent : 'invalid',
          name: span.name,
          service,
          kind: span.kind >= 0 && span.kind <= 5 ? span.kind : 0,
          startUs: exact(startUs),
          endUs: exact(Math.max(startUs, endUs)),
          isError: span.status?.code === 2,
          isDeep: isDeep(span.attributes) || [...span.events, ...span.links].some(({ attributes: own }) => isDeep(own)),
          isResourceDeep,
          endsEarly: endUs < startUs,
        };
      }),
    );
  });
}

function depthOf(value: Value | null): number {
  if (value?.arrayValue) return 1 + Math.max(0, ...value.arrayValue.values.map(depthOf));
  if (value?.kvlistValue) return 1 + Math.max(0, ...value.kvlistValue.values.map((pair) => depthOf(pair.value)));
  return 0;
}

function microseconds({ low, high }: Long): number {
  return Number((BigInt(high >>> 0) * 4_294_967_296n + BigInt(low >>> 0)) / 1_000n);
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

interface Long {
  low: number;
  high: number;
}

/** The messages as protobufjs makes them. */
interface Request {
  resourceSpans: { resource: { attributes: Pair[] } | null; scopeSpans: { spans: Span[] }[] }[];
}

interface Span {
  traceId: Uint8Array;
  spanId: Uint8Array;
  parentSpanId: Uint8Array;
  name: string;
  kind: number;
  startTimeUnixNano: Long;
  endTimeUnixNano: Long;
  attributes: Pair[];
  events: { attributes: Pair[] }[];
  links: { attributes: Pair[] }[];
  status: { code: number } | null;
}

interface Pair {
  key: string;
  value: Value | null;
}

interface Value {
  stringValue?: string;
  arrayValue?: { values: Value[] } | null;
  kvlistValue?: { values: Pair[] } | null;
}
