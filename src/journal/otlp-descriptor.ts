import protobuf from 'protobufjs';

/**
 * The trace and log messages of opentelemetry-proto 1.11 as far as they are shown. Strings are read as bytes, so that invalid UTF-8 does not make a
 * stored span unreadable, and values one level at a time, so that the sender does not choose how deep the decoder recurses.
 */
const { root } = protobuf.parse(`
  syntax = "proto3";
  message ResourceHolder { Resource resource = 1; }
  message Resource { repeated KeyValue attributes = 1; }
  message ScopeHolder { Scope scope = 1; }
  message Scope { bytes name = 1; bytes version = 2; repeated KeyValue attributes = 3; }
  message Span {
    bytes trace_id = 1;
    bytes span_id = 2;
    bytes trace_state = 3;
    bytes parent_span_id = 4;
    bytes name = 5;
    int32 kind = 6;
    fixed64 start_time_unix_nano = 7;
    fixed64 end_time_unix_nano = 8;
    repeated KeyValue attributes = 9;
    repeated Event events = 11;
    repeated Link links = 13;
    Status status = 15;
  }
  message LogRecord {
    fixed64 time_unix_nano = 1;
    int32 severity_number = 2;
    bytes severity_text = 3;
    bytes body = 5;
    repeated KeyValue attributes = 6;
    fixed32 flags = 8;
    bytes trace_id = 9;
    bytes span_id = 10;
    fixed64 observed_time_unix_nano = 11;
    bytes event_name = 12;
  }
  message Event { fixed64 time_unix_nano = 1; bytes name = 2; repeated KeyValue attributes = 3; }
  message Link { bytes trace_id = 1; bytes span_id = 2; bytes trace_state = 3; repeated KeyValue attributes = 4; }
  message Status { bytes message = 2; int32 code = 3; }
  message KeyValue { bytes key = 1; bytes value = 2; }
  message KeyValues { repeated KeyValue values = 1; }
  message Values { repeated bytes values = 1; }
  message Value {
    oneof value {
      bytes string_value = 1;
      bool bool_value = 2;
      int64 int_value = 3;
      double double_value = 4;
      bytes array_value = 5;
      bytes kvlist_value = 6;
      bytes bytes_value = 7;
    }
  }
`);

export interface WireKeyValue {
  key: Uint8Array;
  value: Uint8Array;
}

/** What protobufjs makes of a 64-bit integer. */
export interface WireLong {
  toString(): string;
}

export interface WireSpan {
  traceId: Uint8Array;
  spanId: Uint8Array;
  traceState: Uint8Array;
  parentSpanId: Uint8Array;
  name: Uint8Array;
  kind: number;
  startTimeUnixNano: WireLong;
  endTimeUnixNano: WireLong;
  attributes: WireKeyValue[];
  events: { timeUnixNano: WireLong; name: Uint8Array; attributes: WireKeyValue[] }[];
  links: { traceId: Uint8Array; spanId: Uint8Array; traceState: Uint8Array; attributes: WireKeyValue[] }[];
  status: { message: Uint8Array; code: number } | null;
}

export interface WireScope {
  name: Uint8Array;
  version: Uint8Array;
  attributes: WireKeyValue[];
}

export interface WireLog {
  timeUnixNano: WireLong;
  severityNumber: number;
  severityText: Uint8Array;
  body: Uint8Array;
  attributes: WireKeyValue[];
  flags: number;
  traceId: Uint8Array;
  spanId: Uint8Array;
  observedTimeUnixNano: WireLong;
  eventName: Uint8Array;
}

export interface WireValue {
  value?: 'stringValue' | 'boolValue' | 'intValue' | 'doubleValue' | 'arrayValue' | 'kvlistValue' | 'bytesValue';
  stringValue: Uint8Array;
  boolValue: boolean;
  intValue: WireLong;
  doubleValue: number;
  arrayValue: Uint8Array;
  kvlistValue: Uint8Array;
  bytesValue: Uint8Array;
}

/** Decodes bytes that `scan` has accepted; the field values of a message that is not there are protobuf's defaults. */
function decoder<T>(message: string): (bytes: Uint8Array) => T {
  const type = root.lookupType(message);
  return (bytes) => type.decode(bytes) as unknown as T;
}

export const decodeSpan = decoder<WireSpan>('Span');
export const decodeLog = decoder<WireLog>('LogRecord');
export const decodeResource = decoder<{ resource: { attributes: WireKeyValue[] } | null }>('ResourceHolder');
export const decodeScope = decoder<{ scope: WireScope | null }>('ScopeHolder');
export const decodeValue = decoder<WireValue>('Value');
export const decodeValues = decoder<{ values: Uint8Array[] }>('Values');
export const decodeKeyValues = decoder<{ values: WireKeyValue[] }>('KeyValues');
