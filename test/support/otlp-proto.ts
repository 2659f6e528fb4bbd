import { randomBytes } from 'node:crypto';
import protobuf from 'protobufjs';

// opentelemetry-proto 1.11, trace/v1 with what it needs: written down a second time, so that tests do not share the service's reader.
const { root } = protobuf.parse(`
  syntax = "proto3";
  message ExportTraceServiceRequest { repeated ResourceSpans resource_spans = 1; }
  message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; string schema_url = 3; }
  message Resource { repeated KeyValue attributes = 1; uint32 dropped_attributes_count = 2; }
  message ScopeSpans { Scope scope = 1; repeated Span spans = 2; string schema_url = 3; }
  message Scope { string name = 1; string version = 2; repeated KeyValue attributes = 3; uint32 dropped_attributes_count = 4; }
  message Span {
    bytes trace_id = 1;
    bytes span_id = 2;
    string trace_state = 3;
    bytes parent_span_id = 4;
    string name = 5;
    int32 kind = 6;
    fixed64 start_time_unix_nano = 7;
    fixed64 end_time_unix_nano = 8;
    repeated KeyValue attributes = 9;
    uint32 dropped_attributes_count = 10;
    repeated Event events = 11;
    uint32 dropped_events_count = 12;
    repeated Link links = 13;
    uint32 dropped_links_count = 14;
    Status status = 15;
    fixed32 flags = 16;
  }
  message Event { fixed64 time_unix_nano = 1; string name = 2; repeated KeyValue attributes = 3; uint32 dropped_attributes_count = 4; }
  message Link {
    bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; repeated KeyValue attributes = 4;
    uint32 dropped_attributes_count = 5; fixed32 flags = 6;
  }
  message Status { string message = 2; int32 code = 3; }
  message ExportLogsServiceRequest { repeated ResourceLogs resource_logs = 1; }
  message ResourceLogs { Resource resource = 1; repeated ScopeLogs scope_logs = 2; string schema_url = 3; }
  message ScopeLogs { Scope scope = 1; repeated LogRecord log_records = 2; string schema_url = 3; }
  message LogRecord {
    fixed64 time_unix_nano = 1; int32 severity_number = 2; string severity_text = 3; AnyValue body = 5;
    repeated KeyValue attributes = 6; uint32 dropped_attributes_count = 7; fixed32 flags = 8;
    bytes trace_id = 9; bytes span_id = 10; fixed64 observed_time_unix_nano = 11; string event_name = 12;
  }
  message ExportLogsServiceResponse { LogsPartialSuccess partial_success = 1; }
  message LogsPartialSuccess { int64 rejected_log_records = 1; string error_message = 2; }
  message KeyValue { string key = 1; AnyValue value = 2; }
  message ArrayValue { repeated AnyValue values = 1; }
  message KeyValueList { repeated KeyValue values = 1; }
  message AnyValue {
    oneof value {
      string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4;
      ArrayValue array_value = 5; KeyValueList kvlist_value = 6; bytes bytes_value = 7;
    }
  }
  message RpcStatus { int32 code = 1; string message = 2; repeated RpcAny details = 3; }
  message RpcAny { string type_url = 1; bytes value = 2; }
  message ExportTraceServiceResponse { PartialSuccess partial_success = 1; }
  message PartialSuccess { int64 rejected_spans = 1; string error_message = 2; }
`);

// For writing only: tests send what is nested deeper than protobufjs would read.
protobuf.util.recursionLimit = 1_000;

/** A message of OTLP by its name, for encoding and decoding. */
export function otlpType(name: string): protobuf.Type {
  return root.lookupType(name);
}

export type AnyValue =
  | { stringValue: string }
  | { boolValue: boolean }
  | { intValue: string }
  | { doubleValue: number }
  | { bytesValue: Uint8Array }
  | { arrayValue: { values: AnyValue[] } }
  | { kvlistValue: { values: KeyValue[] } };

export interface KeyValue {
  key: string;
  value: AnyValue;
}

export interface SpanFields {
  traceId: Uint8Array;
  spanId: Uint8Array;
  traceState?: string;
  parentSpanId?: Uint8Array;
  name: string;
  kind?: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes?: KeyValue[];
  events?: { timeUnixNano: string; name: string; attributes?: KeyValue[] }[];
  links?: { traceId: Uint8Array; spanId: Uint8Array; traceState?: string; attributes?: KeyValue[] }[];
  status?: { code: number; message?: string };
}

export interface ResourceSpansFields {
  resource?: { attributes: KeyValue[] };
  scopeSpans: { scope?: { name: string; version?: string }; spans: SpanFields[] }[];
}

export const text = (key: string, stringValue: string): KeyValue => ({ key, value: { stringValue } });

/** An ExportTraceServiceRequest; 64-bit integers are given in decimal. */
export function encodeRequest(resourceSpans: ResourceSpansFields[]): Buffer {
  const type = otlpType('ExportTraceServiceRequest');
  return Buffer.from(type.encode(type.fromObject({ resourceSpans })).finish());
}

/** A request of one service. */
export function requestOf(service: string, spans: SpanFields[]): Buffer {
  return encodeRequest([
    {
      resource: { attributes: [text('service.name', service)] },
      scopeSpans: [{ scope: { name: 'test', version: '1' }, spans }],
    },
  ]);
}

/** A span that ended at `endMs` after 20 ms, with random ids, and what is given instead. */
export function span(endMs: number, fields: Partial<SpanFields> = {}): SpanFields {
  const endNs = BigInt(Math.round(endMs * 1_000)) * 1_000n;
  return {
    traceId: randomBytes(16),
    spanId: randomBytes(8),
    name: 'GET /cart',
    kind: 2,
    startTimeUnixNano: String(endNs - 20_000_000n),
    endTimeUnixNano: String(endNs),
    ...fields,
  };
}

export interface LogFields {
  timeUnixNano?: string;
  observedTimeUnixNano?: string;
  severityNumber?: number;
  severityText?: string;
  body?: AnyValue;
  attributes?: KeyValue[];
  traceId?: Uint8Array;
  spanId?: Uint8Array;
  eventName?: string;
}

/** An ExportLogsServiceRequest of one service. */
export function logsOf(service: string, logRecords: LogFields[]): Buffer {
  const type = otlpType('ExportLogsServiceRequest');
  const scopeLogs = [{ scope: { name: 'test', version: '1' }, logRecords }];
  const resource = { attributes: [text('service.name', service)] };
  return Buffer.from(type.encode(type.fromObject({ resourceLogs: [{ resource, scopeLogs }] })).finish());
}
