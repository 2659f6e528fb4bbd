import { createHash, randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { WINDOW_MS, windowOf } from '../../src/model/window.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { requestOf, span, text, type SpanFields } from '../support/otlp-proto.js';
import { openReceiver, post, type TestReceiver } from '../support/receiver.js';
import { found, measured } from '../support/seen-traces.js';

const HEADERS = { 'content-type': 'application/x-protobuf', 'content-encoding': 'gzip' };
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const id = (name: string) => createHash('md5').update(name).digest().subarray(0, 8);
const atMs = windowOf(Date.now()) - 3 * WINDOW_MS + 5_000;
let database: TestDatabase;
let receiver: TestReceiver;
beforeAll(async () => {
  database = await createTestDatabase('odd_traces');
  receiver = await openReceiver(database.url);
});
afterAll(async () => {
  await receiver.close();
  await database.drop();
});

async function send(service: string, spans: SpanFields[]): Promise<void> {
  const answer = await post(receiver.url, gzipSync(requestOf(service, spans), { level: 1 }), HEADERS);
  expect({ status: answer.status, body: answer.body.toString() }).toEqual({ status: 200, body: '' });
}

const CASES: { name: string; root: string | null; entries: number; spans: (traceId: Buffer) => SpanFields[] }[] = [
  {
    name: 'whose child began before its parent and ended after it',
    root: 'root',
    entries: 1,
    spans: (traceId) => [
      span(atMs, { traceId, spanId: id('a'), name: 'root' }),
      span(atMs + 500, { traceId, parentSpanId: id('a'), name: 'skewed', startTimeUnixNano: `${atMs - 900}000000` }),
    ],
  },
  {
    name: 'with an orphan',
    root: 'root',
    entries: 1,
    spans: (traceId) => [
      span(atMs, { traceId, spanId: id('a'), name: 'root' }),
      span(atMs, { traceId, parentSpanId: id('lost'), name: 'orphan' }),
    ],
  },
  {
    name: 'without a root',
    root: null,
    entries: 0,
    spans: (traceId) => [
      span(atMs, { traceId, spanId: id('a'), parentSpanId: id('lost') }),
      span(atMs, { traceId, parentSpanId: id('a') }),
    ],
  },
  {
    name: 'with several roots',
    root: 'first',
    entries: 3,
    spans: (traceId) =>
      ['second', 'first', 'third'].map((name) => span(atMs + (name === 'first' ? 0 : 9), { traceId, name })),
  },
  {
    name: 'with a span that is its own parent',
    root: null,
    entries: 0,
    spans: (traceId) => [span(atMs, { traceId, spanId: id('a'), parentSpanId: id('a') })],
  },
  {
    name: 'whose spans call each other in a circle',
    root: null,
    entries: 0,
    spans: (traceId) =>
      ['a', 'b', 'c'].map((name, i) => span(atMs, { traceId, spanId: id(name), parentSpanId: id('bca'[i]!) })),
  },
  {
    name: 'that arrives leaves first',
    root: 'root',
    entries: 1,
    spans: (traceId) => [
      span(atMs, { traceId, spanId: id('c'), parentSpanId: id('b') }),
      span(atMs, { traceId, spanId: id('b'), parentSpanId: id('a') }),
      span(atMs + 1, { traceId, spanId: id('a'), name: 'root' }),
    ],
  },
  {
    name: 'of spans without a duration',
    root: 'root',
    entries: 1,
    spans: (traceId) => [
      span(atMs, { traceId, spanId: id('a'), name: 'root', startTimeUnixNano: `${Math.floor(atMs)}000000` }),
      span(atMs, { traceId, parentSpanId: id('a'), startTimeUnixNano: `${Math.floor(atMs)}000000` }),
    ],
  },
];

describe('a trace', () => {
  it.each(CASES.map((one, i) => ({ ...one, service: `odd ${i}` })))(
    '$name is taken, shown and counted',
    async ({ root, entries, spans, service }) => {
      const traceId = randomBytes(16);
      const sent = spans(traceId);
      await send(service, sent);
      const trace = (await receiver.journal.reader.trace(1, hex(traceId)))!;
      expect(trace.total).toBe(sent.length);
      expect(trace.spans.map(({ parentSpanId }) => parentSpanId).toSorted()).toEqual(
        sent.map(({ parentSpanId }) => (parentSpanId ? hex(parentSpanId) : null)).toSorted(),
      );
      expect(await found(receiver, service, atMs)).toMatchObject([{ rootOperation: root, spans: sent.length }]);
      const { n, sampledN, rollups } = await measured(receiver, service, atMs);
      expect({ n, entries: rollups.reduce((sum, rollup) => sum + rollup.entries, 0) }).toEqual({
        n: sent.length,
        entries,
      });
      if (entries > 0) expect(sampledN).toBe(sent.length);
    },
  );

  it('that came twice, in different requests, is shown and counted once', async () => {
    const traceId = randomBytes(16);
    const spans = [span(atMs, { traceId }), span(atMs, { traceId })];
    await send('twice', spans);
    await send('twice', [...spans].reverse());
    const trace = (await receiver.journal.reader.trace(1, hex(traceId)))!;
    expect(trace.spans.map(({ copies }) => copies)).toEqual([2, 2]);
    expect(await found(receiver, 'twice', atMs)).toMatchObject([{ spans: 2 }]);
    expect(await measured(receiver, 'twice', atMs)).toMatchObject({ n: 2, duplicateSpans: 2 });
  });

  it('with several spans of one id and other contents shows one of them, always the same, and counts it once', async () => {
    const traceId = randomBytes(16);
    const twins = ['one', 'other', 'third'].map((version) =>
      span(atMs, { traceId, spanId: id('twin'), attributes: [text('version', version)] }),
    );
    await send('twins', twins.slice(0, 1));
    await send('twins', twins.slice(1));
    const { reader } = receiver.journal;
    const first = (await reader.trace(1, hex(traceId)))!;
    expect(first.spans.map(({ copies }) => copies)).toEqual([3]);
    expect(await reader.trace(1, hex(traceId))).toEqual(first);
    expect(await found(receiver, 'twins', atMs)).toMatchObject([{ spans: 1 }]);
    expect(await measured(receiver, 'twins', atMs)).toMatchObject({ n: 1, duplicateSpans: 2 });
  });

  it('whose spans ended hours ago or lie minutes ahead is taken, shown and found', async () => {
    const traceId = randomBytes(16);
    const ends = [Date.now() - 5 * 3_600_000, Date.now() + 200_000];
    await send(
      'late and early',
      ends.map((endMs) => span(endMs, { traceId })),
    );
    expect((await receiver.journal.reader.trace(1, hex(traceId)))!.spans).toHaveLength(2);
    const rows = await receiver.journal.db.query<{ n: string }[]>(
      `select sum(span_count) as n from trace_segments where trace_id = $1::uuid`,
      [hex(traceId)],
    );
    expect(Number(rows[0]!.n)).toBe(2);
  });
});
