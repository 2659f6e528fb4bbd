import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { GrpcClient } from '../support/grpc-call.js';
import { otlpType, requestOf, span } from '../support/otlp-proto.js';
import { post } from '../support/receiver.js';
import { type Service, startService } from '../support/service.js';

const PROTOBUF = { 'content-type': 'application/x-protobuf' };
const ADMIN_KEY = `th_adminkey_${'A'.repeat(43)}`;
const RESOURCE_EXHAUSTED = 8;
let database: TestDatabase;
let service: Service;
let tenantId: number;
let key: string;

async function api(method: string, path: string, body?: unknown, as = ADMIN_KEY) {
  const answer = await fetch(`${service.apiUrl}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${as}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
    body: body === undefined ? null : JSON.stringify(body),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}
const request = (spans: number) =>
  requestOf(
    'limited',
    Array.from({ length: spans }, () => span(Date.now())),
  );
const send = (spans: number, as = key) =>
  post(service.otlpUrl, request(spans), { ...PROTOBUF, authorization: `Bearer ${as}` });

beforeAll(async () => {
  database = await createTestDatabase('limits');
  service = await startService({
    databaseUrl: database.url,
    env: { ROLES: 'ingest,api', TRACEHOUND_ADMIN_KEY: ADMIN_KEY, INGEST_BURST_S: '1' },
  });
  tenantId = (await api('POST', '/tenants', { name: 'limited' })).body['id'] as number;
  key = (await api('POST', '/keys', { name: 'k', scopes: ['admin', 'ingest', 'read'], tenantId })).body[
    'key'
  ] as string;
});
afterAll(async () => {
  await service?.stop();
  await database?.drop();
});

it('lets a tenant see its limits, and only the operator change them', async () => {
  const path = `/tenants/${tenantId}/limits`;
  const none = { spansPerSecond: 0, bytesPerSecond: 0, burstSeconds: 1 };
  expect((await api('GET', path, undefined, key)).body).toEqual({
    spansPerSecond: null,
    bytesPerSecond: null,
    effective: none,
  });
  const limits = { spansPerSecond: 100, bytesPerSecond: null };
  expect((await api('PUT', path, limits, key)).status).toBe(403);
  expect((await api('GET', '/tenants/1/limits', undefined, key)).status).toBe(403);
  expect((await api('PUT', '/tenants/4711/limits', limits)).status).toBe(404);
  expect((await api('PUT', path, { spansPerSecond: -1, bytesPerSecond: null })).status).toBe(400);
  const { status, body } = await api('PUT', path, limits);
  expect({ status, body }).toEqual({ status: 200, body: { ...limits, effective: { ...none, spansPerSecond: 100 } } });
});

it('answers 429 with Retry-After beyond the rate, in gRPC RESOURCE_EXHAUSTED with RetryInfo, and stores the rest', async () => {
  // Longer than settings are remembered.
  await sleep(5_100);
  expect((await send(1)).status).toBe(200);
  expect((await send(300)).status).toBe(200);
  const refused = await send(1);
  expect(refused.status).toBe(429);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  expect(otlpType('RpcStatus').decode(refused.body).toJSON()).toMatchObject({
    code: RESOURCE_EXHAUSTED,
    message: 'this tenant may send 100 spans a second, and has sent more',
  });
  const client = new GrpcClient(service.grpcAddress);
  expect(await client.call(request(1), { metadata: { authorization: `Bearer ${key}` } })).toMatchObject({
    code: RESOURCE_EXHAUSTED,
    details: ['RetryInfo'],
  });
  client.close();
  // Another tenant hears nothing of it.
  const other = (await api('POST', '/keys', { name: 'o', scopes: ['ingest'] })).body['key'] as string;
  expect((await send(300, other)).status).toBe(200);
  expect((await send(300, other)).status).toBe(200);
  await sleep(2_300);
  expect((await send(1)).status).toBe(200);
});

it('holds bytes to a rate too, once unpacked', async () => {
  const size = request(10).length;
  await api('PUT', `/tenants/${tenantId}/limits`, { spansPerSecond: 0, bytesPerSecond: size });
  await sleep(5_100);
  expect((await send(100)).status).toBe(200);
  const refused = await send(1);
  expect(refused.status).toBe(429);
  expect(otlpType('RpcStatus').decode(refused.body).toJSON()['message']).toContain('bytes a second');
});

it('counts what it refused by reason', async () => {
  await sleep(1_200);
  const answer = await fetch(`${service.apiUrl}/metrics`, { headers: { authorization: `Bearer ${key}` } });
  const text = await answer.text();
  expect(text).toContain('tracehound_requests_refused_total{reason="rate_spans"} 2');
  expect(text).toMatch(/tracehound_requests_refused_total\{reason="rate_bytes"\} 1/);
});

it('says what normalising names would do, does it when told, and finds spans by either name', async () => {
  await api('PUT', `/tenants/${tenantId}/limits`, { spansPerSecond: 0, bytesPerSecond: 0 });
  await sleep(5_100);
  const named = (...names: string[]) =>
    post(
      service.otlpUrl,
      requestOf(
        'users',
        names.map((name) => span(Date.now(), { name })),
      ),
      { ...PROTOBUF, authorization: `Bearer ${key}` },
    );
  expect((await named('GET /users/1', 'GET /users/2', 'GET /cart')).status).toBe(200);
  const tried = { operations: 3, remaining: 2, renamed: 2 };
  expect((await api('POST', '/span-names/try', { service: 'users' }, key)).body).toMatchObject({
    ...tried,
    groups: [{ name: 'GET /users/{n}', operations: 2, examples: ['GET /users/1', 'GET /users/2'] }],
  });
  expect((await api('POST', '/span-names/try', { service: 'nobody' }, key)).status).toBe(404);
  expect((await api('GET', '/span-names', undefined, key)).body).toEqual({ normalise: false });
  expect((await api('PUT', '/span-names', { normalise: true }, key)).body).toEqual({ normalise: true });
  await sleep(5_100);
  expect((await named('GET /users/3', 'GET /users/4')).status).toBe(200);
  const { body } = await api('GET', '/operations?service=users', undefined, key);
  const names = (body['operations'] as { name: string }[]).map(({ name }) => name).sort();
  expect(names).toEqual(['GET /cart', 'GET /users/1', 'GET /users/2', 'GET /users/{n}']);
  const find = async (operation: string) => {
    const from = new Date(Date.now() - 60_000).toISOString();
    const query = new URLSearchParams({
      service: 'users',
      operation,
      from,
      to: new Date(Date.now() + 60_000).toISOString(),
    });
    const found = (await api('GET', `/traces?${query.toString()}`, undefined, key)).body;
    return (found['traces'] as { matched: { operation: string }[] }[])
      .map(({ matched }) => matched[0]!.operation)
      .sort();
  };
  // The span keeps its own name.
  expect(await find('GET /users/{n}')).toEqual(['GET /users/3', 'GET /users/4']);
  expect(await find('GET /users/4')).toEqual(['GET /users/4']);
  expect(await find('GET /users/1')).toEqual(['GET /users/1']);
});
