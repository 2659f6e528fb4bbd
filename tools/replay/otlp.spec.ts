import { describe, expect, it } from '@jest/globals';
import protobuf from 'protobufjs';
import {
  encodeLogs,
  encodeSpans,
  exportLogsRequest,
  exportRequest,
  exportResponse,
  readResponse,
  readStatus,
} from './otlp.js';
import { SpanTable } from '../recorded/span-table.js';

const row = {
  traceId: '0123456789abcdef0123456789abcdef',
  spanId: '00f067aa0ba902b7',
  parentId: '',
  service: 'cart',
  operation: 'GetCart',
  pod: 'cart-1',
  startNs: 1_661_140_374_351_773_094n,
  endNs: 1_661_140_374_362_982_609n,
};

function decode(bytes: Uint8Array): unknown {
  return exportRequest.toObject(exportRequest.decode(bytes), { longs: String, bytes: String });
}
const base64 = (hex: string): string => Buffer.from(hex, 'hex').toString('base64');

describe('encodeLogs', () => {
  it('groups by pod, keeps the span that a line belongs to and shifts times exactly', () => {
    const line = { ...row, timeNs: row.startNs, body: 'ERROR no such cart' };
    const bytes = encodeLogs([line, { ...line, pod: 'cart-2' }, { ...line, body: 'again' }], 1n);
    const record = (stringValue: string) => ({
      timeUnixNano: '1661140374351773095',
      body: { stringValue },
      traceId: base64(row.traceId),
      spanId: base64(row.spanId),
    });
    const group = (pod: string, ...texts: string[]) => ({
      resource: {
        attributes: [
          { key: 'service.name', value: { stringValue: 'cart' } },
          { key: 'k8s.pod.name', value: { stringValue: pod } },
        ],
      },
      scopeLogs: [{ scope: { name: 'tracehound-replay' }, logRecords: texts.map(record) }],
    });
    const decoded = exportLogsRequest.toObject(exportLogsRequest.decode(bytes), { longs: String, bytes: String });
    expect(decoded).toEqual({
      resourceLogs: [group('cart-1', 'ERROR no such cart', 'again'), group('cart-2', 'ERROR no such cart')],
    });
  });
});

describe('encodeSpans', () => {
  it('groups by pod and shifts times exactly', () => {
    const spans = new SpanTable();
    spans.add(row);
    spans.add({ ...row, spanId: '1'.repeat(16), parentId: row.spanId, operation: 'SELECT' });
    spans.add({ ...row, spanId: '2'.repeat(16), parentId: row.spanId, service: 'pay', pod: '' });
    const attribute = (key: string, stringValue: string) => ({ key, value: { stringValue } });
    const scope = { name: 'tracehound-replay' };
    const times = { startTimeUnixNano: '1661140374351773095', endTimeUnixNano: '1661140374362982610' };
    const traceId = base64(row.traceId);
    expect(decode(encodeSpans(spans, Uint8Array.of(2, 1, 3), [0, 1, 2], 1n))).toEqual({
      resourceSpans: [
        {
          resource: { attributes: [attribute('service.name', 'cart'), attribute('k8s.pod.name', 'cart-1')] },
          scopeSpans: [
            {
              scope,
              spans: [
                { traceId, spanId: base64(row.spanId), name: 'GetCart', kind: 2, ...times },
                {
                  traceId,
                  spanId: base64('1'.repeat(16)),
                  parentSpanId: base64(row.spanId),
                  name: 'SELECT',
                  kind: 1,
                  ...times,
                },
              ],
            },
          ],
        },
        {
          resource: { attributes: [attribute('service.name', 'pay')] },
          scopeSpans: [
            {
              scope,
              spans: [
                {
                  traceId,
                  spanId: base64('2'.repeat(16)),
                  parentSpanId: base64(row.spanId),
                  name: 'GetCart',
                  kind: 3,
                  ...times,
                },
              ],
            },
          ],
        },
      ],
    });
  });

  it('puts every field where the OTLP definition has it', () => {
    const spans = new SpanTable();
    spans.add({ ...row, parentId: 'f'.repeat(16) });
    // Read without our own descriptor: field numbers of resource_spans, scope_spans, spans, then those of the span.
    let bytes: Uint8Array = encodeSpans(spans, Uint8Array.of(2), [0], 0n);
    for (const number of [1, 2, 2]) bytes = fieldsOf(bytes).get(number) ?? new Uint8Array();
    const fields = fieldsOf(bytes);
    expect([...fields.keys()].sort((a, b) => a - b)).toEqual([1, 2, 4, 5, 6, 7, 8]);
    expect(Buffer.from(fields.get(4) ?? []).toString('hex')).toBe('f'.repeat(16));
    expect(Buffer.from(fields.get(7) ?? []).readBigUInt64LE()).toBe(row.startNs);
    expect(Buffer.from(fields.get(8) ?? []).readBigUInt64LE()).toBe(row.endNs);
  });
});

function fieldsOf(bytes: Uint8Array): Map<number, Uint8Array> {
  const reader = protobuf.Reader.create(bytes);
  const fields = new Map<number, Uint8Array>();
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    const from = reader.pos;
    if ((tag & 7) === 2) fields.set(tag >>> 3, reader.bytes());
    else {
      reader.skipType(tag & 7);
      fields.set(tag >>> 3, bytes.subarray(from, reader.pos));
    }
  }
  return fields;
}

describe('readResponse', () => {
  const cases = [
    { name: 'all accepted', input: {}, expected: { rejectedSpans: 0, message: '' } },
    {
      name: 'some rejected',
      input: { partialSuccess: { rejectedSpans: 7, errorMessage: 'too old' } },
      expected: { rejectedSpans: 7, message: 'too old' },
    },
  ];
  it.each(cases)('$name', ({ input, expected }) => {
    expect(readResponse(exportResponse.encode(input).finish())).toEqual(expected);
  });
});

describe('readStatus', () => {
  it('reads google.rpc.Status, and nothing from anything else', () => {
    expect(readStatus(Buffer.concat([Buffer.from([0x08, 3, 0x12, 4]), Buffer.from('nope')]))).toBe('nope');
    expect(readStatus(Buffer.from('{"message":"no"}'))).toBe('');
  });
});
