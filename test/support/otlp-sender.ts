import { setTimeout as sleep } from 'node:timers/promises';
import type { Operation } from '../../src/model/operation.js';
import type { StructuralSpan } from '../../src/model/span.js';

/** What a service's resource says besides its name. */
export type ResourceOf = (service: string, span: StructuralSpan) => Record<string, string>;

/**
 * Sends spans as OTLP/JSON the way an exporter does: one request, repeated with the same bytes while the service is away or asks to
 * wait. Resolves only on 200 without rejected spans.
 */
export async function sendSpans(
  otlpUrl: () => string,
  spans: readonly StructuralSpan[],
  operations: ReadonlyMap<number, Operation>,
  resourceOf: ResourceOf = () => ({}),
  deadlineMs = 60_000,
): Promise<void> {
  if (spans.length === 0) return;
  const body = JSON.stringify(requestOf(spans, operations, resourceOf));
  const until = Date.now() + deadlineMs;
  for (;;) {
    const answer = await fetch(`${otlpUrl()}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      signal: AbortSignal.timeout(20_000),
    }).catch(() => null);
    if (answer?.status === 200) {
      const text = await answer.text();
      if (text !== '{}') throw new Error(`not all spans were taken: ${text}`);
      return;
    }
    if (answer !== null && ![429, 502, 503, 504].includes(answer.status)) {
      throw new Error(`spans were refused with ${answer.status}: ${await answer.text()}`);
    }
    if (Date.now() > until) throw new Error(`the service did not take spans for ${deadlineMs / 1000} s`);
    await sleep(100);
  }
}

function requestOf(
  spans: readonly StructuralSpan[],
  operations: ReadonlyMap<number, Operation>,
  resourceOf: ResourceOf,
): unknown {
  const byResource = new Map<string, unknown[]>();
  for (const span of spans) {
    const { service, name, kind } = operations.get(span.operationId)!;
    const resource = JSON.stringify({ 'service.name': service, ...resourceOf(service, span) });
    if (!byResource.has(resource)) byResource.set(resource, []);
    byResource.get(resource)!.push({
      traceId: span.traceId,
      spanId: span.spanId,
      parentSpanId: span.parentSpanId,
      name,
      kind,
      startTimeUnixNano: `${span.startUs}000`,
      endTimeUnixNano: `${span.endUs}000`,
      ...(span.links === undefined ? {} : { links: span.links }),
      status: span.isError ? { code: 2, message: 'planted' } : {},
    });
  }
  return {
    resourceSpans: [...byResource].map(([resource, list]) => ({
      resource: {
        attributes: Object.entries(JSON.parse(resource) as Record<string, string>).map(([key, stringValue]) => ({
          key,
          value: { stringValue },
        })),
      },
      scopeSpans: [{ scope: { name: 'shop' }, spans: list }],
    })),
  };
}
