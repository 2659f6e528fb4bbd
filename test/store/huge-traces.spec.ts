import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import protobuf from 'protobufjs/minimal.js';
import { WINDOW_MS, windowOf } from '../../src/model/window.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { otlpType, span, text } from '../support/otlp-proto.js';
import { openReceiver, post, type TestReceiver } from '../support/receiver.js';
import { found, measured } from '../support/seen-traces.js';

const HEADERS = { 'content-type': 'application/x-protobuf', 'content-encoding': 'gzip' };
const MANY = 100_000;
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const atMs = windowOf(Date.now()) - 3 * WINDOW_MS + 5_000;
let database: TestDatabase;
let receiver: TestReceiver;
beforeAll(async () => {
  database = await createTestDatabase('huge_traces');
  receiver = await openReceiver(database.url);
});
afterAll(async () => {
  await receiver.close();
  await database.drop();
});

/** Spans that differ in their ids alone: encoding 100,000 one by one would take longer than all that is tested here. */
function requestOf(service: string, traceId: Buffer, ids: { spanId: Buffer; parentSpanId: Buffer }[]): Buffer {
  const encode = (type: string, fields: object) => otlpType(type).encode(otlpType(type).fromObject(fields)).finish();
  const field = (number: number, content: Uint8Array) =>
    protobuf.Writer.create()
      .uint32(number * 8 + 2)
      .bytes(content)
      .finish();
  const [own, parent] = [Buffer.alloc(8, 0xaa), Buffer.alloc(8, 0xbb)];
  const template = Buffer.from(field(2, encode('Span', span(atMs, { traceId, spanId: own, parentSpanId: parent }))));
  const spans = ids.map(({ spanId, parentSpanId }) => {
    const bytes = Buffer.from(template);
    spanId.copy(bytes, template.indexOf(own));
    parentSpanId.copy(bytes, template.indexOf(parent));
    return bytes;
  });
  const resource = encode('Resource', { attributes: [text('service.name', service)] });
  return Buffer.from(field(1, Buffer.concat([field(1, resource), field(2, Buffer.concat(spans))])));
}

function idOf(i: number): Buffer {
  const bytes = Buffer.alloc(8, 1);
  bytes.writeUInt32BE(i);
  return bytes;
}

describe(`a trace of ${MANY} spans`, () => {
  const SHAPES: { name: string; requests: number; parentOf: (i: number) => number | null }[] = [
    { name: 'one below the other, in one request', requests: 1, parentOf: (i) => (i === 0 ? null : i - 1) },
    { name: 'all below the first, in 200 requests', requests: 200, parentOf: (i) => (i === 0 ? null : 0) },
  ];

  it.each(SHAPES)('$name is taken, shown in pages and measured', async ({ name, requests, parentOf }) => {
    const began = process.cpuUsage();
    const traceId = randomBytes(16);
    const each = MANY / requests;
    for (let from = 0; from < MANY; from += each) {
      const ids = Array.from({ length: each }, (_, k) => {
        const parent = parentOf(from + k);
        return { spanId: idOf(from + k), parentSpanId: parent === null ? Buffer.alloc(8) : idOf(parent) };
      });
      const { status } = await post(receiver.url, gzipSync(requestOf(name, traceId, ids), { level: 1 }), HEADERS);
      expect(status).toBe(200);
    }
    const { reader } = receiver.journal;
    const first = (await reader.trace(1, hex(traceId), { limit: 200 }))!;
    expect([first.total, first.spans.length, first.isComplete]).toEqual([MANY, 200, false]);
    const last = (await reader.trace(1, hex(traceId), { offset: 99_900, limit: 200 }))!;
    expect([last.total, last.spans.length, last.isComplete]).toEqual([MANY, 100, true]);
    expect(await found(receiver, name, atMs)).toMatchObject([{ rootOperation: 'GET /cart', spans: MANY }]);
    expect(await measured(receiver, name, atMs)).toMatchObject({ n: MANY, sampledN: MANY });
    // What is quadratic takes minutes.
    const { user, system } = process.cpuUsage(began);
    expect((user + system) / 1e6).toBeLessThan(20);
  });
});
