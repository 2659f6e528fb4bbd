import protobuf from 'protobufjs';
import type { RecordedLog } from '../recorded/log-files.js';
import type { SpanTable } from '../recorded/span-table.js';

const repeated = (type: string, id: number) => ({ rule: 'repeated' as const, type, id });
const field = (type: string, id: number) => ({ type, id });

// The parts of opentelemetry/proto/{collector/,}{trace,logs}/v1 that replayed and generated data use, with their field numbers.
const root = protobuf.Root.fromJSON({
  nested: {
    ExportTraceServiceRequest: { fields: { resourceSpans: repeated('ResourceSpans', 1) } },
    ResourceSpans: { fields: { resource: field('Resource', 1), scopeSpans: repeated('ScopeSpans', 2) } },
    Resource: { fields: { attributes: repeated('KeyValue', 1) } },
    KeyValue: { fields: { key: field('string', 1), value: field('AnyValue', 2) } },
    AnyValue: { fields: { stringValue: field('string', 1) } },
    ScopeSpans: { fields: { scope: field('InstrumentationScope', 1), spans: repeated('Span', 2) } },
    InstrumentationScope: { fields: { name: field('string', 1), version: field('string', 2) } },
    Span: {
      fields: {
        traceId: field('bytes', 1),
        spanId: field('bytes', 2),
        traceState: field('string', 3),
        parentSpanId: field('bytes', 4),
        name: field('string', 5),
        kind: field('int32', 6),
        startTimeUnixNano: field('fixed64', 7),
        endTimeUnixNano: field('fixed64', 8),
        events: repeated('Event', 11),
        links: repeated('Link', 13),
        status: field('SpanStatus', 15),
      },
    },
    Event: {
      fields: { timeUnixNano: field('fixed64', 1), name: field('string', 2), attributes: repeated('KeyValue', 3) },
    },
    SpanStatus: { fields: { message: field('string', 2), code: field('int32', 3) } },
    Link: { fields: { traceId: field('bytes', 1), spanId: field('bytes', 2) } },
    ExportLogsServiceRequest: { fields: { resourceLogs: repeated('ResourceLogs', 1) } },
    ResourceLogs: { fields: { resource: field('Resource', 1), scopeLogs: repeated('ScopeLogs', 2) } },
    ScopeLogs: { fields: { scope: field('InstrumentationScope', 1), logRecords: repeated('LogRecord', 2) } },
    LogRecord: {
      fields: {
        timeUnixNano: field('fixed64', 1),
        body: field('AnyValue', 5),
        traceId: field('bytes', 9),
        spanId: field('bytes', 10),
      },
    },
    ExportTraceServiceResponse: { fields: { partialSuccess: field('ExportTracePartialSuccess', 1) } },
    ExportTracePartialSuccess: { fields: { rejectedSpans: field('int64', 1), errorMessage: field('string', 2) } },
    Status: { fields: { code: field('int32', 1), message: field('string', 2) } },
  },
});

export const exportRequest = root.lookupType('ExportTraceServiceRequest');
export const exportLogsRequest = root.lookupType('ExportLogsServiceRequest');
export const exportResponse = root.lookupType('ExportTraceServiceResponse');
const status = root.lookupType('Status');

/** What a 200 answer says: how many spans (or log records: the same fields) were refused, and why. Throws when the answer is not OTLP. */
export function readResponse(body: Uint8Array): { rejectedSpans: number; message: string } {
  const { partialSuccess } = exportResponse.toObject(exportResponse.decode(body), { longs: Number }) as {
    partialSuccess?: { rejectedSpans?: number; errorMessage?: string };
  };
  return { rejectedSpans: partialSuccess?.rejectedSpans ?? 0, message: partialSuccess?.errorMessage ?? '' };
}

/** The message of an error answer (google.rpc.Status), or an empty text when there is none. */
export function readStatus(body: Uint8Array): string {
  try {
    return (status.toObject(status.decode(body)) as { message?: string }).message ?? '';
  } catch {
    return '';
  }
}

/** 64 bits as protobufjs takes them. */
interface Fixed64 {
  low: number;
  high: number;
  unsigned: true;
}

export const fixed64 = (value: bigint): Fixed64 => ({
  low: Number(BigInt.asIntN(32, value)),
  high: Number(BigInt.asIntN(32, value >> 32n)),
  unsigned: true,
});

/** The given rows as one ExportTraceServiceRequest, grouped by the pod that would have sent them, `shiftNs` later than recorded. */
export function encodeSpans(spans: SpanTable, kinds: Uint8Array, rows: ArrayLike<number>, shiftNs: bigint): Uint8Array {
  const byPod = new Map<number, { resource: object; scopeSpans: [{ scope: object; spans: object[] }] }>();
  const zeroNs = spans.baseNs + shiftNs;
  for (let i = 0; i < rows.length; i += 1) {
    const row = rows[i] ?? 0;
    const sender = spans.service(row) * spans.podNames.count + spans.pod(row);
    let group = byPod.get(sender);
    if (!group) {
      group = {
        resource: resourceOf(spans.serviceNames.name(spans.service(row)), spans.podNames.name(spans.pod(row))),
        scopeSpans: [{ scope: { name: 'tracehound-replay' }, spans: [] }],
      };
      byPod.set(sender, group);
    }
    group.scopeSpans[0].spans.push({
      traceId: spans.traceId(row),
      spanId: spans.spanId(row),
      ...(spans.isRoot(row) ? {} : { parentSpanId: spans.parentId(row) }),
      name: spans.operationNames.name(spans.operation(row)),
      kind: kinds[row],
      startTimeUnixNano: fixed64(zeroNs + BigInt(spans.startNs(row))),
      endTimeUnixNano: fixed64(zeroNs + BigInt(spans.endNs(row))),
    });
  }
  return exportRequest.encode({ resourceSpans: [...byPod.values()] }).finish();
}

/** Log lines as one ExportLogsServiceRequest, grouped by pod, `shiftNs` later than recorded; what a line says of its level stays in its text. */
export function encodeLogs(logs: readonly RecordedLog[], shiftNs: bigint): Uint8Array {
  const byPod = new Map<string, { resource: object; scopeLogs: [{ scope: object; logRecords: object[] }] }>();
  for (const { service, pod, timeNs, body, traceId, spanId } of logs) {
    const sender = `${service} ${pod}`;
    let group = byPod.get(sender);
    if (!group) {
      group = {
        resource: resourceOf(service, pod),
        scopeLogs: [{ scope: { name: 'tracehound-replay' }, logRecords: [] }],
      };
      byPod.set(sender, group);
    }
    group.scopeLogs[0].logRecords.push({
      timeUnixNano: fixed64(timeNs + shiftNs),
      body: { stringValue: body },
      traceId: Buffer.from(traceId, 'hex'),
      spanId: Buffer.from(spanId, 'hex'),
    });
  }
  return exportLogsRequest.encode({ resourceLogs: [...byPod.values()] }).finish();
}

function resourceOf(service: string, pod: string): { attributes: object[] } {
  const attributes = [{ key: 'service.name', value: { stringValue: service } }];
  if (pod) attributes.push({ key: 'k8s.pod.name', value: { stringValue: pod } });
  return { attributes };
}
