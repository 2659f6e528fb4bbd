import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import pg from 'pg';
import type { TraceView } from '../../src/query/traces-contract.js';
import { freePort } from '../../scripts/free-port.mjs';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { GrpcClient, detailsOf, framed, openSession, rawCall, rawCallOn } from '../support/grpc-call.js';
import { sendRaw } from '../support/receiver.js';
import { otlpType, requestOf, span, text } from '../support/otlp-proto.js';
import { ServiceEnded, startService, type Service } from '../support/service.js';

const OK = 0;
const INVALID_ARGUMENT = 3;
const DEADLINE_EXCEEDED = 4;
const NOT_FOUND = 5;
const PERMISSION_DENIED = 7;
const RESOURCE_EXHAUSTED = 8;
const UNIMPLEMENTED = 12;
const INTERNAL = 13;
const UNAVAILABLE = 14;
const UNAUTHENTICATED = 16;

const GZIP = { 'grpc-encoding': 'gzip' };
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const MAX_BYTES = 64 * 2 ** 20;
const ADMIN_KEY = `th_aaaaaaaa_${'a'.repeat(43)}`;
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const oneSpan = (traceId: Uint8Array = randomBytes(16), service = 'grpc') =>
  requestOf(service, [span(Date.now(), { traceId })]);

async function storedSpans(service: Service, traceId: Uint8Array, headers: Record<string, string> = {}) {
  const answer = await fetch(`${service.apiUrl}/api/v1/traces/${hex(traceId)}`, { headers });
  if (answer.status === 404) return [];
  expect(answer.status).toBe(200);
  return ((await answer.json()) as TraceView).spans;
}

async function query<T extends pg.QueryResultRow>(database: TestDatabase, sql: string, values: unknown[] = []) {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    return (await client.query<T>(sql, values)).rows;
  } finally {
    await client.end();
  }
}

describe('OTLP/gRPC', () => {
  let database: TestDatabase;
  let service: Service;
  let client: GrpcClient;
  let address: string;

  beforeAll(async () => {
    database = await createTestDatabase('otlp_grpc');
    service = await startService({ databaseUrl: database.url });
    address = service.grpcAddress;
    client = new GrpcClient(address);
  });
  afterAll(async () => {
    client?.close();
    await service?.stop();
    await database?.drop();
  });

  describe('success', () => {
    it.each([
      { compression: 'none', options: {} },
      { compression: 'gzip', options: { 'grpc.default_compression_algorithm': 2 } },
    ])('stores a request that a client sends with compression $compression', async ({ options }) => {
      const traceId = randomBytes(16);
      const other = new GrpcClient(address, options);
      const answer = await other.call(oneSpan(traceId));
      other.close();
      expect(answer).toEqual({ code: OK, message: '', details: [], body: Buffer.alloc(0) });
      expect(await storedSpans(service, traceId)).toHaveLength(1);
    });

    const gzipped = gzipSync(oneSpan());
    it.each([
      {
        name: 'application/grpc+proto',
        headers: { 'content-type': 'application/grpc+proto' },
        body: framed(oneSpan()),
      },
      { name: 'no te', headers: { te: undefined }, body: framed(oneSpan()) },
      { name: 'a message as it is though gzip is announced', headers: GZIP, body: framed(oneSpan()) },
      { name: 'an empty request', headers: {}, body: framed(Buffer.alloc(0)) },
      { name: 'an empty compressed request', headers: GZIP, body: framed(gzipSync(Buffer.alloc(0)), { flags: 1 }) },
      { name: 'a long time to wait', headers: { 'grpc-timeout': '99999999H' }, body: framed(oneSpan()) },
      { name: 'gzip of several members', headers: GZIP, body: framed(Buffer.concat([gzipped, gzipped]), { flags: 1 }) },
    ])('takes $name', async ({ headers, body }) => {
      const answer = await rawCall(address, [body], { headers });
      expect(answer).toMatchObject({
        status: 200,
        headers: { 'content-type': 'application/grpc', 'grpc-accept-encoding': 'gzip, identity' },
        trailers: { 'grpc-status': '0' },
        body: framed(Buffer.alloc(0)),
      });
    });

    it('takes a message in crumbs', async () => {
      const traceId = randomBytes(16);
      const body = framed(oneSpan(traceId));
      const crumbs = Array.from(body, (_, i) => body.subarray(i, i + 1));
      expect((await rawCall(address, crumbs)).trailers['grpc-status']).toBe('0');
      expect(await storedSpans(service, traceId)).toHaveLength(1);
    });

    it('keeps the bytes of gzip of a large request as they came', async () => {
      const long = text('exception.stacktrace', randomBytes(20_000).toString('hex'));
      const large = requestOf('large', [span(Date.now(), { attributes: [long] })]);
      const body = gzipSync(large, { level: 9, memLevel: 1 });
      expect((await rawCall(address, [framed(body, { flags: 1 })], { headers: GZIP })).trailers['grpc-status']).toBe(
        '0',
      );
      const found = await query(database, 'select 1 from segments where position($1::bytea in payload) > 0', [body]);
      expect(found).toHaveLength(1);
    });

    it('counts a request once, however often and by whichever protocol it comes', async () => {
      const traceId = randomBytes(16);
      const body = oneSpan(traceId);
      for (let i = 0; i < 2; i++) expect(await client.call(body)).toMatchObject({ code: OK });
      const headers = { 'content-type': 'application/x-protobuf' };
      const answer = await fetch(`${service.otlpUrl}/v1/traces`, {
        method: 'POST',
        headers,
        body: new Uint8Array(body),
      });
      expect(answer.status).toBe(200);
      const [stored, ...others] = await storedSpans(service, traceId);
      expect([stored!.copies, others]).toEqual([1, []]);
    });

    it('says which spans it rejected, and stores the others', async () => {
      const traceId = randomBytes(16);
      const bad = span(Date.now(), { traceId: Buffer.alloc(16) });
      const { code, body } = await client.call(requestOf('partial', [bad, span(Date.now(), { traceId })]));
      expect(code).toBe(OK);
      expect(otlpType('ExportTraceServiceResponse').decode(body).toJSON()).toEqual({
        partialSuccess: { rejectedSpans: '1', errorMessage: expect.stringContaining('invalid_trace_id') },
      });
      expect(await storedSpans(service, traceId)).toHaveLength(1);
    });

    it('answers 1,000 calls that begin at once on one connection, and has stored all of them', async () => {
      const traceIds = Array.from({ length: 1_000 }, () => randomBytes(16));
      const answers = await Promise.all(traceIds.map((traceId) => client.call(oneSpan(traceId, 'thousand'))));
      expect(answers.filter(({ code }) => code !== OK)).toEqual([]);
      const stored = await query(database, 'select distinct trace_id from trace_segments where trace_id = any($1)', [
        traceIds.map(hex),
      ]);
      expect(stored).toHaveLength(1_000);
    });

    it('takes messages as large as the limit', async () => {
      const pad = 'x'.repeat(1_000_000);
      const attributes = Array.from({ length: 20 }, (_, i) => text(`pad.${i}`, pad));
      const traceId = randomBytes(16);
      const body = requestOf('large', [span(Date.now(), { traceId, attributes })]);
      expect(await client.call(body)).toMatchObject({ code: OK });
      expect(await storedSpans(service, traceId)).toHaveLength(1);
    });
  });

  describe('refusal', () => {
    const valid = oneSpan(randomBytes(16), 'refused');
    const zipped = gzipSync(valid);
    const bomb = gzipSync(Buffer.alloc(MAX_BYTES + 1));
    it.each([
      { name: 'a truncated frame', chunks: [framed(valid).subarray(0, -3)], code: INVALID_ARGUMENT },
      { name: 'a truncated prefix', chunks: [framed(valid).subarray(0, 3)], code: INVALID_ARGUMENT },
      {
        name: 'a length that is too long',
        chunks: [framed(valid, { length: valid.length + 9 })],
        code: INVALID_ARGUMENT,
      },
      { name: 'a length that is too short', chunks: [framed(valid, { length: 9 })], code: UNIMPLEMENTED },
      { name: 'two messages', chunks: [framed(valid), framed(valid)], code: UNIMPLEMENTED },
      { name: 'no message', chunks: [], code: UNIMPLEMENTED },
      { name: 'flags that are none', chunks: [framed(valid, { flags: 2 })], code: INTERNAL },
      { name: 'truncated protobuf', chunks: [framed(valid.subarray(0, -3))], code: INVALID_ARGUMENT },
      { name: 'what is no protobuf', chunks: [framed(Buffer.alloc(50, 0xff))], code: INVALID_ARGUMENT },
      { name: 'wrong gzip', chunks: [framed(valid, { flags: 1 })], headers: GZIP, code: INVALID_ARGUMENT },
      {
        name: 'truncated gzip',
        chunks: [framed(zipped.subarray(0, -5), { flags: 1 })],
        headers: GZIP,
        code: INVALID_ARGUMENT,
      },
      { name: 'compression that is not announced', chunks: [framed(zipped, { flags: 1 })], code: INTERNAL },
      {
        name: 'another encoding',
        chunks: [framed(valid)],
        headers: { 'grpc-encoding': 'zstd' },
        code: UNIMPLEMENTED,
      },
      { name: 'a gzip bomb', chunks: [framed(bomb, { flags: 1 })], headers: GZIP, code: RESOURCE_EXHAUSTED },
      {
        name: 'a stated length beyond the limit',
        chunks: [framed(valid, { length: 0xffffffff })],
        code: RESOURCE_EXHAUSTED,
      },
      { name: 'a timeout that is none', chunks: [], headers: { 'grpc-timeout': 'soon' }, code: INVALID_ARGUMENT },
      {
        name: 'a foreign host',
        chunks: [framed(valid)],
        headers: { ':authority': 'traces.example:4317' },
        code: PERMISSION_DENIED,
      },
      {
        name: 'a web page',
        chunks: [framed(valid)],
        headers: { origin: 'https://traces.example' },
        code: PERMISSION_DENIED,
      },
      {
        name: 'a tenant that is none',
        chunks: [framed(valid)],
        headers: { 'x-tracehound-tenant': 'nobody' },
        code: PERMISSION_DENIED,
      },
      {
        name: 'a key that is none',
        chunks: [framed(valid)],
        headers: { authorization: 'Bearer nonsense' },
        code: UNAUTHENTICATED,
      },
      ...[
        '/opentelemetry.proto.collector.trace.v1.TraceService/Import',
        '/opentelemetry.proto.collector.logs.v1.LogsService/Import',
        '/v1/traces',
        '/',
      ].map((path) => ({ name: path, chunks: [framed(valid)], headers: { ':path': path }, code: UNIMPLEMENTED })),
    ])('answers $code to $name, at once and for good', async ({ chunks, headers, code }) => {
      const answer = await rawCall(address, chunks, { headers });
      expect(answer).toMatchObject({
        status: 200,
        headers: {
          'content-type': 'application/grpc',
          'grpc-accept-encoding': 'gzip, identity',
          'grpc-status': String(code),
        },
        body: Buffer.alloc(0),
      });
      expect(answer.headers['grpc-message']!.length).toBeGreaterThan(10);
      expect(detailsOf(answer.headers['grpc-status-details-bin'])).toEqual(
        code === INVALID_ARGUMENT && chunks.length > 0 ? ['BadRequest'] : [],
      );
    });

    it('tells senders of logs and metrics what to do', async () => {
      const path = '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export';
      expect(await client.call(Buffer.alloc(0), { path })).toMatchObject({
        code: UNIMPLEMENTED,
        message: 'Tracehound takes traces and logs only: send metrics elsewhere, or switch their exporter off',
      });
    });

    it('a client that sends one byte more than is allowed learns so', async () => {
      const { code, message, details } = await client.call(Buffer.alloc(MAX_BYTES + 1));
      expect([code, details]).toEqual([RESOURCE_EXHAUSTED, []]);
      expect(message).toContain(`${MAX_BYTES} are allowed`);
    });

    it.each([
      { name: 'OTLP/HTTP', headers: { 'content-type': 'application/x-protobuf' }, status: 415 },
      { name: 'gRPC for the web', headers: { 'content-type': 'application/grpc-web+proto' }, status: 415 },
      { name: 'no content type', headers: { 'content-type': undefined }, status: 415 },
      { name: 'GET', headers: { ':method': 'GET' }, status: 405 },
    ])('answers $status to $name', async ({ headers, status }) => {
      const isGet = headers[':method'] === 'GET';
      const answer = await rawCall(address, isGet ? [] : [framed(valid)], { headers });
      expect([answer.status, answer.headers['grpc-status']]).toEqual([status, undefined]);
    });

    it('tells whoever speaks HTTP/1 where to go', async () => {
      const headers = { 'content-type': 'application/x-protobuf' };
      const answer = await fetch(`http://${address}/v1/traces`, {
        method: 'POST',
        headers,
        body: new Uint8Array(valid),
      });
      const { port } = new URL(service.otlpUrl);
      expect([answer.status, await answer.text()]).toEqual([
        400,
        `this port takes OTLP/gRPC; OTLP/HTTP goes to port ${port}\n`,
      ]);
    });

    it.each([
      { name: 'what is neither HTTP/1 nor HTTP/2', bytes: Buffer.from([0x16, 3, 1, 0, 5, 1, 2, 3, 4, 5]) },
      { name: 'a broken preface', bytes: Buffer.from('PRI * HTTP/2.0\r\n\r\nSX\r\n\r\n') },
      { name: 'frames that are none', bytes: Buffer.concat([PREFACE, Buffer.alloc(100, 0xff)]) },
    ])('hangs up on $name, and goes on', async ({ bytes }) => {
      await sendRaw(`http://${address}`, bytes);
      expect((await rawCall(address, [framed(Buffer.alloc(0))])).trailers['grpc-status']).toBe('0');
    });

    it('waits no longer than the caller for a message that does not come', async () => {
      const began = Date.now();
      const headers = { 'grpc-timeout': '200m' };
      const answer = await rawCall(address, [framed(valid).subarray(0, 20)], { headers, isEnded: false });
      expect(answer.headers['grpc-status']).toBe(String(DEADLINE_EXCEEDED));
      expect(Date.now() - began).toBeLessThan(2_000);
    });

    it('has stored nothing of what it refused', async () => {
      expect(await query(database, `select 1 from services where name = 'grpc'`)).toHaveLength(1);
      expect(await query(database, `select 1 from services where name = 'refused'`)).toEqual([]);
    });
  });

  describe('health', () => {
    const path = '/grpc.health.v1.Health/Check';
    const asks = (service: string) => Buffer.concat([Buffer.from([0x0a, service.length]), Buffer.from(service)]);
    it.each(['', 'opentelemetry.proto.collector.trace.v1.TraceService'])('is SERVING: %p', async (name) => {
      expect(await client.call(asks(name), { path })).toMatchObject({ code: OK, body: Buffer.from([0x08, 1]) });
    });

    it('is not known of others', async () => {
      expect(await client.call(asks('a.b.C'), { path })).toMatchObject({ code: NOT_FOUND });
    });
  });

  it('a tenant is named by header as long as there is no key', async () => {
    const made = await fetch(`${service.apiUrl}/api/v1/tenants`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'other' }),
    });
    expect(made.status).toBe(201);
    const traceId = randomBytes(16);
    const metadata = { 'x-tracehound-tenant': 'other' };
    expect(await client.call(oneSpan(traceId), { metadata })).toMatchObject({ code: OK });
    expect(await storedSpans(service, traceId)).toHaveLength(0);
    expect(await storedSpans(service, traceId, metadata)).toHaveLength(1);
  });

  it('says where it listens, and ends with code 78 when that port is taken', async () => {
    expect(service.output()).toContain(`OTLP/gRPC traces and logs at ${address}`);
    const OTLP_GRPC_PORT = address.split(':')[1]!;
    const failure = await startService({ databaseUrl: database.url, env: { OTLP_GRPC_PORT } }).catch((error) => error);
    expect(failure).toBeInstanceOf(ServiceEnded);
    expect(failure).toMatchObject({
      code: 78,
      output: expect.stringContaining(`cannot listen on port ${OTLP_GRPC_PORT}`),
    });
  });

  it('is off when its port is 0', async () => {
    const other = await startService({ databaseUrl: database.url, env: { OTLP_GRPC_PORT: '0' } });
    expect(other.output()).not.toContain('gRPC');
    expect(await other.stop()).toBe(0);
  });
});

describe('OTLP/gRPC with keys', () => {
  it('asks for one in the metadata, and for its scope', async () => {
    const database = await createTestDatabase('otlp_grpc_keys');
    const service = await startService({ databaseUrl: database.url, env: { TRACEHOUND_ADMIN_KEY: ADMIN_KEY } });
    const client = new GrpcClient(service.grpcAddress);
    const asAdmin = { authorization: `Bearer ${ADMIN_KEY}` };
    try {
      const made = await fetch(`${service.apiUrl}/api/v1/keys`, {
        method: 'POST',
        headers: { ...asAdmin, 'content-type': 'application/json' },
        body: JSON.stringify({ name: 'dashboards', scopes: ['read'] }),
      });
      const { key } = (await made.json()) as { key: string };
      const traceId = randomBytes(16);
      const send = (metadata: Record<string, string>) => client.call(oneSpan(traceId), { metadata });
      expect(await send({})).toMatchObject({ code: UNAUTHENTICATED, details: [] });
      expect(await send({ authorization: `Bearer th_bbbbbbbb_${'b'.repeat(43)}` })).toMatchObject({
        code: UNAUTHENTICATED,
      });
      expect(await send({ authorization: `Bearer ${key}` })).toMatchObject({ code: PERMISSION_DENIED });
      expect(await storedSpans(service, traceId, asAdmin)).toHaveLength(0);
      expect(await send(asAdmin)).toMatchObject({ code: OK });
      expect(await storedSpans(service, traceId, asAdmin)).toHaveLength(1);
    } finally {
      client.close();
      await service.stop();
      await database.drop();
    }
  });
});

describe('OTLP/gRPC under trouble', () => {
  const MAX_PENDING_BYTES = 400_000;
  let database: TestDatabase;
  let service: Service;
  let client: GrpcClient;

  beforeAll(async () => {
    database = await createTestDatabase('otlp_grpc_trouble');
    const env = { INGEST_MAX_PENDING_BYTES: String(MAX_PENDING_BYTES), ROLES: 'ingest,api' };
    service = await startService({ databaseUrl: database.url, env });
    client = new GrpcClient(service.grpcAddress);
  });
  afterAll(async () => {
    client?.close();
    await service?.stop();
    await database?.drop();
  });

  const padded = (traceId: Uint8Array, bytes: number) =>
    requestOf('load', [
      span(Date.now(), { traceId, attributes: [text('pad', randomBytes(bytes / 2).toString('hex'))] }),
    ]);

  it('answers UNAVAILABLE with RetryInfo while the database is away, then loses nothing', async () => {
    const traceId = randomBytes(16);
    const body = oneSpan(traceId);
    expect(await client.call(oneSpan())).toMatchObject({ code: OK });
    const name = new URL(database.url).pathname.slice(1);
    const admin = new pg.Client({ connectionString: process.env['TEST_DATABASE_URL'] });
    await admin.connect();
    await admin.query(`alter database ${name} allow_connections false`);
    await admin.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = $1`, [name]);
    try {
      for (let i = 0; i < 3; i++) {
        expect(await client.call(body)).toMatchObject({ code: UNAVAILABLE, details: ['RetryInfo'] });
      }
      const path = '/grpc.health.v1.Health/Check';
      expect(await client.call(Buffer.alloc(0), { path })).toMatchObject({ code: OK, body: Buffer.from([0x08, 2]) });
    } finally {
      await admin.query(`alter database ${name} allow_connections true`);
      await admin.end();
    }
    expect(await client.call(body)).toMatchObject({ code: OK });
    expect(await storedSpans(service, traceId)).toHaveLength(1);
  });

  it('answers UNAVAILABLE to some when too much comes at once; whatever it answers OK to is stored', async () => {
    const traceIds = Array.from({ length: 40 }, () => randomBytes(16));
    const answers = await Promise.all(traceIds.map((traceId) => client.call(padded(traceId, 60_000))));
    const refused = answers.filter(({ code }) => code !== OK);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.length).toBeLessThan(answers.length);
    for (const answer of refused) expect(answer).toMatchObject({ code: UNAVAILABLE, details: ['RetryInfo'] });
    for (const [i, traceId] of traceIds.entries()) {
      if (answers[i]!.code === OK) expect(await storedSpans(service, traceId)).toHaveLength(1);
    }
  });

  it('shares its memory with OTLP/HTTP', async () => {
    const session = await openSession(service.grpcAddress);
    const held = rawCallOn(session, [framed(Buffer.alloc(MAX_PENDING_BYTES - 40_000), { length: 1_000_000 })], {
      isEnded: false,
      cancelAfterMs: 500,
    });
    await sleep(200);
    const send = () =>
      fetch(`${service.otlpUrl}/v1/traces`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-protobuf' },
        body: new Uint8Array(padded(randomBytes(16), 60_000)),
      });
    expect((await send()).status).toBe(503);
    await held;
    await sleep(50);
    expect((await send()).status).toBe(200);
    session.destroy();
  });

  it('gives back what calls held that were cancelled midway, or whose connection broke', async () => {
    for (const isBroken of [false, true]) {
      const session = await openSession(service.grpcAddress);
      session.on('error', () => undefined);
      const half = framed(Buffer.alloc(100_000), { length: 200_000 });
      const calls = Array.from({ length: 6 }, () =>
        rawCallOn(session, [half], { isEnded: false, ...(isBroken ? {} : { cancelAfterMs: 50 }) }),
      );
      if (isBroken) setTimeout(() => session.destroy(), 50);
      await Promise.all(calls);
      session.destroy();
    }
    await sleep(50);
    expect(await client.call(padded(randomBytes(16), 150_000))).toMatchObject({ code: OK });
  });

  /** Holds every commit up while `work` runs. */
  async function whileCommitsWait<T>(work: () => Promise<T>): Promise<T> {
    const blocker = new pg.Client({ connectionString: database.url });
    await blocker.connect();
    await blocker.query('begin');
    await blocker.query('lock table request_keys in access exclusive mode');
    try {
      return await work();
    } finally {
      await blocker.end();
    }
  }

  it('stores what came whole from a caller that left, or did not want to wait, and counts its repetition once', async () => {
    const [cancelled, late] = [randomBytes(16), randomBytes(16)];
    const body = oneSpan(late);
    await whileCommitsWait(async () => {
      const session = await openSession(service.grpcAddress);
      await rawCallOn(session, [framed(oneSpan(cancelled))], { cancelAfterMs: 200 });
      session.destroy();
      expect(await client.call(body, { deadlineMs: 200 })).toMatchObject({ code: DEADLINE_EXCEEDED });
    });
    expect(await client.call(body)).toMatchObject({ code: OK });
    for (const traceId of [cancelled, late]) {
      const [stored, ...others] = await storedSpans(service, traceId);
      expect([stored?.copies, others]).toEqual([1, []]);
    }
  });

  it('finishes what is under way when it stops, takes nothing more, and goes on where it left off', async () => {
    const port = await freePort();
    const start = () =>
      startService({ databaseUrl: database.url, env: { OTLP_GRPC_PORT: String(port), ROLES: 'ingest,api' } });
    const other = await start();
    const ownClient = new GrpcClient(other.grpcAddress);
    const idle = await openSession(other.grpcAddress);
    const goaway = new Promise<number>((resolve) => idle.once('goaway', resolve));
    const traceIds = Array.from({ length: 100 }, () => randomBytes(16));
    const bodies = traceIds.map((traceId) => oneSpan(traceId));
    const { sending, stopped, tooLate } = await whileCommitsWait(async () => {
      const sending = bodies.slice(0, 50).map((body) => ownClient.call(body));
      await sleep(500);
      const stopped = other.stop();
      expect(await goaway).toBe(0);
      const tooLate = await Promise.all(bodies.slice(50).map((body) => ownClient.call(body)));
      return { sending, stopped, tooLate };
    });
    for (const answer of await Promise.all(sending)) expect(answer).toMatchObject({ code: OK });
    for (const answer of tooLate) expect(answer).toMatchObject({ code: UNAVAILABLE });
    expect(await stopped).toBe(0);
    const stored = () => Promise.all(traceIds.map((traceId) => storedSpans(service, traceId)));
    expect((await stored()).map((spans) => spans.length)).toEqual(traceIds.map((_, i) => (i < 50 ? 1 : 0)));

    const next = await start();
    const repeated = await Promise.all(bodies.map((body) => ownClient.call(body)));
    ownClient.close();
    expect(repeated.filter(({ code }) => code !== OK)).toEqual([]);
    expect((await stored()).map((spans) => spans.map(({ copies }) => copies))).toEqual(traceIds.map(() => [1]));
    expect(await next.stop()).toBe(0);
  });
});
