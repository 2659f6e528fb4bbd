import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import protobuf from 'protobufjs/minimal.js';
import { SearchStore } from '../../src/journal/search.store.js';
import { TraceSearch } from '../../src/journal/search.js';
import { measureWindow } from '../../src/measure/measure.js';
import { sampleTraces } from '../../src/measure/sample.js';
import { WINDOW_MS, windowOf } from '../../src/model/window.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { otlpType, span, text } from '../support/otlp-proto.js';
import { openReceiver, post, type TestReceiver } from '../support/receiver.js';

const HEADERS = { 'content-type': 'application/x-protobuf', 'content-encoding': 'gzip' };
const MANY = 100_000;
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const atMs = windowOf(Date.now()) - 3 * WINDOW_MS + 5_000;
let database: TestDatabase;
let receiver: TestReceiver;
let search: TraceSearch;
beforeAll(async () => {
  database = await createTestDatabase('huge_traces');
  receiver = await openReceiver(database.url);
  search = new TraceSearch(new SearchStore(receiver.journal.db), receiver.journal.reader);
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

/** How search shows the newest trace of the service. */
async function found(service: string) {
  const filter = { service, minDurationUs: 0, maxDurationUs: Infinity, errorsOnly: false, attributes: [] };
  const period = { fromUs: (atMs - 60_000) * 1_000, toUs: (atMs + 60_000) * 1_000 };
  const { traces } = await search.search(1, { filter: { ...filter, ...period }, limit: 5, after: null, asOfMs: null });
  return traces;
}

/** What the window in which the spans end is measured as, for one service. */
async function measured(service: string) {
  const { reader, db } = receiver.journal;
  const from = windowOf(atMs);
  const rows = await db.query<{ id: number }[]>(
    `select o.id from operations o join services s on s.id = o.service_id where s.name = $1`,
    [service],
  );
  const ids = new Set(rows.map((row) => row.id));
  const its = (await reader.postings(1, from, from + WINDOW_MS)).filter(({ operationId }) => ids.has(operationId));
  const sample = sampleTraces(its, 200);
  const measure = measureWindow(from, its, await reader.structure(1, sample.traceIds), sample.total);
  return { n: measure.n, sampledN: measure.rollups.reduce((sum, { sampledN }) => sum + sampledN, 0) };
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
    expect(await found(name)).toMatchObject([{ rootOperation: 'GET /cart', spans: MANY }]);
    expect(await measured(name)).toEqual({ n: MANY, sampledN: MANY });
    // What is quadratic takes minutes.
    const { user, system } = process.cpuUsage(began);
    expect((user + system) / 1e6).toBeLessThan(20);
  });
});
