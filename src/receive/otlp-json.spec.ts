import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { otlpType } from '../../test/support/otlp-proto.js';
import { parseLossless } from './lossless-json.js';
import { NotOtlpJson } from './json-values.js';
import { protobufFromJson } from './otlp-json.js';

const inSpan = (fields: string) => `{"resourceSpans":[{"scopeSpans":[{"spans":[{${fields}}]}]}]}`;
const inValue = (value: string) => inSpan(`"attributes":[{"key":"k","value":${value}}]`);

/** The first span that the JSON stands for. */
function spanOf(json: string): Record<string, unknown> {
  const type = otlpType('ExportTraceServiceRequest');
  const message = type.toObject(type.decode(protobufFromJson(json, 64)), { longs: String, bytes: String }) as {
    resourceSpans: { scopeSpans: { spans: Record<string, unknown>[] }[] }[];
  };
  return message.resourceSpans[0]!.scopeSpans[0]!.spans[0]!;
}

describe('protobufFromJson', () => {
  it.each([
    {
      name: 'ids in either case',
      json: '"traceId":"ABCDEF00112233445566778899aabbcc","spanId":"00f067aa0ba902b7"',
      expected: {
        traceId: Buffer.from('abcdef00112233445566778899aabbcc', 'hex').toString('base64'),
        spanId: 'APBnqgupArc=',
      },
    },
    { name: 'an id that is not hex', json: '"traceId":"xyz"', expected: { traceId: 'AA==' } },
    { name: 'an id of odd length', json: '"parentSpanId":"abc"', expected: { parentSpanId: 'AA==' } },
    { name: 'an empty parent', json: '"parentSpanId":""', expected: {} },
    {
      name: 'nanoseconds as a string',
      json: '"startTimeUnixNano":"1544712661000000123"',
      expected: { startTimeUnixNano: '1544712661000000123' },
    },
    {
      name: 'nanoseconds as a number',
      json: '"endTimeUnixNano":1544712661000000123',
      expected: { endTimeUnixNano: '1544712661000000123' },
    },
    {
      name: 'the largest nanoseconds',
      json: '"endTimeUnixNano":18446744073709551615',
      expected: { endTimeUnixNano: '18446744073709551615' },
    },
    {
      name: 'a number with an exponent',
      json: '"endTimeUnixNano":15e17',
      expected: { endTimeUnixNano: '1500000000000000000' },
    },
    { name: 'a kind', json: '"kind":3', expected: { kind: 3 } },
    { name: 'an unknown kind', json: '"kind":99', expected: { kind: 99 } },
    {
      name: 'null everywhere',
      json: '"traceId":null,"name":null,"kind":null,"attributes":null,"status":null,"flags":null',
      expected: {},
    },
    {
      name: 'unknown fields',
      json: '"fromTheFuture":[{"a":1}],"__proto__":{"name":"x"},"constructor":"y"',
      expected: {},
    },
    { name: 'a repeated key, the last of which counts', json: '"name":"a","name":"b"', expected: { name: 'b' } },
    { name: 'a status', json: '"status":{"code":2,"message":"m"}', expected: { status: { code: 2, message: 'm' } } },
    { name: 'flags', json: '"flags":257', expected: { flags: 257 } },
    {
      name: 'long digits in a string',
      json: '"name":"n 12345678901234567890 \\" 12345678901234567890"',
      expected: { name: 'n 12345678901234567890 " 12345678901234567890' },
    },
    { name: 'a lone surrogate', json: '"name":"a\\ud800b"', expected: { name: 'a\ufffdb' } },
    { name: 'NUL', json: '"name":"a\\u0000b"', expected: { name: 'a\0b' } },
  ])('reads $name', ({ json, expected }) => {
    expect(spanOf(inSpan(json))).toEqual(expected);
  });

  it.each([
    { json: '{"stringValue":""}', expected: { stringValue: '' } },
    { json: '{"stringValue":"x"}', expected: { stringValue: 'x' } },
    { json: '{"boolValue":false}', expected: { boolValue: false } },
    { json: '{"intValue":"-9223372036854775808"}', expected: { intValue: '-9223372036854775808' } },
    { json: '{"intValue":9223372036854775807}', expected: { intValue: '9223372036854775807' } },
    { json: '{"intValue":-1}', expected: { intValue: '-1' } },
    { json: '{"intValue":1.0}', expected: { intValue: '1' } },
    { json: '{"doubleValue":-0.5}', expected: { doubleValue: -0.5 } },
    { json: '{"doubleValue":12345678901234567890}', expected: { doubleValue: 12345678901234567890 } },
    { json: '{"doubleValue":"1e-3"}', expected: { doubleValue: 0.001 } },
    { json: '{"doubleValue":"Infinity"}', expected: { doubleValue: Infinity } },
    { json: '{"bytesValue":"_-8="}', expected: { bytesValue: '/+8=' } },
    { json: '{}', expected: {} },
    {
      json: '{"arrayValue":{"values":[{"intValue":"1"},{}]}}',
      expected: { arrayValue: { values: [{ intValue: '1' }, {}] } },
    },
    {
      json: '{"kvlistValue":{"values":[{"key":"__proto__","value":{"boolValue":true}}]}}',
      expected: { kvlistValue: { values: [{ key: '__proto__', value: { boolValue: true } }] } },
    },
  ])('reads the value $json', ({ json, expected }) => {
    expect(spanOf(inValue(json))).toEqual({ attributes: [{ key: 'k', value: expected }] });
  });

  it.each([
    { name: 'an array', json: '[]', message: 'the body is not a JSON object' },
    { name: 'null', json: 'null', message: 'the body is not a JSON object' },
    { name: 'an object for an array', json: '{"resourceSpans":{}}', message: 'resourceSpans is not an array' },
    { name: 'null in an array', json: '{"resourceSpans":[null]}', message: 'resourceSpans.[0] is not an object' },
    { name: 'an enum name', json: inSpan('"kind":"SPAN_KIND_SERVER"'), message: 'kind is not an integer' },
    { name: 'a fraction', json: inSpan('"startTimeUnixNano":1.5'), message: 'startTimeUnixNano is not an integer' },
    {
      name: 'a negative time',
      json: inSpan('"startTimeUnixNano":"-1"'),
      message: 'startTimeUnixNano is not between 0 and',
    },
    {
      name: 'more than 64 bits',
      json: inSpan('"startTimeUnixNano":"18446744073709551616"'),
      message: 'is not between 0 and',
    },
    { name: 'an infinite time', json: inSpan('"startTimeUnixNano":1e400'), message: 'is not an integer' },
    { name: 'a number for a name', json: inSpan('"name":1'), message: 'name is not a string' },
    { name: 'a number for an id', json: inSpan('"traceId":12'), message: 'traceId is not a string' },
    {
      name: 'attributes as an object',
      json: inSpan('"attributes":{"a":"b"}'),
      message: 'spans.[0].attributes is not an array',
    },
    { name: 'text for a truth', json: inValue('{"boolValue":"true"}'), message: 'boolValue is not true or false' },
    { name: 'text for a number', json: inValue('{"doubleValue":"fast"}'), message: 'doubleValue is not a number' },
    { name: 'bad base64', json: inValue('{"bytesValue":"*"}'), message: 'bytesValue is not base64' },
    { name: 'logs', json: '{"resourceLogs":[]}', message: 'resourceLogs holds logs' },
    { name: 'snake case', json: '{"resource_spans":[]}', message: 'resource_spans holds snake_case names' },
  ])('refuses $name and says where', ({ json, message }) => {
    expect(() => protobufFromJson(json, 64)).toThrow(NotOtlpJson);
    expect(() => protobufFromJson(json, 64)).toThrow(message);
  });

  it('does not recurse below the limit', () => {
    const deep = `${'{"kvlistValue":{"values":[{"key":"k","value":'.repeat(20_000)}{}${'}]}}'.repeat(20_000)}`;
    expect(protobufFromJson(inValue(deep), 3).length).toBeLessThan(200);
  });
});

describe('parseLossless', () => {
  it('is JSON.parse for everything without long integers', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.nat(3), (value, indent) => {
        const json = JSON.stringify(value, null, indent);
        fc.pre(!/\d{16}/.test(json));
        expect(parseLossless(json)).toEqual(JSON.parse(json));
      }),
    );
  });

  it('keeps strings with digits, quotes and backslashes', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: fc.constantFrom('"', '\\', '1', '9', ':', ' ', '{') })), (strings) => {
        expect(parseLossless(JSON.stringify(strings))).toEqual(strings);
      }),
    );
  });

  it.each([
    { json: '[1544712661000000123,-1544712661000000123]', expected: ['1544712661000000123', '-1544712661000000123'] },
    { json: '{"a": 1544712661000000123}', expected: { a: '1544712661000000123' } },
    { json: '999999999999999', expected: 999999999999999 },
    { json: '1234567890.1234567', expected: 1234567890.1234567 },
    { json: '1234567890123456e2', expected: 1234567890123456e2 },
  ])('reads $json', ({ json, expected }) => {
    expect(parseLossless(json)).toEqual(expected);
  });

  it.each([
    '{1544712661000000123:1}',
    '{1544712661000000123 : 1}',
    '[01544712661000000123]',
    '[1544712661000000123x]',
    '[1544712661000000123',
    '"unfinished \\',
    '-',
    '[1544712661000000123 1]',
    '',
  ])('refuses %j as JSON.parse does', (json) => {
    expect(() => parseLossless(json)).toThrow(SyntaxError);
  });
});
