import { expect } from '@jest/globals';
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
    const { spans } = (await getJson(`${apiUrl}/api/v1/traces/${traceId}`)) as { spans: StoredSpan[] };
    const expected = sent.filter((span) => span.traceId === traceId);
    expect(spans.map((span) => asSent(traceId, span)).sort(bySpanId)).toEqual(expected.sort(bySpanId));
  }
}

/** A span as `GET /api/v1/traces/{traceId}` answers it. */
interface StoredSpan extends Omit<WireSpan, 'traceId' | 'endTimeUnixNano' | 'statusCode' | 'statusMessage'> {
  durationNs: number;
  status: { code: number; message: string };
}

function asSent(traceId: string, { durationNs, status, ...span }: StoredSpan): WireSpan {
  return {
    ...span,
    traceId,
    endTimeUnixNano: String(BigInt(span.startTimeUnixNano) + BigInt(durationNs)),
    statusCode: status.code,
    statusMessage: status.message,
  };
}

function bySpanId(a: WireSpan, b: WireSpan): number {
  return a.spanId < b.spanId ? -1 : 1;
}

async function getJson(url: string): Promise<unknown> {
  const response = await fetch(url);
  if (response.status !== 200) throw new Error(`GET ${url} answered ${response.status}: ${await response.text()}`);
  return response.json();
}
