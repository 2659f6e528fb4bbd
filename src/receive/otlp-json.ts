import protobuf from 'protobufjs/minimal.js';
import {
  MAX_INT32,
  MAX_INT64,
  MAX_UINT32,
  MAX_UINT64,
  MIN_INT32,
  MIN_INT64,
  NotOtlpJson,
  base64,
  double,
  integer,
  isObject,
  locating,
  type JsonObject,
} from './json-values.js';
import { parseLossless } from './lossless-json.js';

type Writer = protobuf.Writer;

const VARINT = 0;
const FIXED64 = 1;
const LEN = 2;
const FIXED32 = 5;
const tag = (field: number, type: number) => (field << 3) | type;

/** An id that no receiver accepts: it makes the span be rejected by itself. */
const INVALID_ID = Uint8Array.of(0);
/** Top level field of each signal that is taken. */
const SIGNALS = { traces: 'resourceSpans', logs: 'resourceLogs' } as const;
export type JsonSignal = keyof typeof SIGNALS;
/** What people send to the wrong address by mistake; anything else that is unknown is ignored, as the specification asks. */
const MISTAKES: Record<string, string> = {
  resourceSpans: 'traces',
  resourceLogs: 'logs',
  resourceMetrics: 'metrics',
  resourceProfiles: 'profiles',
  resource_spans: 'snake_case names',
  resource_logs: 'snake_case names',
};

/**
 * An OTLP/JSON request as the protobuf message it stands for. Values nested deeper than `maxDepth` are cut off just below, so that the
 * span or record is rejected like its protobuf twin. Throws NotOtlpJson, or SyntaxError when it is not JSON at all.
 */
export function protobufFromJson(text: string, maxDepth: number, signal: JsonSignal = 'traces'): Buffer {
  const request = parseLossless(text);
  if (!isObject(request)) throw new NotOtlpJson('the body is not a JSON object');
  if (request[SIGNALS[signal]] === undefined) {
    for (const [field, what] of Object.entries(MISTAKES)) {
      if (Object.hasOwn(request, field))
        throw new NotOtlpJson(`holds ${what}; this address takes ${signal} in OTLP/JSON`).within(field);
    }
  }
  const encoder = new Encoder(maxDepth);
  return Buffer.from(signal === 'traces' ? encoder.traces(request) : encoder.logs(request));
}

class Encoder {
  private readonly out: Writer = protobuf.Writer.create();

  constructor(private readonly maxDepth: number) {}

  traces(request: JsonObject): Uint8Array {
    return this.request(request, ['resourceSpans', 'scopeSpans', 'spans'], (span) => this.span(span));
  }

  logs(request: JsonObject): Uint8Array {
    return this.request(request, ['resourceLogs', 'scopeLogs', 'logRecords'], (record) => this.logRecord(record));
  }

  /** Requests of all signals have the same three levels, with the same field numbers. */
  private request(
    request: JsonObject,
    [outer, inner, items]: readonly [string, string, string],
    write: (item: JsonObject) => void,
  ): Uint8Array {
    this.messages(1, request, outer, (ofResource) => {
      this.message(1, ofResource, 'resource', (resource) => this.resource(resource));
      this.messages(2, ofResource, inner, (ofScope) => {
        this.message(1, ofScope, 'scope', (scope) => this.scope(scope));
        this.messages(2, ofScope, items, write);
        this.text(3, ofScope, 'schemaUrl');
      });
      this.text(3, ofResource, 'schemaUrl');
    });
    return this.out.finish();
  }

  private resource(resource: JsonObject): void {
    this.attributes(1, resource);
    this.uint32(2, resource, 'droppedAttributesCount');
  }

  private scope(scope: JsonObject): void {
    this.text(1, scope, 'name');
    this.text(2, scope, 'version');
    this.attributes(3, scope);
    this.uint32(4, scope, 'droppedAttributesCount');
  }

  private span(span: JsonObject): void {
    this.id(1, span, 'traceId');
    this.id(2, span, 'spanId');
    this.text(3, span, 'traceState');
    this.id(4, span, 'parentSpanId');
    this.text(5, span, 'name');
    this.enumeration(6, span, 'kind');
    this.nanoseconds(7, span, 'startTimeUnixNano');
    this.nanoseconds(8, span, 'endTimeUnixNano');
    this.attributes(9, span);
    this.uint32(10, span, 'droppedAttributesCount');
    this.messages(11, span, 'events', (event) => {
      this.nanoseconds(1, event, 'timeUnixNano');
      this.text(2, event, 'name');
      this.attributes(3, event);
      this.uint32(4, event, 'droppedAttributesCount');
    });
    this.uint32(12, span, 'droppedEventsCount');
    this.messages(13, span, 'links', (link) => {
      this.id(1, link, 'traceId');
      this.id(2, link, 'spanId');
      this.text(3, link, 'traceState');
      this.attributes(4, link);
      this.uint32(5, link, 'droppedAttributesCount');
      this.flags(6, link);
    });
    this.uint32(14, span, 'droppedLinksCount');
    this.message(15, span, 'status', (status) => {
      this.text(2, status, 'message');
      this.enumeration(3, status, 'code');
    });
    this.flags(16, span);
  }

  private logRecord(record: JsonObject): void {
    this.nanoseconds(1, record, 'timeUnixNano');
    this.enumeration(2, record, 'severityNumber');
    this.text(3, record, 'severityText');
    this.message(5, record, 'body', (body) => this.anyValue(body, 0));
    this.attributes(6, record);
    this.uint32(7, record, 'droppedAttributesCount');
    this.flags(8, record);
    this.id(9, record, 'traceId');
    this.id(10, record, 'spanId');
    this.nanoseconds(11, record, 'observedTimeUnixNano');
    this.text(12, record, 'eventName');
  }

  private attributes(field: number, owner: JsonObject): void {
    this.messages(field, owner, 'attributes', (pair) => this.keyValue(pair, 0));
  }

  private keyValue(pair: JsonObject, depth: number): void {
    this.text(1, pair, 'key');
    this.message(2, pair, 'value', (value) => this.anyValue(value, depth));
  }

  private anyValue(value: JsonObject, depth: number): void {
    this.text(1, value, 'stringValue', true);
    this.given(value, 'boolValue', (given) => {
      if (typeof given !== 'boolean') throw new NotOtlpJson('is not true or false');
      this.out.uint32(tag(2, VARINT)).bool(given);
    });
    this.given(value, 'intValue', (given) => {
      this.out.uint32(tag(3, VARINT)).int64(integer(given, MIN_INT64, MAX_INT64).toString());
    });
    this.given(value, 'doubleValue', (given) => this.out.uint32(tag(4, FIXED64)).double(double(given)));
    this.message(5, value, 'arrayValue', (array) => {
      if (depth > this.maxDepth) return;
      this.messages(1, array, 'values', (inner) => this.anyValue(inner, depth + 1));
    });
    this.message(6, value, 'kvlistValue', (list) => {
      if (depth > this.maxDepth) return;
      this.messages(1, list, 'values', (inner) => this.keyValue(inner, depth + 1));
    });
    this.given(value, 'bytesValue', (given) => this.out.uint32(tag(7, LEN)).bytes(base64(given)));
  }

  private message(field: number, owner: JsonObject, name: string, write: (value: JsonObject) => void): void {
    this.given(owner, name, (given) => this.nested(field, given, write));
  }

  private messages(field: number, owner: JsonObject, name: string, write: (value: JsonObject) => void): void {
    this.given(owner, name, (given) => {
      if (!Array.isArray(given)) throw new NotOtlpJson('is not an array');
      given.forEach((item: unknown, i) => locating(`[${i}]`, () => this.nested(field, item, write)));
    });
  }

  private nested(field: number, value: unknown, write: (value: JsonObject) => void): void {
    if (!isObject(value)) throw new NotOtlpJson('is not an object');
    this.out.uint32(tag(field, LEN)).fork();
    write(value);
    this.out.ldelim();
  }

  private text(field: number, owner: JsonObject, name: string, keepsEmpty = false): void {
    this.given(owner, name, (given) => {
      if (typeof given !== 'string') throw new NotOtlpJson('is not a string');
      // By way of Buffer, which makes U+FFFD of lone surrogates.
      if (given !== '' || keepsEmpty) this.out.uint32(tag(field, LEN)).bytes(Buffer.from(given));
    });
  }

  private id(field: number, owner: JsonObject, name: string): void {
    this.given(owner, name, (given) => {
      if (typeof given !== 'string') throw new NotOtlpJson('is not a string');
      if (given === '') return;
      const isHex = given.length % 2 === 0 && given.length <= 64 && /^[0-9a-f]+$/i.test(given);
      this.out.uint32(tag(field, LEN)).bytes(isHex ? Buffer.from(given, 'hex') : INVALID_ID);
    });
  }

  private enumeration(field: number, owner: JsonObject, name: string): void {
    this.given(owner, name, (given) => {
      if (typeof given !== 'number') throw new NotOtlpJson('is not an integer (OTLP/JSON takes enum values by number)');
      this.out.uint32(tag(field, VARINT)).int32(Number(integer(given, MIN_INT32, MAX_INT32)));
    });
  }

  private nanoseconds(field: number, owner: JsonObject, name: string): void {
    this.given(owner, name, (given) => {
      this.out.uint32(tag(field, FIXED64)).fixed64(integer(given, 0n, MAX_UINT64).toString());
    });
  }

  private uint32(field: number, owner: JsonObject, name: string): void {
    this.given(owner, name, (given) => {
      this.out.uint32(tag(field, VARINT)).uint32(Number(integer(given, 0n, MAX_UINT32)));
    });
  }

  private flags(field: number, owner: JsonObject): void {
    this.given(owner, 'flags', (given) => {
      this.out.uint32(tag(field, FIXED32)).fixed32(Number(integer(given, 0n, MAX_UINT32)));
    });
  }

  /** Calls `write` unless the field is missing or null, which both mean its default. */
  private given(owner: JsonObject, name: string, write: (value: unknown) => void): void {
    const value = owner[name];
    if (value !== undefined && value !== null) locating(name, () => write(value));
  }
}
