import { expect } from '@jest/globals';
import { SPAN_KIND } from '../../src/model/span.js';
import type { TraceView } from '../../src/query/traces-contract.js';
import type { WireSpan } from './otlp-decode.js';

/** Names of the services that the service knows. */
export async function knownServices(apiUrl: string): Promise<string[]> {
  const { services } = (await getJson(`${apiUrl}/api/v1/services`)) as { services: { name: string }[] };
  return services.map(({ name }) => name);
}

/**
 * Reads every trace of `sent` back and expects exactly the spans that were sent, with all they carried: none missing, none doubled,
 * none invented.
 */
export async function expectStored(apiUrl: string, sent: WireSpan[]): Promise<void> {
  for (const traceId of new Set(sent.map((span) => span.traceId))) {
    const { spans } = (await getJson(`${apiUrl}/api/v1/traces/${traceId}`)) as TraceView;
    const expected = sent.filter((span) => span.traceId === traceId);
    expect(spans.map((span) => asSent(traceId, span)).sort(bySpanId)).toEqual(expected.sort(bySpanId));
  }
}

type StoredSpan = TraceView['spans'][number];
const STATUS_CODES = ['unset', 'ok', 'error'];

function asSent(traceId: string, span: StoredSpan): WireSpan {
  return {
    traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId ?? '',
    name: span.name,
    service: span.service,
    kind: SPAN_KIND.indexOf(span.kind),
    startTimeUnixNano: span.startTimeUnixNano,
    endTimeUnixNano: span.endTimeUnixNano,
    statusCode: STATUS_CODES.indexOf(span.status.code),
    statusMessage: span.status.message,
    attributes: asObject(span.attributes),
    resource: asObject(span.resource),
    events: span.events.map((event) => ({ ...event, attributes: asObject(event.attributes) })),
    links: span.links.map((link) => ({
      traceId: link.traceId,
      spanId: link.spanId,
      attributes: asObject(link.attributes),
    })),
  };
}

function asObject(attributes: StoredSpan['attributes']): WireSpan['attributes'] {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, value]));
}

function bySpanId(a: WireSpan, b: WireSpan): number {
  return a.spanId < b.spanId ? -1 : 1;
}

async function getJson(url: string): Promise<unknown> {
  const response = await fetch(url);
  if (response.status !== 200) throw new Error(`GET ${url} answered ${response.status}: ${await response.text()}`);
  return response.json();
}
