import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { request } from 'node:http';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { startService, type Service } from '../support/service.js';

const ADMIN_KEY = `th_adminkey_${'A'.repeat(43)}`;

interface Answer {
  status: number;
  body: any; // eslint-disable-line @typescript-eslint/no-explicit-any -- answers of many routes
}

let database: TestDatabase;
let service: Service;

async function send(method: string, path: string, options: { key?: string; body?: unknown } = {}): Promise<Answer> {
  const response = await fetch(`${service.apiUrl}${path}`, {
    method,
    headers: {
      ...(options.key !== undefined && { authorization: `Bearer ${options.key}` }),
      ...(options.body !== undefined && { 'content-type': 'application/json' }),
    },
    body: options.body === undefined ? null : JSON.stringify(options.body),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? null : JSON.parse(text) };
}

/** Like `send`, with headers that fetch does not let one set. */
function sendAs(headers: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    const get = request(`${service.apiUrl}/api/v1/keys`, { headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    get.once('error', reject).end();
  });
}

async function query(sql: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql, values)).rows;
  } finally {
    await client.end();
  }
}

describe('without any API key, on loopback', () => {
  beforeAll(async () => {
    database = await createTestDatabase('access_keyless');
    service = await startService({ databaseUrl: database.url, env: { ROLES: 'ingest,api' } });
  });
  afterAll(async () => {
    await service?.stop();
    await database?.drop();
  });

  it.each<{ name: string; headers: Record<string, string>; status: number }>([
    { name: 'localhost', headers: { host: 'localhost:16686' }, status: 200 },
    { name: 'a loopback address', headers: { host: '127.0.0.1' }, status: 200 },
    { name: 'a name that was made to point here', headers: { host: 'evil.example' }, status: 403 },
    { name: 'a page of this machine', headers: { origin: 'http://localhost:5173' }, status: 200 },
    { name: 'a page of another site', headers: { origin: 'https://evil.example' }, status: 403 },
    { name: 'a page in a sandbox', headers: { origin: 'null' }, status: 403 },
    { name: 'a key that is not known', headers: { authorization: `Bearer ${ADMIN_KEY}` }, status: 401 },
    { name: 'a header that holds no key', headers: { authorization: 'Basic dXNlcjpwYXNz' }, status: 401 },
  ])('answers $status to $name', async ({ headers, status }) => {
    expect(await sendAs(headers)).toBe(status);
  });

  it('says so at start', () => {
    expect(service.output()).toContain('no API key yet, so only this machine gets in');
  });

  it('takes spans, but not those that a page of another site sends', async () => {
    const post = (headers: Record<string, string>) =>
      fetch(`${service.otlpUrl}/v1/traces`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: '{"resourceSpans":[]}',
      });
    expect((await post({})).status).toBe(200);
    expect((await post({ origin: 'https://evil.example' })).status).toBe(403);
  });

  it('wants the first key to be one that can make others; from then on a key is needed, even after it was revoked', async () => {
    const weak = await send('POST', '/api/v1/keys', { body: { name: 'ci', scopes: ['ingest'] } });
    expect(weak).toMatchObject({ status: 422, body: { error: { code: 'first_key', field: 'scopes' } } });
    expect((await send('GET', '/api/v1/keys')).status).toBe(200);

    const first = await send('POST', '/api/v1/keys', { body: { name: 'root', scopes: ['admin'] } });
    expect(first.status).toBe(201);
    expect((await send('GET', '/api/v1/keys')).status).toBe(401);
    const { key, id } = first.body;
    expect((await send('GET', '/api/v1/keys', { key })).status).toBe(200);

    expect((await send('DELETE', `/api/v1/keys/${id}`, { key })).status).toBe(204);
    expect((await send('GET', '/api/v1/keys')).status).toBe(401);
    expect(await send('GET', '/api/v1/keys', { key })).toMatchObject({
      status: 401,
      body: { error: { code: 'revoked_key' } },
    });
  });
});

describe('with keys', () => {
  let ingest: string;
  let read: string;
  let admin: string;
  let other: { tenantId: number; admin: string };

  async function make(
    body: { name: string; scopes: string[]; tenantId?: number; expiresAt?: string },
    key = ADMIN_KEY,
  ) {
    const made = await send('POST', '/api/v1/keys', { key, body });
    if (made.status !== 201) throw new Error(JSON.stringify(made));
    return made.body as { id: string; key: string; prefix: string; tenantId: number };
  }

  beforeAll(async () => {
    database = await createTestDatabase('access_keys');
    service = await startService({
      databaseUrl: database.url,
      env: { ROLES: 'ingest,api', TRACEHOUND_ADMIN_KEY: ADMIN_KEY },
    });
    ingest = (await make({ name: 'ingest', scopes: ['ingest'] })).key;
    read = (await make({ name: 'read', scopes: ['read'] })).key;
    admin = (await make({ name: 'admin', scopes: ['admin'] })).key;
    const tenant = await send('POST', '/api/v1/tenants', { key: ADMIN_KEY, body: { name: 'other' } });
    expect(tenant).toMatchObject({ status: 201, body: { id: expect.any(Number), name: 'other' } });
    const tenantId = tenant.body.id as number;
    other = { tenantId, admin: (await make({ name: 'theirs', scopes: ['admin'], tenantId })).key };
  });
  afterAll(async () => {
    await service?.stop();
    await database?.drop();
  });

  it('lets whoever sends spans send alerts, and nobody who only looks', async () => {
    const alerts = [{ labels: { alertname: 'Sent', severity: 'warning' } }];
    for (const [key, status] of [
      [ingest, 200],
      [admin, 200],
      [read, 403],
    ] as const) {
      expect(await send('POST', '/api/v2/alerts', { key, body: alerts })).toMatchObject({ status });
    }
    expect(await send('POST', '/api/v2/silences', { key: ingest, body: {} })).toMatchObject({ status: 403 });
  });

  it('keeps of a key its prefix and hash, and tells it once', async () => {
    const made = await make({ name: 'once', scopes: ['read'] });
    expect(made.key.split('_')[1]).toBe(made.prefix);
    const [row] = await query(`select *, encode(token_hash, 'hex') as hex from api_keys where id = $1`, [made.id]);
    expect(JSON.stringify(row)).not.toContain(made.key.split('_').slice(2).join('_'));
    expect(row).toMatchObject({ token_prefix: made.prefix, hex: expect.stringMatching(/^[0-9a-f]{64}$/) });
    const listed = await send('GET', '/api/v1/keys', { key: ADMIN_KEY });
    expect(JSON.stringify(listed.body)).not.toContain(made.key);
    expect(listed.body.keys).toContainEqual(
      expect.objectContaining({ id: made.id, prefix: made.prefix, scopes: ['read'] }),
    );
    expect(service.output()).not.toContain(made.key);
    expect(service.output()).not.toContain(ADMIN_KEY);
  });

  it.each([
    { path: '/api/v1/services', who: 'nobody', status: 401 },
    { path: '/api/v1/services', who: 'ingest', status: 403 },
    { path: '/api/v1/services', who: 'read', status: 200 },
    { path: '/api/v1/services', who: 'admin', status: 200 },
    { path: '/api/v1/keys', who: 'nobody', status: 401 },
    { path: '/api/v1/keys', who: 'ingest', status: 403 },
    { path: '/api/v1/keys', who: 'read', status: 403 },
    { path: '/api/v1/keys', who: 'admin', status: 200 },
    { path: '/api/v1/tenants', who: 'read', status: 403 },
    { path: '/api/v1/tenants', who: 'other', status: 403 },
    { path: '/api/v1/tenants', who: 'admin', status: 200 },
    { path: '/health', who: 'nobody', status: 200 },
  ])('GET $path by $who: $status', async ({ path, who, status }) => {
    const keys: Record<string, string | undefined> = { ingest, read, admin, other: other.admin };
    const key = keys[who];
    expect((await send('GET', path, key === undefined ? {} : { key })).status).toBe(status);
  });

  it.each([
    { who: 'nobody', status: 401 },
    { who: 'read', status: 403 },
    { who: 'admin', status: 403 },
    { who: 'ingest', status: 200 },
  ])('spans by $who: $status', async ({ who, status }) => {
    const key = { read, admin, ingest }[who];
    const response = await fetch(`${service.otlpUrl}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(key !== undefined && { authorization: `Bearer ${key}` }) },
      body: '{"resourceSpans":[]}',
    });
    expect(response.status).toBe(status);
  });

  it('leaves no route of the API open but health', async () => {
    const { body } = await send('GET', '/api/docs-json');
    const open: string[] = [];
    for (const [path, methods] of Object.entries(body.paths as Record<string, object>)) {
      for (const method of Object.keys(methods)) {
        const { status } = await send(method.toUpperCase(), path.replaceAll(/\{\w+\}/g, '1'));
        if (status !== 401) open.push(`${method} ${path} ${status}`);
      }
    }
    expect(open).toEqual(['get /health 200']);
  });

  it.each([
    { name: 'the secret is another', change: (key: string) => `${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}` },
    { name: 'the prefix is another', change: (key: string) => key.replace(/^th_.{8}/, 'th_00000000') },
    { name: 'the form is another', change: (key: string) => `${key}x` },
  ])('refuses a key of which $name', async ({ change }) => {
    expect(await send('GET', '/api/v1/services', { key: change(read) })).toMatchObject({
      status: 401,
      body: { error: { code: 'bad_key' } },
    });
  });

  it('ends a key at once when it is revoked, and only once', async () => {
    const { key, id } = await make({ name: 'short', scopes: ['read'] });
    expect((await send('GET', '/api/v1/services', { key })).status).toBe(200);
    expect((await send('DELETE', `/api/v1/keys/${id}`, { key: admin })).status).toBe(204);
    expect((await send('GET', '/api/v1/services', { key })).status).toBe(401);
    expect((await send('DELETE', `/api/v1/keys/${id}`, { key: admin })).status).toBe(404);
  });

  it('ends a key when its time is over', async () => {
    const expiresAt = new Date(Date.now() + 1_500).toISOString();
    const { key } = await make({ name: 'timed', scopes: ['read'], expiresAt });
    expect((await send('GET', '/api/v1/services', { key })).status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 1_600));
    expect(await send('GET', '/api/v1/services', { key })).toMatchObject({
      status: 401,
      body: { error: { code: 'expired_key' } },
    });
  });

  it('notes when a key was last used', async () => {
    const { key, id } = await make({ name: 'used', scopes: ['read'] });
    await send('GET', '/api/v1/services', { key });
    const used = async () =>
      (await query('select last_used_at from api_keys where id = $1', [id]))[0]?.['last_used_at'] ?? null;
    for (let i = 0; i < 50 && (await used()) === null; i += 1) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await used()).not.toBeNull();
  });

  describe('a tenant admin', () => {
    it('makes keys of its own tenant', async () => {
      const { tenantId } = await make({ name: 'own', scopes: ['read'] }, other.admin);
      expect(tenantId).toBe(other.tenantId);
    });

    it.each([
      {
        name: 'make keys of another tenant',
        method: 'POST',
        path: '/api/v1/keys',
        body: { name: 'x', scopes: ['read'], tenantId: 1 },
      },
      { name: 'see keys of another tenant', method: 'GET', path: '/api/v1/keys?tenantId=1' },
      { name: 'make a tenant', method: 'POST', path: '/api/v1/tenants', body: { name: 'x' } },
    ])('may not $name', async ({ method, path, body }) => {
      expect((await send(method, path, { key: other.admin, body })).status).toBe(403);
    });

    it('does not find keys of another tenant to revoke', async () => {
      const { id, key } = await make({ name: 'default one', scopes: ['read'] });
      expect((await send('DELETE', `/api/v1/keys/${id}`, { key: other.admin })).status).toBe(404);
      expect((await send('DELETE', `/api/v1/keys/${id}?tenantId=1`, { key: other.admin })).status).toBe(403);
      expect((await send('GET', '/api/v1/services', { key })).status).toBe(200);
      const listed = await send('GET', '/api/v1/keys', { key: other.admin });
      expect(listed.body.keys.every((each: { tenantId: number }) => each.tenantId === other.tenantId)).toBe(true);
    });
  });

  it.each([
    { name: 'no name', body: { scopes: ['read'] }, status: 400, field: 'name' },
    { name: 'an empty name', body: { name: ' ', scopes: ['read'] }, status: 400, field: 'name' },
    { name: 'a name that hides something', body: { name: 'a\u202eb', scopes: ['read'] }, status: 400, field: 'name' },
    { name: 'no scope', body: { name: 'x', scopes: [] }, status: 400, field: 'scopes' },
    { name: 'a scope that is none', body: { name: 'x', scopes: ['root'] }, status: 400, field: 'scopes.0' },
    {
      name: 'a field that is none',
      body: { name: 'x', scopes: ['read'], admin: true },
      status: 400,
      field: 'admin',
    },
    {
      name: 'a tenant that is none',
      body: { name: 'x', scopes: ['read'], tenantId: 99 },
      status: 404,
      field: 'tenantId',
    },
    {
      name: 'an end that is past',
      body: { name: 'x', scopes: ['read'], expiresAt: '2020-01-01T00:00:00Z' },
      status: 422,
      field: 'expiresAt',
    },
  ])('refuses a key with $name', async ({ body, status, field }) => {
    const answer = await send('POST', '/api/v1/keys', { key: ADMIN_KEY, body });
    expect(answer.status).toBe(status);
    expect(answer.body.error).toEqual({
      code: expect.any(String),
      message: expect.any(String),
      ...(field && { field }),
    });
  });

  it('refuses a second tenant of one name', async () => {
    expect(await send('POST', '/api/v1/tenants', { key: ADMIN_KEY, body: { name: 'other' } })).toMatchObject({
      status: 409,
      body: { error: { code: 'name_taken', field: 'name' } },
    });
  });

  it('refuses bodies that are no JSON, too long, or of another type, each with a reason', async () => {
    const post = async (body: string, type: string) => {
      const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': type };
      const response = await fetch(`${service.apiUrl}/api/v1/tenants`, { method: 'POST', headers, body });
      return { status: response.status, ...((await response.json()) as { error: { code: string } }).error };
    };
    expect(await post('{"name":', 'application/json')).toMatchObject({ status: 400, code: 'bad_request' });
    expect(await post('{"name":"x"}', 'text/csv')).toMatchObject({ status: 415, code: 'unsupported_type' });
    const long = JSON.stringify({ name: 'x'.repeat(2 ** 20) });
    expect(await post(long, 'application/json')).toMatchObject({ status: 413, code: 'too_large' });
  });

  it('sends headers that keep browsers from guessing and framing, and none that names the server', async () => {
    const { headers } = await fetch(`${service.apiUrl}/api/v1/services`);
    expect(Object.fromEntries(headers)).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'content-security-policy': expect.stringContaining("default-src 'none'"),
      'www-authenticate': 'Bearer',
    });
    for (const name of ['server', 'x-powered-by']) expect(headers.has(name)).toBe(false);
  });
});
