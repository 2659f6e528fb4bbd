import { gunzipSync } from 'node:zlib';
import protobuf from 'protobufjs';

export type Attributes = Record<string, unknown>;

/** A span as its sender described it; enums by number, times and 64-bit integers as decimal text. */
export interface WireSpan {
  traceId: string;
  spanId: string;
  /** Empty for a root. */
  parentSpanId: string;
  name: string;
  service: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  statusCode: number;
  statusMessage: string;
  attributes: Attributes;
  resource: Attributes;
  events: { name: string; timeUnixNano: string; attributes: Attributes }[];
  links: { traceId: string; spanId: string; attributes: Attributes }[];
}

// Field numbers from opentelemetry-proto 1.x, trace/v1 and common/v1: written here again so that tests do not share the service's reader.
const { root } = protobuf.parse(`syntax = "proto3";
message Request { repeated ResourceSpans resource_spans = 1; }
message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
message Resource { repeated KeyValue attributes = 1; }
message ScopeSpans { repeated Span spans = 2; }
message Span {
  bytes trace_id = 1; bytes span_id = 2; bytes parent_span_id = 4; string name = 5; int32 kind = 6;
  fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8; repeated KeyValue attributes = 9;
  repeated Event events = 11; repeated Link links = 13; Status status = 15;
}
message Event { fixed64 time_unix_nano = 1; string name = 2; repeated KeyValue attributes = 3; }
message Link { bytes trace_id = 1; bytes span_id = 2; repeated KeyValue attributes = 4; }
message Status { string message = 2; int32 code = 3; }
message KeyValue { string key = 1; AnyValue value = 2; }
message ArrayValue { repeated AnyValue values = 1; }
message KeyValueList { repeated KeyValue values = 1; }
message AnyValue { oneof value {
  string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4;
  ArrayValue array_value = 5; KeyValueList kvlist_value = 6; bytes bytes_value = 7;
} }`);
const requestType = root.lookupType('Request');

/** Spans of an OTLP/HTTP protobuf request. Throws on anything that is not one. */
export function decodeProtobuf(body: Buffer): WireSpan[] {
  const message = requestType.decode(body);
  return spansOf(requestType.toObject(message, { longs: String }), (id) =>
    Buffer.from(id as Uint8Array).toString('hex'),
  );
}

/** Spans of the messages of a gRPC call, each behind its prefix, as they are or in gzip. Throws on anything else. */
export function decodeGrpcMessages(raw: Buffer): WireSpan[] {
  if (raw.length === 0) return [];
  const end = 5 + raw.readUInt32BE(1);
  if (end > raw.length) throw new Error(`a message of ${end} bytes ends after ${raw.length}`);
  const body = raw.subarray(5, end);
  return [...decodeProtobuf(raw[0] === 1 ? gunzipSync(body) : body), ...decodeGrpcMessages(raw.subarray(end))];
}

/** Spans of an OTLP/HTTP JSON request. Throws on anything that is not one. */
export function decodeJson(body: Buffer): WireSpan[] {
  return spansOf(JSON.parse(body.toString()) as RequestJson, (id) => (id as string).toLowerCase());
}

type Id = string | Uint8Array;
interface AnyValueJson {
  stringValue?: string;
  boolValue?: boolean;
  intValue?: string | number;
  doubleValue?: number;
  arrayValue?: { values?: AnyValueJson[] };
  kvlistValue?: { values?: KeyValueJson[] };
}
interface KeyValueJson {
  key: string;
  value?: AnyValueJson;
}
interface SpanJson {
  traceId: Id;
  spanId: Id;
  parentSpanId?: Id;
  name?: string;
  kind?: number;
  startTimeUnixNano?: string | number;
  endTimeUnixNano?: string | number;
  attributes?: KeyValueJson[];
  events?: { name?: string; timeUnixNano?: string | number; attributes?: KeyValueJson[] }[];
  links?: { traceId: Id; spanId: Id; attributes?: KeyValueJson[] }[];
  status?: { code?: number; message?: string };
}
interface RequestJson {
  resourceSpans?: { resource?: { attributes?: KeyValueJson[] }; scopeSpans?: { spans?: SpanJson[] }[] }[];
}

function spansOf(request: RequestJson, id: (id: Id) => string): WireSpan[] {
  return (request.resourceSpans ?? []).flatMap(({ resource, scopeSpans }) => {
    const resourceAttributes = attributesOf(resource?.attributes);
    return (scopeSpans ?? []).flatMap(({ spans }) =>
      (spans ?? []).map((span) => ({
        traceId: id(span.traceId),
        spanId: id(span.spanId),
        parentSpanId: span.parentSpanId ? id(span.parentSpanId) : '',
        name: span.name ?? '',
        service: String(resourceAttributes['service.name']),
        kind: span.kind ?? 0,
        startTimeUnixNano: String(span.startTimeUnixNano ?? 0),
        endTimeUnixNano: String(span.endTimeUnixNano ?? 0),
        statusCode: span.status?.code ?? 0,
        statusMessage: span.status?.message ?? '',
        attributes: attributesOf(span.attributes),
        resource: resourceAttributes,
        events: (span.events ?? []).map((event) => ({
          name: event.name ?? '',
          timeUnixNano: String(event.timeUnixNano ?? 0),
          attributes: attributesOf(event.attributes),
        })),
        links: (span.links ?? []).map((link) => ({
          traceId: id(link.traceId),
          spanId: id(link.spanId),
          attributes: attributesOf(link.attributes),
        })),
      })),
    );
  });
}

function attributesOf(list: KeyValueJson[] | undefined): Attributes {
  return Object.fromEntries((list ?? []).map(({ key, value }) => [key, valueOf(value ?? {})]));
}

function valueOf(value: AnyValueJson): unknown {
  if (value.intValue !== undefined) return Number(value.intValue);
  if (value.arrayValue) return (value.arrayValue.values ?? []).map(valueOf);
  if (value.kvlistValue) return attributesOf(value.kvlistValue.values);
  return value.stringValue ?? value.boolValue ?? value.doubleValue ?? null;
}
