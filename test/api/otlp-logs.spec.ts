import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { HOUR_MS } from '../../src/model/window.js';
import type { TraceLogs } from '../../src/query/traces-contract.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { GrpcClient } from '../support/grpc-call.js';
import { type AnyValue, logsOf, otlpType, requestOf, span } from '../support/otlp-proto.js';
import { post, type RawAnswer } from '../support/receiver.js';
import { startService, type Service } from '../support/service.js';

const PROTOBUF = { 'content-type': 'application/x-protobuf' };
const JSON_TYPE = { 'content-type': 'application/json' };
const LOGS = '/v1/logs';
const EXPORT_LOGS = '/opentelemetry.proto.collector.logs.v1.LogsService/Export';
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const nanos = (ms: number) => `${Math.round(ms)}000000`;
const said = (stringValue: string): { body: AnyValue } => ({ body: { stringValue } });

function decode(type: string, { body }: RawAnswer): Record<string, unknown> {
  const message = otlpType(type);
  return message.toObject(message.decode(body), { longs: String });
}

describe('OTLP logs', () => {
  let database: TestDatabase;
  let service: Service;

  beforeAll(async () => {
    database = await createTestDatabase('otlp_logs');
    service = await startService({ databaseUrl: database.url, env: { INGEST_MAX_SPANS_PER_REQUEST: '100' } });
  });
  afterAll(async () => {
    await service?.stop();
    await database?.drop();
  });

  const logsOfTrace = async (traceId: Uint8Array): Promise<TraceLogs> =>
    (await (await fetch(`${service.apiUrl}/api/v1/traces/${hex(traceId)}/logs`)).json()) as TraceLogs;
  const counts = async (): Promise<Record<string, number>> => {
    const text = await (await fetch(`${service.apiUrl}/metrics`)).text();
    const lines = text.matchAll(
      /^tracehound_log_records_(?:received_)?total(?:\{outcome="(\w+)",reason="(\w*)"\})? (\d+)$/gm,
    );
    return Object.fromEntries([...lines].map(([, outcome = 'received', reason, n]) => [reason || outcome, Number(n)]));
  };

  it.each([
    { form: 'protobuf', gzip: false },
    { form: 'gzip', gzip: true },
  ])('stores what comes as $form, and shows it with its trace by time', async ({ gzip }) => {
    const [traceId, spanId] = [randomBytes(16), randomBytes(8)];
    const now = Date.now();
    const body = logsOf('shop', [
      { timeUnixNano: nanos(now), traceId, spanId, severityNumber: 17, severityText: 'ERROR', ...said('cart is gone') },
      { observedTimeUnixNano: nanos(now - 1_000), traceId, spanId, body: { kvlistValue: { values: [] } } },
      { timeUnixNano: nanos(now), traceId: randomBytes(16), spanId, ...said('another trace') },
    ]);
    const answer = await post(
      service.otlpUrl,
      gzip ? gzipSync(body) : body,
      gzip ? { ...PROTOBUF, 'content-encoding': 'gzip' } : PROTOBUF,
      LOGS,
    );
    expect(answer).toMatchObject({ status: 200, contentType: 'application/x-protobuf' });
    expect(decode('ExportLogsServiceResponse', answer)).toEqual({});
    expect(await logsOfTrace(traceId)).toEqual({
      isComplete: true,
      logs: [
        expect.objectContaining({
          timeUnixNano: '0',
          observedTimeUnixNano: nanos(now - 1_000),
          body: {},
          spanId: hex(spanId),
        }),
        {
          timeUnixNano: nanos(now),
          observedTimeUnixNano: '0',
          traceId: hex(traceId),
          spanId: hex(spanId),
          service: 'shop',
          severityNumber: 17,
          severityText: 'ERROR',
          eventName: '',
          body: 'cart is gone',
          attributes: [],
          resource: [{ key: 'service.name', value: 'shop' }],
          scope: { name: 'test', version: '1' },
        },
      ],
    });
  });

  it('stores JSON', async () => {
    const traceId = randomBytes(16);
    const record = {
      timeUnixNano: nanos(Date.now()),
      severityNumber: 9,
      traceId: hex(traceId).toUpperCase(),
      spanId: hex(randomBytes(8)),
      body: { stringValue: 'hello' },
      attributes: [{ key: 'user.id', value: { intValue: '7' } }],
      eventName: 'greeted',
      unknownField: 1,
    };
    const request = JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords: [record] }] }] });
    const answer = await post(service.otlpUrl, request, JSON_TYPE, LOGS);
    expect({ ...answer, body: answer.body.toString() }).toMatchObject({
      status: 200,
      contentType: 'application/json',
      body: '{}',
    });
    expect((await logsOfTrace(traceId)).logs).toMatchObject([
      { service: 'unknown_service', eventName: 'greeted', body: 'hello', attributes: [{ key: 'user.id', value: 7 }] },
    ]);
  });

  it('stores what comes by gRPC', async () => {
    const traceId = randomBytes(16);
    const client = new GrpcClient(service.grpcAddress);
    const message = logsOf('grpc', [{ timeUnixNano: nanos(Date.now()), traceId, ...said('by gRPC') }]);
    expect(await client.call(message, { path: EXPORT_LOGS })).toMatchObject({ code: 0, body: Buffer.alloc(0) });
    expect(await client.call(Buffer.from('nonsense'), { path: EXPORT_LOGS })).toMatchObject({ code: 3 });
    client.close();
    expect((await logsOfTrace(traceId)).logs).toMatchObject([{ service: 'grpc', body: 'by gRPC', spanId: null }]);
  });

  it('stores the same request once, and counts the repetition', async () => {
    const traceId = randomBytes(16);
    // Without a time: its window is that of its arrival.
    const body = logsOf('shop', [{ traceId, ...said('once') }]);
    const before = await counts();
    const answers = await Promise.all([1, 2, 3].map(() => post(service.otlpUrl, body, PROTOBUF, LOGS)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect((await logsOfTrace(traceId)).logs).toHaveLength(1);
    const after = await counts();
    expect(after['stored']! - (before['stored'] ?? 0)).toBe(1);
    expect(after['duplicate']! - (before['duplicate'] ?? 0)).toBe(2);
    expect(after['received']! - (before['received'] ?? 0)).toBe(3);
  });

  it('rejects single records and says why', async () => {
    const traceId = randomBytes(16);
    let deep: AnyValue = { stringValue: 'x' };
    for (let i = 0; i < 100; i++) deep = { arrayValue: { values: [deep] } };
    const body = logsOf('shop', [
      { timeUnixNano: nanos(Date.now()), traceId, ...said('good') },
      { timeUnixNano: nanos(Date.now() - 10_000 * HOUR_MS), traceId, ...said('old') },
      { timeUnixNano: nanos(Date.now() + 24 * HOUR_MS), traceId, ...said('future') },
      { timeUnixNano: nanos(Date.now()), traceId, body: deep },
      // An id that is none only means that there is no trace.
      { timeUnixNano: nanos(Date.now()), traceId: Buffer.alloc(3), ...said('bad id') },
    ]);
    const before = await counts();
    const answer = await post(service.otlpUrl, body, PROTOBUF, LOGS);
    expect(answer.status).toBe(200);
    const { partialSuccess } = decode('ExportLogsServiceResponse', answer) as {
      partialSuccess: { rejectedLogRecords: string; errorMessage: string };
    };
    expect(partialSuccess.rejectedLogRecords).toBe('3');
    expect(partialSuccess.errorMessage).toMatch(/^3 of 5 log records rejected: .*too_deep/);
    expect((await logsOfTrace(traceId)).logs.map(({ body: text }) => text)).toEqual(['good']);
    const after = await counts();
    for (const reason of ['too_old', 'in_the_future', 'too_deep']) {
      expect(after[reason]! - (before[reason] ?? 0)).toBe(1);
    }
    const decided = Object.entries(after).filter(([name]) => name !== 'received');
    expect(decided.reduce((sum, [, n]) => sum + n, 0)).toBe(after['received']);
  });

  it.each([
    { what: 'spans', headers: PROTOBUF, body: () => requestOf('x', [span(Date.now())]), status: 400 },
    { what: 'spans in JSON', headers: JSON_TYPE, body: () => '{"resourceSpans":[]}', status: 400 },
    { what: 'no JSON', headers: JSON_TYPE, body: () => '{', status: 400 },
    { what: 'another type', headers: { 'content-type': 'text/plain' }, body: () => 'x', status: 415 },
    {
      what: 'too many records',
      headers: PROTOBUF,
      body: () =>
        logsOf(
          'x',
          Array.from({ length: 101 }, () => said('x')),
        ),
      status: 413,
    },
  ])('refuses $what', async ({ headers, body, status }) => {
    expect(await post(service.otlpUrl, body(), headers, LOGS)).toMatchObject({ status });
  });

  it('takes an empty request', async () => {
    expect(await post(service.otlpUrl, '', PROTOBUF, LOGS)).toMatchObject({ status: 200 });
  });
});
