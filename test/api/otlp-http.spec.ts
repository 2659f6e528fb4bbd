import { randomBytes } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { HOUR_MS } from '../../src/model/window.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { spanCounts } from '../support/journal.js';
import { type AnyValue, encodeRequest, otlpType, requestOf, span, text } from '../support/otlp-proto.js';
import { openReceiver, post, sendRaw, type RawAnswer, type TestReceiver } from '../support/receiver.js';

const PROTOBUF = { 'content-type': 'application/x-protobuf' };
const JSON_TYPE = { 'content-type': 'application/json' };
const GZIP = { 'content-encoding': 'gzip' };
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** A Status or response in whatever encoding it came. */
function decode(type: string, { contentType, body }: RawAnswer): Record<string, unknown> {
  if (contentType === 'application/json') return JSON.parse(body.toString()) as Record<string, unknown>;
  expect(contentType).toBe('application/x-protobuf');
  const message = otlpType(type);
  return message.toObject(message.decode(body), { longs: String });
}

function jsonSpan(fields: Record<string, unknown> = {}, endMs = Date.now()) {
  return {
    traceId: hex(randomBytes(16)),
    spanId: hex(randomBytes(8)),
    name: 'GET /',
    kind: 2,
    startTimeUnixNano: `${endMs - 5}000000`,
    endTimeUnixNano: `${endMs}000000`,
    ...fields,
  };
}
const jsonRequest = (spans: unknown[], service = 'json') =>
  JSON.stringify({
    resourceSpans: [
      { resource: { attributes: [{ key: 'service.name', value: { stringValue: service } }] }, scopeSpans: [{ spans }] },
    ],
  });

describe('OTLP/HTTP', () => {
  let database: TestDatabase;
  let receiver: TestReceiver;
  let url: string;
  const stored = (traceId: Uint8Array | string) =>
    receiver.journal.reader.trace(1, typeof traceId === 'string' ? traceId.toLowerCase() : hex(traceId));

  beforeAll(async () => {
    database = await createTestDatabase('otlp_http');
    receiver = await openReceiver(database.url, {
      INGEST_MAX_BODY_BYTES: '2000000',
      INGEST_MAX_DECODED_BYTES: '4000000',
      INGEST_MAX_SPANS_PER_REQUEST: '500',
    });
    url = receiver.url;
  });
  afterAll(async () => {
    await receiver.close();
    await database.drop();
  });

  describe('success', () => {
    const traceId = randomBytes(16);
    const body = () => requestOf('ok', [span(Date.now(), { traceId: randomBytes(16) })]);
    it.each([
      { name: 'protobuf', send: () => post(url, body(), PROTOBUF), type: 'application/x-protobuf', answer: '' },
      {
        name: 'gzip',
        send: () => post(url, gzipSync(body()), { ...PROTOBUF, ...GZIP }),
        type: 'application/x-protobuf',
        answer: '',
      },
      {
        name: 'JSON',
        send: () => post(url, jsonRequest([jsonSpan()]), JSON_TYPE),
        type: 'application/json',
        answer: '{}',
      },
      {
        name: 'JSON, gzip',
        send: () => post(url, gzipSync(jsonRequest([jsonSpan()])), { ...JSON_TYPE, ...GZIP }),
        type: 'application/json',
        answer: '{}',
      },
      {
        name: 'JSON with a charset',
        send: () => post(url, jsonRequest([jsonSpan()]), { 'content-type': 'application/json; charset=utf-8' }),
        type: 'application/json',
        answer: '{}',
      },
      {
        name: 'an upper-case type',
        send: () => post(url, jsonRequest([jsonSpan()]), { 'content-type': 'APPLICATION/JSON' }),
        type: 'application/json',
        answer: '{}',
      },
      {
        name: 'coding identity',
        send: () => post(url, body(), { ...PROTOBUF, 'content-encoding': 'identity' }),
        type: 'application/x-protobuf',
        answer: '',
      },
      { name: 'no spans, protobuf', send: () => post(url, '', PROTOBUF), type: 'application/x-protobuf', answer: '' },
      { name: 'no spans, JSON', send: () => post(url, '{}', JSON_TYPE), type: 'application/json', answer: '{}' },
      {
        name: 'an empty envelope',
        send: () => post(url, '{"resourceSpans":[]}', JSON_TYPE),
        type: 'application/json',
        answer: '{}',
      },
      {
        name: 'unknown fields',
        send: () => post(url, '{"fromTheFuture":{"a":[1]}}', JSON_TYPE),
        type: 'application/json',
        answer: '{}',
      },
    ])('answers 200 and nothing more to $name', async ({ send, type, answer }) => {
      const response = await send();
      expect([response.status, response.contentType, response.body.toString()]).toEqual([200, type, answer]);
    });

    it('has stored the spans when it answers', async () => {
      const compressed = gzipSync(requestOf('stored', [span(Date.now(), { traceId })]));
      await post(url, compressed, { ...PROTOBUF, ...GZIP });
      expect((await stored(traceId))!.spans).toHaveLength(1);
      const [{ payload }] = await receiver.journal.db.query(
        `select payload from segments where segment_id in (select segment_id from trace_segments where trace_id = $1)`,
        [hex(traceId)],
      );
      expect(gunzipSync(payload)).toEqual(gunzipSync(compressed));
    });

    it('keeps the gzip bytes of a large request as they came', async () => {
      const traceId = randomBytes(16);
      const long = text('exception.stacktrace', randomBytes(20_000).toString('hex'));
      const compressed = gzipSync(requestOf('large', [span(Date.now(), { traceId, attributes: [long] })]), {
        level: 9,
      });
      await post(url, compressed, { ...PROTOBUF, ...GZIP });
      const [{ payload }] = await receiver.journal.db.query(
        `select payload from segments where segment_id in (select segment_id from trace_segments where trace_id = $1)`,
        [hex(traceId)],
      );
      expect(payload).toEqual(compressed);
    });

    it('reads JSON as it reads protobuf', async () => {
      const endMs = Date.now();
      const fields = jsonSpan(
        {
          traceId: hex(randomBytes(16)).toUpperCase(),
          name: 'lone \ud800 surrogate and nul \u0000',
          startTimeUnixNano: 0,
          attributes: [
            { key: 'int', value: { intValue: '-42' } },
            { key: 'number', value: { intValue: 42 } },
            { key: 'double', value: { doubleValue: 1.5 } },
            { key: 'nan', value: { doubleValue: 'NaN' } },
            { key: 'bytes', value: { bytesValue: 'AQL/' } },
            { key: 'map', value: { kvlistValue: { values: [{ key: 'constructor', value: { boolValue: true } }] } } },
            { key: 'nothing', value: {} },
          ],
          status: { code: 2, message: 'bad' },
        },
        endMs,
      );
      // A JSON number that a double cannot hold.
      const body = jsonRequest([fields]).replace('"startTimeUnixNano":0', `"startTimeUnixNano":${endMs - 7}000123`);
      expect((await post(url, body, JSON_TYPE)).body.toString()).toBe('{}');
      const [found] = (await stored(fields.traceId))!.spans;
      expect(found).toMatchObject({
        name: 'lone \ufffd surrogate and nul \u0000',
        startTimeUnixNano: `${endMs - 7}000123`,
        status: { code: 'error', message: 'bad' },
        attributes: [
          { key: 'int', value: -42 },
          { key: 'number', value: 42 },
          { key: 'double', value: 1.5 },
          { key: 'nan', value: 'NaN' },
          { key: 'bytes', value: 'AQL/' },
          { key: 'map', value: { constructor: true } },
          { key: 'nothing', value: null },
        ],
      });
    });

    it('answers 200 to the same request again and stores it once', async () => {
      const traceIds = randomBytes(16);
      const request = requestOf('again', [span(Date.now(), { traceId: traceIds })]);
      const answers = await Promise.all([
        post(url, request, PROTOBUF),
        post(url, request, PROTOBUF),
        post(url, request, PROTOBUF),
      ]);
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
      expect((await stored(traceIds))!.spans.map(({ copies }) => copies)).toEqual([1]);
    });
  });

  it.each([
    { name: 'crossed the limit of age', first: '168', then: '1', answer: {} },
    {
      name: 'came to be accepted',
      first: '1',
      then: '168',
      answer: {
        partialSuccess: { rejectedSpans: '1', errorMessage: '1 of 2 spans were rejected when this request came first' },
      },
    },
  ])('gives the same request the same answer after a span of it $name', async ({ first, then, answer }) => {
    const traceId = hex(randomBytes(16));
    const body = jsonRequest([jsonSpan({ traceId }, Date.now() - 2 * HOUR_MS), jsonSpan({ traceId })]);
    const answers: unknown[] = [];
    for (const hours of [first, then]) {
      const other = await openReceiver(database.url, { INGEST_MAX_SPAN_AGE_HOURS: hours });
      answers.push(decode('ExportTraceServiceResponse', await post(other.url, body, JSON_TYPE)));
      await other.close();
    }
    expect(answers[1]).toEqual(answer);
    const { spans } = (await stored(traceId))!;
    expect(spans.map(({ copies }) => copies)).toEqual(first === '168' ? [1, 1] : [1]);
  });

  it('gives the same request the same answer after all of its spans crossed the limit of age', async () => {
    const endMs = Date.now() - 2 * HOUR_MS;
    const body = jsonRequest([jsonSpan({}, endMs), jsonSpan({}, endMs)]);
    const never = jsonRequest([jsonSpan({}, endMs)]);
    expect(decode('ExportTraceServiceResponse', await post(url, body, JSON_TYPE))).toEqual({});
    const later = await openReceiver(database.url, { INGEST_MAX_SPAN_AGE_HOURS: '1' });
    const answers = [await post(later.url, body, JSON_TYPE), await post(later.url, never, JSON_TYPE)];
    await later.close();
    expect(answers.map((answer) => decode('ExportTraceServiceResponse', answer))).toMatchObject([
      {},
      { partialSuccess: { rejectedSpans: '1', errorMessage: expect.stringContaining('too_old') } },
    ]);
    expect(decode('ExportTraceServiceResponse', answers[0]!)).toEqual({});
  });

  describe('partial success', () => {
    let deep: AnyValue = { stringValue: 'x' };
    for (let i = 0; i < 10_000; i++) deep = { arrayValue: { values: [deep] } };
    const nowMs = Date.now();
    const year = (n: number) => String(BigInt(Date.UTC(n, 0, 1)) * 1_000_000n);
    const cases = [
      { name: 'a zero trace id', reason: 'invalid_trace_id', fields: { traceId: Buffer.alloc(16) } },
      { name: 'a short trace id', reason: 'invalid_trace_id', fields: { traceId: Buffer.alloc(15, 1) } },
      { name: 'no trace id', reason: 'invalid_trace_id', fields: { traceId: Buffer.alloc(0) } },
      { name: 'a zero span id', reason: 'invalid_span_id', fields: { spanId: Buffer.alloc(8) } },
      { name: 'a long span id', reason: 'invalid_span_id', fields: { spanId: Buffer.alloc(9, 1) } },
      { name: 'a short parent id', reason: 'invalid_parent_span_id', fields: { parentSpanId: Buffer.alloc(7, 1) } },
      {
        name: 'times in 1970',
        reason: 'too_old',
        fields: { startTimeUnixNano: '1000000000', endTimeUnixNano: '2000000000' },
      },
      {
        name: 'times in 2300',
        reason: 'in_the_future',
        fields: { startTimeUnixNano: year(2300), endTimeUnixNano: year(2300) },
      },
      {
        name: 'the last time there is',
        reason: 'in_the_future',
        fields: { startTimeUnixNano: '1000', endTimeUnixNano: '18446744073709551615' },
      },
      { name: 'no times', reason: 'no_time', fields: { startTimeUnixNano: '0', endTimeUnixNano: '0' } },
      { name: 'a start in 1970', reason: 'too_long', fields: { startTimeUnixNano: '1000000000' } },
      {
        name: '1,025 attributes, two of them of an event',
        reason: 'too_many_attributes',
        fields: {
          attributes: Array.from({ length: 1_023 }, (_, i) => text(`a${i}`, 'x')),
          events: [{ timeUnixNano: '1', name: 'e', attributes: [text('a', 'x'), text('b', 'x')] }],
        },
      },
      {
        name: '1,025 events',
        reason: 'too_many_events',
        fields: { events: Array.from({ length: 1_025 }, () => ({ timeUnixNano: '1', name: 'e' })) },
      },
      {
        name: '1,025 links',
        reason: 'too_many_links',
        fields: { links: Array.from({ length: 1_025 }, () => ({ traceId: randomBytes(16), spanId: randomBytes(8) })) },
      },
      { name: 'a name of 64 KiB and a byte', reason: 'name_too_long', fields: { name: 'n'.repeat(65_537) } },
      { name: '65 levels of arrays', reason: 'too_deep', fields: { attributes: [{ key: 'a', value: nest(65) }] } },
    ];

    it.each(cases)('stores the others and counts a span with $name', async ({ reason, fields }) => {
      const good = randomBytes(16);
      const before = await spanCounts(receiver.journal);
      const request = requestOf('partial', [
        span(nowMs, { traceId: good }),
        span(nowMs, fields),
        span(nowMs, { traceId: good }),
      ]);
      const answer = await post(url, gzipSync(request), { ...PROTOBUF, ...GZIP });
      expect(answer.status).toBe(200);
      expect(decode('ExportTraceServiceResponse', answer)).toEqual({
        partialSuccess: {
          rejectedSpans: '1',
          errorMessage: expect.stringMatching(new RegExp(`^1 of 3 spans rejected: 1 ${reason} `)),
        },
      });
      expect((await stored(good))!.spans).toHaveLength(2);
      const after = await spanCounts(receiver.journal);
      expect(after[`rejected:${reason}`]! - (before[`rejected:${reason}`] ?? 0)).toBe(1);
    });

    it('does so in JSON, with the number as a string', async () => {
      const good = hex(randomBytes(16));
      const answer = await post(
        url,
        jsonRequest([
          jsonSpan({ traceId: good }),
          jsonSpan({ traceId: 'not hex!' }),
          jsonSpan({ spanId: '' }),
          jsonSpan({ attributes: [{ key: 'deep', value: nest(70) }] }),
        ]),
        JSON_TYPE,
      );
      expect([answer.status, answer.contentType]).toEqual([200, 'application/json']);
      expect(decode('', answer)).toMatchObject({ partialSuccess: { rejectedSpans: '3' } });
      expect((await stored(good))!.spans).toHaveLength(1);
    });

    it('survives 10,000 levels in both encodings', async () => {
      const good = randomBytes(16);
      const spans = [span(nowMs, { traceId: good })];
      const head = requestOf('deep', spans);
      // By hand: an encoder of the test's own would recurse.
      let value: Buffer = Buffer.from([0x0a, 0x01, 0x78]);
      for (let i = 0; i < 10_000; i++) value = message(0x2a, message(0x0a, value));
      const attribute = Buffer.concat([message(0x0a, Buffer.from('deep')), message(0x12, value)]);
      const ids = Buffer.concat([message(0x0a, randomBytes(16)), message(0x12, randomBytes(8))]);
      const times = Buffer.alloc(18);
      times[0] = 0x39;
      times.writeBigUInt64LE(BigInt(nowMs) * 1_000_000n, 1);
      times[9] = 0x41;
      times.writeBigUInt64LE(BigInt(nowMs) * 1_000_000n, 10);
      const deepSpan = Buffer.concat([ids, times, message(0x4a, attribute)]);
      const body = Buffer.concat([head, message(0x0a, message(0x12, message(0x12, deepSpan)))]);
      const answer = await post(url, body, PROTOBUF);
      expect(decode('ExportTraceServiceResponse', answer)).toMatchObject({ partialSuccess: { rejectedSpans: '1' } });
      expect((await stored(good))!.spans).toHaveLength(1);

      const json = jsonRequest([jsonSpan(), jsonSpan({ attributes: [{ key: 'deep', value: 'HERE' }] })]).replace(
        '"HERE"',
        `${'{"arrayValue":{"values":['.repeat(10_000)}{}${']}}'.repeat(10_000)}`,
      );
      expect(decode('', await post(url, json, JSON_TYPE))).toMatchObject({ partialSuccess: { rejectedSpans: '1' } });
    });

    it('keeps a span that ends before it starts, with duration 0, and counts it', async () => {
      const traceId = randomBytes(16);
      const early = span(nowMs, { traceId, endTimeUnixNano: String(BigInt(nowMs - 1_000) * 1_000_000n) });
      const before = await spanCounts(receiver.journal);
      const answer = await post(url, requestOf('early', [early]), PROTOBUF);
      expect([answer.status, answer.body.length]).toEqual([200, 0]);
      const [found] = (await stored(traceId))!.spans;
      expect(found).toMatchObject({ durationUs: 0, endTimeUnixNano: early.endTimeUnixNano });
      const after = await spanCounts(receiver.journal);
      expect(after['adjusted:end_before_start']! - (before['adjusted:end_before_start'] ?? 0)).toBe(1);
    });

    it('reads 64 levels back', async () => {
      const traceId = randomBytes(16);
      const answer = await post(
        url,
        requestOf('deep', [span(nowMs, { traceId, attributes: [{ key: 'a', value: nest(64) }] })]),
        PROTOBUF,
      );
      expect(answer.body.length).toBe(0);
      const [attribute] = (await stored(traceId))!.spans[0]!.attributes;
      expect(JSON.stringify(attribute!.value)).toBe(`${'['.repeat(64)}"x"${']'.repeat(64)}`);
    });

    it('rejects the spans of a resource that is too deep, and only those', async () => {
      const good = randomBytes(16);
      const body = encodeRequest([
        {
          resource: { attributes: [{ key: 'a', value: nest(65) }] },
          scopeSpans: [{ spans: [span(nowMs), span(nowMs)] }],
        },
        {
          resource: { attributes: [text('service.name', 'good')] },
          scopeSpans: [{ spans: [span(nowMs, { traceId: good })] }],
        },
      ]);
      expect(decode('ExportTraceServiceResponse', await post(url, body, PROTOBUF))).toMatchObject({
        partialSuccess: { rejectedSpans: '2' },
      });
      expect((await stored(good))!.spans[0]).toMatchObject({ service: 'good' });
    });

    it('takes all-zero parents for roots', async () => {
      const traceId = randomBytes(16);
      await post(url, requestOf('root', [span(nowMs, { traceId, parentSpanId: Buffer.alloc(8) })]), PROTOBUF);
      expect((await stored(traceId))!.spans[0]!.parentSpanId).toBeNull();
    });

    it('keeps the equation received = stored + duplicate + rejected', async () => {
      const counts = await spanCounts(receiver.journal);
      const rejected = Object.entries(counts).filter(([outcome]) => outcome.startsWith('rejected:'));
      expect(rejected.length).toBeGreaterThan(5);
      expect(counts['received']).toBe(
        counts['stored']! + counts['duplicate']! + rejected.reduce((sum, [, n]) => sum + n, 0),
      );
    });

    function nest(levels: number): AnyValue {
      let value: AnyValue = { stringValue: 'x' };
      for (let i = 0; i < levels; i++) value = { arrayValue: { values: [value] } };
      return value;
    }

    function message(tag: number, body: Buffer): Buffer {
      const length: number[] = [];
      let rest = body.length;
      for (; rest > 127; rest = Math.floor(rest / 128)) length.push((rest % 128) + 128);
      return Buffer.concat([Buffer.from([tag, ...length, rest]), body]);
    }
  });

  describe('refusal', () => {
    const valid = () => requestOf('refused', [span(Date.now())]);
    const logs = Buffer.concat([
      Buffer.from([0x0a, 0x0f, 0x12, 0x0d, 0x12, 0x0b, 0x09]),
      Buffer.alloc(8, 1),
      Buffer.from([0x10, 9]),
    ]);
    const metrics = encodeRequest([
      { scopeSpans: [{ spans: [span(0, { traceId: Buffer.from('http.duration'), spanId: Buffer.from('took') })] }] },
    ]);
    it.each([
      { name: 'truncated protobuf', status: 400, send: () => post(url, valid().subarray(0, -3), PROTOBUF) },
      {
        name: 'bytes that are no protobuf',
        status: 400,
        send: () => post(url, randomBytes(50).fill(0xff, 0, 10), PROTOBUF),
      },
      { name: 'wrong gzip', status: 400, send: () => post(url, valid(), { ...PROTOBUF, ...GZIP }) },
      {
        name: 'truncated gzip',
        status: 400,
        send: () => post(url, gzipSync(valid()).subarray(0, -5), { ...PROTOBUF, ...GZIP }),
      },
      {
        name: 'gzip and more',
        status: 400,
        send: () => post(url, Buffer.concat([gzipSync(valid()), Buffer.alloc(3)]), { ...PROTOBUF, ...GZIP }),
      },
      { name: 'gzip twice', status: 400, send: () => post(url, gzipSync(gzipSync(valid())), { ...PROTOBUF, ...GZIP }) },
      { name: 'OTLP logs in protobuf', status: 400, send: () => post(url, logs, PROTOBUF) },
      { name: 'text', status: 400, send: () => post(url, 'hello', JSON_TYPE) },
      { name: 'an empty JSON body', status: 400, send: () => post(url, '', JSON_TYPE) },
      { name: 'a JSON array', status: 400, send: () => post(url, '[1,2]', JSON_TYPE) },
      { name: 'OTLP logs in JSON', status: 400, send: () => post(url, '{"resourceLogs":[{}]}', JSON_TYPE) },
      { name: 'OTLP metrics in JSON', status: 400, send: () => post(url, '{"resourceMetrics":[]}', JSON_TYPE) },
      {
        name: 'attributes as an object',
        status: 400,
        send: () => post(url, jsonRequest([jsonSpan({ attributes: { a: 1 } })]), JSON_TYPE),
      },
      {
        name: 'a kind by name',
        status: 400,
        send: () => post(url, jsonRequest([jsonSpan({ kind: 'SPAN_KIND_SERVER' })]), JSON_TYPE),
      },
      { name: 'a deep body that is not OTLP', status: 400, send: () => post(url, '['.repeat(100_000), JSON_TYPE) },
      { name: 'no content type', status: 415, send: () => post(url, Buffer.from(valid()), {}) },
      {
        name: 'another content type',
        status: 415,
        send: () => post(url, 'a=b', { 'content-type': 'application/x-www-form-urlencoded' }),
      },
      { name: 'a content type that is none', status: 415, send: () => post(url, 'a', { 'content-type': 'json' }) },
      { name: 'brotli', status: 415, send: () => post(url, valid(), { ...PROTOBUF, 'content-encoding': 'br' }) },
      { name: 'a large body', status: 413, send: () => post(url, Buffer.alloc(2_000_001), PROTOBUF) },
      {
        name: 'a gzip bomb',
        status: 413,
        send: () => post(url, gzipSync(Buffer.alloc(50_000_000)), { ...PROTOBUF, ...GZIP }),
      },
      {
        name: 'too many spans',
        status: 413,
        send: () =>
          post(
            url,
            requestOf(
              'many',
              Array.from({ length: 501 }, () => span(Date.now())),
            ),
            PROTOBUF,
          ),
      },
    ])('answers $status to $name, with a Status in the encoding of the request', async ({ status, send }) => {
      const before = await spanCounts(receiver.journal);
      const answer = await send();
      expect(answer.status).toBe(status);
      const body = decode('RpcStatus', answer);
      expect(typeof body['message']).toBe('string');
      expect(String(body['message']).length).toBeGreaterThan(10);
      expect(body['code']).toBeGreaterThan(0);
      expect(JSON.stringify(body)).not.toMatch(/node_modules|\.js:\d| {4}at /);
      expect(await spanCounts(receiver.journal)).toEqual(before);
    });

    it('rejects metrics in protobuf span by span', async () => {
      const answer = await post(url, metrics, PROTOBUF);
      expect(answer.status).toBe(200);
      expect(decode('ExportTraceServiceResponse', answer)).toMatchObject({ partialSuccess: { rejectedSpans: '1' } });
    });

    it('says where JSON goes wrong', async () => {
      const answer = await post(url, jsonRequest([jsonSpan(), jsonSpan({ events: [{ name: 7 }] })]), JSON_TYPE);
      expect(decode('', answer)).toEqual({
        code: 3,
        message: 'resourceSpans.[0].scopeSpans.[0].spans.[1].events.[0].name is not a string',
        details: [
          {
            '@type': 'type.googleapis.com/google.rpc.BadRequest',
            fieldViolations: [
              {
                field: 'resourceSpans.[0].scopeSpans.[0].spans.[1].events.[0].name',
                description: 'resourceSpans.[0].scopeSpans.[0].spans.[1].events.[0].name is not a string',
              },
            ],
          },
        ],
      });
    });

    it.each(['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])('answers 405 to %s', async (method) => {
      const answer = await fetch(`${url}/v1/traces`, { method, headers: PROTOBUF });
      expect([answer.status, answer.headers.get('allow'), answer.headers.get('content-type')]).toEqual([
        405,
        'POST',
        'application/x-protobuf',
      ]);
    });

    it.each(['/', '/v1/traces/', '/v1/metrics', '/v1/%2e%2e/v1/traces', '/v1/traces%00'])(
      'answers 404 to POST %s',
      async (path) => {
        const answer = await sendRaw(
          url,
          `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}`,
        );
        expect(answer).toMatch(/^HTTP\/1.1 404 /);
        expect(answer).toMatch(/content-type: application\/json\r\n/i);
      },
    );

    it('answers 400 to a path that is none', async () => {
      const answer = await sendRaw(
        url,
        'POST /v1/%zz HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}',
      );
      expect(answer).toMatch(/^HTTP\/1.1 400 /);
      expect(answer).toMatch(/content-type: application\/json\r\n/i);
    });

    it('frees a request whose body does not come, and goes on', async () => {
      await sendRaw(
        url,
        'POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2000\r\n\r\n{',
        { ends: true },
      );
      expect((await post(url, valid(), PROTOBUF)).status).toBe(200);
    });

    it('takes a body without a stated length, up to the limit', async () => {
      const chunked = (body: Buffer) =>
        fetch(`${url}/v1/traces`, {
          method: 'POST',
          headers: PROTOBUF,
          body: new Blob([new Uint8Array(body)]).stream(),
          duplex: 'half',
        } as RequestInit);
      expect((await chunked(valid())).status).toBe(200);
      expect((await chunked(Buffer.alloc(3_000_000))).status).toBe(413);
    });
  });

  it('tells its health', async () => {
    const answer = await fetch(`${url}/health`);
    expect([answer.status, await answer.json()]).toEqual([
      200,
      { status: 'ok', checks: { database: 'ok', queue: 'ok' } },
    ]);
  });

  it('stores everything that is concatenated or sent in several members', async () => {
    const traces = [randomBytes(16), randomBytes(16)];
    const members = traces.map((traceId) => gzipSync(requestOf('members', [span(Date.now(), { traceId })])));
    expect((await post(url, Buffer.concat(members), { ...PROTOBUF, ...GZIP })).status).toBe(200);
    for (const traceId of traces) expect((await stored(traceId))!.spans).toHaveLength(1);
  });
});

describe('OTLP/HTTP under trouble', () => {
  let database: TestDatabase;
  let receiver: TestReceiver;

  beforeAll(async () => {
    database = await createTestDatabase('otlp_trouble');
    receiver = await openReceiver(database.url, { INGEST_MAX_PENDING_BYTES: '200000', INGEST_MAX_SPAN_AGE_HOURS: '0' });
  });
  afterAll(async () => {
    await receiver.close();
    await database.drop();
  });

  it('answers 503 with Retry-After while the database refuses connections, then loses nothing', async () => {
    const traceId = randomBytes(16);
    const body = requestOf('outage', [span(Date.now(), { traceId })]);
    expect((await post(receiver.url, requestOf('outage', [span(Date.now())]), PROTOBUF)).status).toBe(200);
    const name = new URL(database.url).pathname.slice(1);
    const admin = new pg.Client({ connectionString: process.env['TEST_DATABASE_URL'] });
    await admin.connect();
    await admin.query(`alter database ${name} allow_connections false`);
    await admin.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = $1`, [name]);
    try {
      for (let i = 0; i < 3; i++) {
        const began = Date.now();
        const answer = await post(receiver.url, body, PROTOBUF);
        expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
        expect(decode('RpcStatus', answer)).toMatchObject({ code: 14, message: 'the database cannot store this now' });
        expect(Date.now() - began).toBeLessThan(3_000);
      }
    } finally {
      await admin.query(`alter database ${name} allow_connections true`);
      await admin.end();
    }
    expect((await post(receiver.url, body, PROTOBUF)).status).toBe(200);
    expect((await receiver.journal.reader.trace(1, hex(traceId)))!.spans).toHaveLength(1);
  });

  it('answers 503 to some, and never waits, when too much comes at once; whatever it answers 200 to is stored', async () => {
    const pad = randomBytes(30_000).toString('hex');
    const requests = Array.from({ length: 40 }, () => randomBytes(16));
    const answers = await Promise.all(
      requests.map((traceId) =>
        post(
          receiver.url,
          requestOf('load', [span(Date.now(), { traceId, attributes: [text('pad', pad)] })]),
          PROTOBUF,
        ),
      ),
    );
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 503).length).toBeGreaterThan(0);
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThan(0);
    for (const [i, traceId] of requests.entries()) {
      if (statuses[i] === 503) expect(answers[i]!.headers.get('retry-after')).toBe('1');
      else expect(await receiver.journal.reader.trace(1, hex(traceId))).not.toBeNull();
    }
    const last = await post(receiver.url, requestOf('load', [span(Date.now())]), PROTOBUF);
    expect(last.status).toBe(200);
  });

  it('takes spans of any age when told so, in as many hours as may exist', async () => {
    const oldMs = Date.now() - 5_000 * HOUR_MS;
    expect((await post(receiver.url, requestOf('old', [span(oldMs)]), PROTOBUF)).body.length).toBe(0);
    await receiver.journal.db.query(
      `insert into journal_hours (hour) select '2001-01-01'::timestamptz + n * interval '1 hour' from generate_series(1, 2000) n`,
    );
    const answer = await post(receiver.url, requestOf('old', [span(oldMs), span(oldMs - 10 * HOUR_MS)]), PROTOBUF);
    expect(decode('ExportTraceServiceResponse', answer)).toMatchObject({
      partialSuccess: { rejectedSpans: '1', errorMessage: expect.stringContaining('too_many_hours') },
    });
  });

  it('asks for a key as soon as there is one', async () => {
    const body = requestOf('keys', [span(Date.now())]);
    const admin = await receiver.access.create({
      tenantId: 1,
      name: 'admin',
      scopes: ['admin', 'ingest'],
      expiresAt: null,
    });
    const without = await post(receiver.url, body, PROTOBUF);
    expect([without.status, without.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    expect(decode('RpcStatus', without)).toMatchObject({ code: 16 });
    expect((await post(receiver.url, body, { ...JSON_TYPE, authorization: 'Bearer nonsense' })).status).toBe(401);
    expect((await post(receiver.url, body, { ...PROTOBUF, authorization: `Bearer ${admin.key}` })).status).toBe(200);
  });

  it('finishes what is under way when it closes', async () => {
    const other = await openReceiver(database.url, { TRACEHOUND_ADMIN_KEY: `th_aaaaaaaa_${'a'.repeat(43)}` });
    const authorization = `Bearer th_aaaaaaaa_${'a'.repeat(43)}`;
    const traces = Array.from({ length: 20 }, () => randomBytes(16));
    const sending = traces.map((traceId) =>
      post(other.url, requestOf('closing', [span(Date.now(), { traceId })]), { ...PROTOBUF, authorization }),
    );
    const settled = Promise.allSettled(sending);
    await Promise.any(sending);
    const before = Date.now();
    await other.close();
    // Connections that clients keep alive do not hold it up.
    expect(Date.now() - before).toBeLessThan(5_000);
    const answers = await settled;
    const acknowledged = traces.filter(
      (_, i) =>
        answers[i]!.status === 'fulfilled' && (answers[i] as PromiseFulfilledResult<RawAnswer>).value.status === 200,
    );
    expect(acknowledged.length).toBeGreaterThan(0);
    expect((await receiver.journal.reader.structure(1, acknowledged.map(hex))).size).toBe(acknowledged.length);
  });
});
