import type { Operation } from '../../src/model/operation.js';
import { exportRequest, fixed64 } from '../../tools/replay/otlp.js';
import type { GeneratedSpan } from './trace.js';

const ERROR = 2;

/**
 * Spans as one ExportTraceServiceRequest, by the process that would have sent them, `shiftMs` later than generated: with service, instance
 * and version, sampling threshold, link, status, and an exception event on what failed.
 */
export function encodeGenerated(
  spans: readonly GeneratedSpan[],
  operations: ReadonlyMap<number, Operation>,
  shiftMs: number,
): Uint8Array {
  const byInstance = new Map<string, { resource: object; scopeSpans: [{ scope: object; spans: object[] }] }>();
  for (const span of spans) {
    const operation = operations.get(span.operationId)!;
    const sender = `${span.instance.name}|${span.instance.version}`;
    let group = byInstance.get(sender);
    if (group === undefined) {
      const resource = {
        attributes: attributes({
          'service.name': operation.service,
          'service.version': span.instance.version,
          'service.instance.id': span.instance.name,
          'k8s.pod.name': span.instance.name,
        }),
      };
      group = { resource, scopeSpans: [{ scope: { name: 'tracehound-generator' }, spans: [] }] };
      byInstance.set(sender, group);
    }
    group.scopeSpans[0].spans.push(encoded(span, operation.name, shiftMs));
  }
  return exportRequest.encode({ resourceSpans: [...byInstance.values()] }).finish();
}

function encoded(span: GeneratedSpan, name: string, shiftMs: number): object {
  const nano = (us: number) => fixed64((BigInt(us) + BigInt(shiftMs) * 1_000n) * 1_000n);
  const endTimeUnixNano = nano(span.endUs);
  return {
    traceId: Buffer.from(span.traceId, 'hex'),
    spanId: Buffer.from(span.spanId, 'hex'),
    ...(span.parentSpanId === '' ? {} : { parentSpanId: Buffer.from(span.parentSpanId, 'hex') }),
    ...(span.sampling === 1 ? {} : { traceState: `ot=th:${threshold(span.sampling)}` }),
    name,
    kind: span.kind,
    startTimeUnixNano: nano(span.startUs),
    endTimeUnixNano,
    links: (span.links ?? []).map(({ traceId, spanId }) => ({
      traceId: Buffer.from(traceId, 'hex'),
      spanId: Buffer.from(spanId, 'hex'),
    })),
    ...(span.isError
      ? { status: { code: ERROR, message: span.failure }, events: [exception(span, endTimeUnixNano)] }
      : {}),
  };
}

function exception(span: GeneratedSpan, timeUnixNano: object): object {
  const [type = '', message = ''] = span.failure.includes(': ') ? span.failure.split(': ') : ['Error', span.failure];
  return {
    timeUnixNano,
    name: 'exception',
    attributes: attributes({ 'exception.type': type, 'exception.message': message }),
  };
}

/** Rejection threshold of consistent probability sampling for a power of two down to 1/16: its first digit says it all. */
function threshold(sampling: number): string {
  return (16 - 16 * sampling).toString(16);
}

function attributes(values: Record<string, string>): object[] {
  return Object.entries(values).map(([key, stringValue]) => ({ key, value: { stringValue } }));
}
