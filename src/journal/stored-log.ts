import { attributesOf, hexOf, textOf, valueOf } from './attributes.js';
import type { LogTable } from './log-scan.js';
import { decodeLog, decodeResource, decodeScope } from './otlp-descriptor.js';
import { serviceOf } from './stored-span.js';
import type { Attribute, AttributeValue } from './stored-trace.js';

/** A log record as it was sent; ids are lower-case hex, nanoseconds exact decimal strings. */
export interface StoredLog {
  /** 0 when it was not told. */
  timeUnixNano: string;
  observedTimeUnixNano: string;
  traceId: string | null;
  spanId: string | null;
  service: string;
  severityNumber: number;
  severityText: string;
  eventName: string;
  body: AttributeValue;
  attributes: Attribute[];
  resource: Attribute[];
  scope: { name: string; version: string };
}

/** Record `i` of a scanned segment as it was sent. */
export function storedLog({ bytes, records, resources, scopes }: LogTable, i: number): StoredLog {
  const range = records[i]!;
  const log = decodeLog(bytes.subarray(range.from, range.to));
  const holder = resources[range.resource]!;
  const resource = attributesOf(decodeResource(bytes.subarray(holder.from, holder.to)).resource?.attributes ?? []);
  const scopeHolder = scopes[range.scope]!;
  const { scope } = decodeScope(bytes.subarray(scopeHolder.from, scopeHolder.to));
  return {
    timeUnixNano: log.timeUnixNano.toString(),
    observedTimeUnixNano: log.observedTimeUnixNano.toString(),
    traceId: range.traceAt < 0 ? null : hexOf(log.traceId),
    spanId: range.spanIdAt < 0 ? null : hexOf(log.spanId),
    service: serviceOf(resource),
    severityNumber: log.severityNumber,
    severityText: textOf(log.severityText),
    eventName: textOf(log.eventName),
    body: log.body.length === 0 ? null : valueOf(log.body, 0),
    attributes: attributesOf(log.attributes),
    resource,
    scope: { name: scope ? textOf(scope.name) : '', version: scope ? textOf(scope.version) : '' },
  };
}
