import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { Webhook } from 'standardwebhooks';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { startService } from '../support/service.js';
import { startSink, type Sink } from '../support/sink.js';
import { QueryRows } from './query-rows.js';

let database: TestDatabase;
let service: Awaited<ReturnType<typeof startService>>;
let db: pg.Client;
let rows: QueryRows;
let sink: Sink;
let admin: { tenantId: number; key: string };

beforeAll(async () => {
  sink = await startSink();
  database = await createTestDatabase('channels');
  service = await startService({
    databaseUrl: database.url,
    env: { ROLES: 'api', OUTBOUND_ALLOW: '127.0.0.0/8' },
  });
  db = new pg.Client({ connectionString: database.url });
  await db.connect();
  rows = new QueryRows(db);
});
beforeEach(async () => {
  sink.requests.length = 0;
  sink.answer('/', { status: 200, body: 'ok' });
  admin = await rows.tenant(randomUUID(), ['admin', 'read']);
});
afterAll(async () => {
  await db?.end();
  await service?.stop();
  await database?.drop();
  await sink?.close();
});

interface Reply {
  status: number;
  body: Record<string, unknown>;
  text: string;
}

async function call(method: string, path: string, body?: unknown, key = admin.key): Promise<Reply> {
  const response = await fetch(`${service.apiUrl}/api/v1/${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>), text };
}

async function make(input: object = {}): Promise<Record<string, unknown>> {
  const made = await call('POST', 'channels', { name: 'ops', type: 'webhook', url: `${sink.url}/geheim`, ...input });
  expect(made).toMatchObject({ status: 201 });
  return made.body;
}

describe('a channel', () => {
  it('tells its signing secret once and its URL never', async () => {
    const made = await make();
    expect(made).toMatchObject({
      name: 'ops',
      type: 'webhook',
      enabled: true,
      url: `${sink.url}/…`,
      disabledReason: null,
      signingSecret: expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/),
    });
    const { signingSecret, ...shown } = made;
    expect((await call('GET', 'channels')).body).toEqual({ channels: [shown] });
    expect((await call('GET', `channels/${String(made['id'])}`)).body).toEqual(shown);
    const renamed = await call('PUT', `channels/${String(made['id'])}`, { name: 'ops 2' });
    for (const { text } of [await call('GET', 'channels'), renamed]) {
      expect(text).not.toContain('geheim');
      expect(text).not.toContain(String(signingSecret));
    }
    const slack = await make({ name: 'slack', type: 'slack', url: 'https://hooks.slack.com/services/T0/B0/geheim' });
    expect(slack).toMatchObject({ url: 'https://hooks.slack.com/…' });
    expect(slack).not.toHaveProperty('signingSecret');
  });

  it('can be changed, keeping what is left out, and deleted', async () => {
    const { id } = await make();
    const rule = await call('POST', 'rules', { name: 'r', services: ['*'], channelIds: [id] });
    expect(rule.status).toBe(201);
    expect(
      (await call('PUT', `channels/${String(id)}`, { name: 'two', type: 'webhook', enabled: false })).body,
    ).toMatchObject({
      name: 'two',
      enabled: false,
      url: `${sink.url}/…`,
    });
    expect((await call('POST', `channels/${String(id)}/test`)).body).toMatchObject({ outcome: 'sent' });
    expect(sink.at('/geheim')).toHaveLength(1);
    await call('PUT', `channels/${String(id)}`, { url: `${sink.url}/other` });
    await call('POST', `channels/${String(id)}/test`);
    expect(sink.at('/other')).toHaveLength(1);
    expect((await call('DELETE', `channels/${String(id)}`)).status).toBe(204);
    expect((await call('GET', `channels/${String(id)}`)).status).toBe(404);
    expect((await call('GET', `rules/${String(rule.body['id'])}`)).body).toMatchObject({ channelIds: [] });
  });

  it('gets a new secret when asked, and signs with both', async () => {
    const { id, signingSecret } = await make();
    const rotated = await call('PUT', `channels/${String(id)}`, { rotateSecret: true });
    await call('POST', `channels/${String(id)}/test`);
    const { body, headers } = sink.at('/geheim')[0] ?? { body: '', headers: {} };
    for (const secret of [signingSecret, rotated.body['signingSecret']]) {
      const told = new Webhook(String(secret)).verify(body, headers as Record<string, string>);
      expect(told).toMatchObject({ type: 'channel.test', data: { incident: null } });
    }
    expect(rotated.body['signingSecret']).not.toBe(signingSecret);
  });

  it('can be tried: the outcome is told, the answer of the receiver is not', async () => {
    const { id } = await make();
    sink.answer('/', { status: 500, body: 'inner workings' });
    const tried = await call('POST', `channels/${String(id)}/test`);
    expect(tried).toMatchObject({
      status: 200,
      body: { outcome: 'retry', status: 500, reason: 'the receiver answered 500', tookMs: expect.any(Number) },
    });
    expect(tried.text).not.toContain('inner');
  });
});

describe('input that cannot be used', () => {
  const cases: { name: string; input: object; status: number; field: string }[] = [
    { name: 'no name', input: { name: undefined }, status: 400, field: 'name' },
    { name: 'long name', input: { name: 'x'.repeat(101) }, status: 400, field: 'name' },
    { name: 'name with a line break', input: { name: 'a\nb' }, status: 400, field: 'name' },
    { name: 'NUL in the name', input: { name: 'a\u0000b' }, status: 400, field: 'name' },
    { name: 'unknown type', input: { type: 'pigeon' }, status: 400, field: 'type' },
    { name: 'unknown field', input: { colour: 'red' }, status: 400, field: 'colour' },
    { name: 'no URL', input: { url: 'nowhere' }, status: 422, field: 'url' },
    { name: 'other scheme', input: { url: 'file:///etc/passwd' }, status: 422, field: 'url' },
    { name: 'credentials', input: { url: 'https://a:b@example.com/' }, status: 422, field: 'url' },
    { name: 'private address', input: { url: 'http://10.0.0.1/' }, status: 422, field: 'url' },
    { name: 'metadata address', input: { url: 'http://169.254.169.254/latest' }, status: 422, field: 'url' },
    { name: 'hidden private address', input: { url: 'http://[::ffff:a9fe:a9fe]/' }, status: 422, field: 'url' },
  ];
  it.each(cases)('$name: $status for $field', async ({ input, status, field }) => {
    const reply = await call('POST', 'channels', { name: 'x', type: 'webhook', url: 'https://example.com/', ...input });
    expect(reply).toMatchObject({
      status,
      body: { error: { code: expect.any(String), message: expect.any(String), field } },
    });
    expect((await call('GET', 'channels')).body).toEqual({ channels: [] });
  });

  it('says how a private address can be allowed', async () => {
    const reply = await call('POST', 'channels', { name: 'x', type: 'webhook', url: 'http://10.0.0.1/' });
    expect(reply.text).toContain('OUTBOUND_ALLOW');
  });

  it('a name in use is a conflict', async () => {
    const { id } = await make();
    const again = await call('POST', 'channels', { name: 'ops', type: 'slack', url: 'https://example.com/' });
    expect(again).toMatchObject({ status: 409, body: { error: { field: 'name' } } });
    await make({ name: 'other' });
    expect(await call('PUT', `channels/${String(id)}`, { name: 'other' })).toMatchObject({ status: 409 });
  });

  it('a type stays what it is, and Slack has no secret', async () => {
    const { id } = await make({ type: 'slack' });
    expect(await call('PUT', `channels/${String(id)}`, { type: 'webhook' })).toMatchObject({
      status: 422,
      body: { error: { field: 'type' } },
    });
    expect(await call('PUT', `channels/${String(id)}`, { rotateSecret: true })).toMatchObject({
      status: 422,
      body: { error: { field: 'rotateSecret' } },
    });
  });

  it('there are at most 100', async () => {
    await db.query(
      `insert into channels (id, tenant_id, name, type, secret, url_shown)
       select gen_random_uuid(), $1, 'c' || n, 'webhook', '', '' from generate_series(1, 100) n`,
      [admin.tenantId],
    );
    const reply = await call('POST', 'channels', { name: 'one more', type: 'slack', url: 'https://example.com/' });
    expect(reply).toMatchObject({ status: 422, body: { error: { code: 'too_many' } } });
  });
});

describe('access', () => {
  it('needs scope read to look and admin to change', async () => {
    const { id } = await make();
    const reader = await rows.key(admin.tenantId, ['read']);
    const sender = await rows.key(admin.tenantId, ['ingest']);
    expect((await call('GET', 'channels', undefined, reader)).status).toBe(200);
    expect((await call('GET', 'channels', undefined, sender)).status).toBe(403);
    const input = { name: 'y', type: 'webhook', url: 'https://example.com/' };
    const changes = [
      ['POST', 'channels', input],
      ['PUT', `channels/${String(id)}`, { name: 'z' }],
      ['DELETE', `channels/${String(id)}`, undefined],
      ['POST', `channels/${String(id)}/test`, undefined],
    ] as const;
    for (const [method, path, body] of changes) expect((await call(method, path, body, reader)).status).toBe(403);
    expect((await call('GET', 'channels')).body['channels']).toHaveLength(1);
    expect(sink.requests).toHaveLength(0);
  });

  it("finds nothing under another tenant's ids", async () => {
    const { id } = await make();
    const other = await rows.tenant(randomUUID(), ['admin', 'read']);
    const tries = [
      ['GET', `channels/${String(id)}`, undefined],
      ['PUT', `channels/${String(id)}`, { enabled: false }],
      ['DELETE', `channels/${String(id)}`, undefined],
      ['POST', `channels/${String(id)}/test`, undefined],
    ] as const;
    for (const [method, path, body] of tries) expect((await call(method, path, body, other.key)).status).toBe(404);
    expect((await call('GET', 'channels', undefined, other.key)).body).toEqual({ channels: [] });
    expect((await call('GET', `channels/${String(id)}`)).body).toMatchObject({ enabled: true });
    const rule = { name: 'r', services: ['*'], channelIds: [id] };
    expect(await call('POST', 'rules', rule, other.key)).toMatchObject({
      status: 422,
      body: { error: { field: 'channelIds' } },
    });
    expect((await call('GET', 'channels/not-an-id')).status).toBe(400);
  });
});
