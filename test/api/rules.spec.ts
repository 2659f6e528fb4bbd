import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { startService } from '../support/service.js';
import { QueryRows } from './query-rows.js';

let database: TestDatabase;
let service: Awaited<ReturnType<typeof startService>>;
let db: pg.Client;
let rows: QueryRows;
let admin: { tenantId: number; key: string };

beforeAll(async () => {
  database = await createTestDatabase('rules');
  service = await startService({ databaseUrl: database.url, env: { ROLES: 'api' } });
  db = new pg.Client({ connectionString: database.url });
  await db.connect();
  rows = new QueryRows(db);
});
beforeEach(async () => {
  admin = await rows.tenant(randomUUID(), ['admin', 'read']);
});
afterAll(async () => {
  await db?.end();
  await service?.stop();
  await database?.drop();
});

interface Reply {
  status: number;
  body: Record<string, unknown>;
}
interface Rule {
  id: string;
  name: string;
}

async function call(method: string, path: string, body?: unknown, key = admin.key): Promise<Reply> {
  const response = await fetch(`${service.apiUrl}/api/v1/${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) };
}

async function list(): Promise<Rule[]> {
  return (await call('GET', 'rules')).body['rules'] as Rule[];
}

describe('the default rule', () => {
  it('is there from the first look, like any other', async () => {
    const [rule] = await list();
    expect(rule).toEqual({
      id: expect.any(String),
      name: 'default',
      enabled: true,
      services: ['*'],
      minSeverity: 'warning',
      channelIds: null,
    });
    const changed = { name: 'everything', services: ['*'], enabled: false, minSeverity: 'critical', channelIds: null };
    expect(await call('PUT', `rules/${rule?.id}`, changed)).toMatchObject({ status: 200, body: changed });
    expect(await list()).toEqual([{ id: rule?.id, ...changed }]);
  });

  it('stays away when it was deleted', async () => {
    const [rule] = await list();
    expect((await call('DELETE', `rules/${rule?.id}`)).status).toBe(204);
    expect(await list()).toEqual([]);
  });

  it('is there also when another rule came first', async () => {
    expect((await call('POST', 'rules', { name: 'mine', services: ['cart'] })).status).toBe(201);
    expect((await list()).map(({ name }) => name)).toEqual(['default', 'mine']);
  });
});

describe('input that cannot be used', () => {
  const cases: { name: string; input: object; status: number; field: string }[] = [
    { name: 'no name', input: { name: ' ' }, status: 400, field: 'name' },
    { name: 'long name', input: { name: 'x'.repeat(101) }, status: 400, field: 'name' },
    { name: 'no service', input: { services: [] }, status: 400, field: 'services' },
    { name: 'NUL in a glob', input: { services: ['a\u0000'] }, status: 400, field: 'services.0' },
    { name: 'unknown severity', input: { minSeverity: 'bad' }, status: 400, field: 'minSeverity' },
    { name: 'no channel', input: { channelIds: [] }, status: 400, field: 'channelIds' },
    { name: 'no id', input: { channelIds: ['ops'] }, status: 400, field: 'channelIds.0' },
    { name: 'unknown channel', input: { channelIds: [randomUUID()] }, status: 422, field: 'channelIds' },
    { name: 'unknown field', input: { colour: 'red' }, status: 400, field: 'colour' },
    { name: 'name in use', input: { name: 'default' }, status: 409, field: 'name' },
  ];
  it.each(cases)('$name: $status for $field', async ({ input, status, field }) => {
    const reply = await call('POST', 'rules', { name: 'x', services: ['*'], ...input });
    expect(reply).toMatchObject({ status, body: { error: { message: expect.any(String), field } } });
    expect(await list()).toHaveLength(1);
  });

  it('there are at most 500', async () => {
    await db.query(
      `insert into rules (id, tenant_id, name, services, min_severity)
       select gen_random_uuid(), $1, 'r' || n, '{*}', 'info' from generate_series(1, 500) n`,
      [admin.tenantId],
    );
    expect(await call('POST', 'rules', { name: 'one more', services: ['*'] })).toMatchObject({
      status: 422,
      body: { error: { code: 'too_many' } },
    });
  });
});

describe('access', () => {
  it('needs scope read to look and admin to change', async () => {
    const [rule] = await list();
    const reader = await rows.key(admin.tenantId, ['read']);
    expect((await call('GET', `rules/${rule?.id}`, undefined, reader)).status).toBe(200);
    const input = { name: 'y', services: ['*'] };
    expect((await call('POST', 'rules', input, reader)).status).toBe(403);
    expect((await call('PUT', `rules/${rule?.id}`, input, reader)).status).toBe(403);
    expect((await call('DELETE', `rules/${rule?.id}`, undefined, reader)).status).toBe(403);
    expect(await list()).toHaveLength(1);
  });

  it("finds nothing under another tenant's ids", async () => {
    const [rule] = await list();
    const other = await rows.tenant(randomUUID(), ['admin', 'read']);
    const input = { name: 'y', services: ['*'] };
    expect((await call('GET', `rules/${rule?.id}`, undefined, other.key)).status).toBe(404);
    expect((await call('PUT', `rules/${rule?.id}`, input, other.key)).status).toBe(404);
    expect((await call('DELETE', `rules/${rule?.id}`, undefined, other.key)).status).toBe(404);
    expect(await list()).toHaveLength(1);
  });
});
