import { attributesOf, hexOf, textOf } from './attributes.js';
import { instanceOf } from '../model/instance.js';
import { UNKNOWN_SERVICE } from '../model/operation.js';
import { decodeResource, decodeScope, decodeSpan } from './otlp-descriptor.js';
import type { SpanTable } from './span-table.js';
import type { Attribute, StoredSpan } from './stored-trace.js';

const STATUS_CODES = ['unset', 'ok', 'error'] as const;

/** Span `i` of a scanned segment as it was sent. */
export function storedSpan(spans: SpanTable, i: number): StoredSpan {
  const { bytes } = spans;
  const span = decodeSpan(bytes.subarray(spans.from[i], spans.to[i]));
  const holder = spans.resources[spans.resource[i]!]!;
  const resource = attributesOf(decodeResource(bytes.subarray(holder.from, holder.to)).resource?.attributes ?? []);
  const scopeHolder = spans.scopes[spans.scope[i]!]!;
  const { scope } = decodeScope(bytes.subarray(scopeHolder.from, scopeHolder.to));
  return {
    spanId: hexOf(span.spanId),
    parentSpanId: spans.parentAt[i]! < 0 ? null : hexOf(span.parentSpanId),
    traceState: textOf(span.traceState),
    service: serviceOf(resource),
    name: textOf(span.name),
    kind: span.kind,
    startTimeUnixNano: span.startTimeUnixNano.toString(),
    endTimeUnixNano: span.endTimeUnixNano.toString(),
    durationUs: spans.endUs[i]! - spans.startUs[i]!,
    status: {
      code: STATUS_CODES[span.status?.code ?? 0] ?? 'unset',
      message: span.status ? textOf(span.status.message) : '',
    },
    attributes: attributesOf(span.attributes),
    events: span.events.map(({ name, timeUnixNano, attributes }) => ({
      name: textOf(name),
      timeUnixNano: timeUnixNano.toString(),
      attributes: attributesOf(attributes),
    })),
    links: span.links.map(({ traceId, spanId, traceState, attributes }) => ({
      traceId: hexOf(traceId),
      spanId: hexOf(spanId),
      traceState: textOf(traceState),
      attributes: attributesOf(attributes),
    })),
    resource,
    scope: {
      name: scope ? textOf(scope.name) : '',
      version: scope ? textOf(scope.version) : '',
      attributes: attributesOf(scope?.attributes ?? []),
    },
    copies: 1,
  };
}

/** Which instance a resource of a scanned segment stands for, see `instanceOf`. */
export function instanceOfResource({ bytes, resources }: SpanTable, resource: number): string {
  const { from, to } = resources[resource]!;
  const attributes = attributesOf(decodeResource(bytes.subarray(from, to)).resource?.attributes ?? []);
  return instanceOf((wanted) => attributes.find(({ key }) => key === wanted)?.value);
}

export function serviceOf(resource: readonly Attribute[]): string {
  const name = resource.find(({ key, value }) => key === 'service.name' && typeof value === 'string' && value !== '');
  return typeof name?.value === 'string' ? name.value : UNKNOWN_SERVICE;
}
