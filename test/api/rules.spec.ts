import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { ANOMALY_DEFAULTS } from '../../src/model/rule.js';
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
  etag: string | null;
  body: Record<string, unknown>;
}
interface Rule {
  id: string;
  name: string;
}

async function call(
  method: string,
  path: string,
  body?: unknown,
  key = admin.key,
  headers: Record<string, string> = {},
): Promise<Reply> {
  const response = await fetch(`${service.apiUrl}/api/v1/${path}`, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const etag = response.headers.get('etag');
  return { status: response.status, etag, body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) };
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
      source: 'api',
      ...ANOMALY_DEFAULTS,
    });
    const changed = { name: 'everything', services: ['*'], enabled: false, minSeverity: 'critical', channelIds: null };
    expect(await call('PUT', `rules/${rule?.id}`, changed)).toMatchObject({ status: 200, body: changed });
    expect(await list()).toEqual([{ id: rule?.id, source: 'api', ...ANOMALY_DEFAULTS, ...changed }]);
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

const THRESHOLD = { type: 'threshold', name: 'slow', services: ['cart'], measure: 'p99', above: 500 };

describe('rules of other types', () => {
  const cases: { name: string; input: object; field: string }[] = [
    { name: 'unknown type', input: { type: 'magic' }, field: 'type' },
    { name: 'no limit', input: { ...THRESHOLD, above: null }, field: 'above' },
    { name: 'two limits', input: { ...THRESHOLD, below: 1 }, field: 'above' },
    { name: 'recovery on the wrong side', input: { ...THRESHOLD, recoverAt: 600 }, field: 'recoverAt' },
    { name: 'no duration', input: { ...THRESHOLD, window: '5 minutes' }, field: 'window' },
    { name: 'half a window', input: { ...THRESHOLD, window: '15s' }, field: 'window' },
    { name: 'Apdex of nothing', input: { ...THRESHOLD, measure: 'apdex', above: null, below: 0.8 }, field: 'apdexT' },
    { name: 'a label of ours', input: { ...THRESHOLD, labels: { severity: 'x' } }, field: 'labels.severity' },
    {
      name: 'code in a template',
      input: { ...THRESHOLD, annotations: { summary: '{{ constructor.constructor("x")() }}' } },
      field: 'annotations.summary',
    },
    { name: 'a script as link', input: { ...THRESHOLD, runbookUrl: 'javascript:alert(1)' }, field: 'runbookUrl' },
    {
      name: 'no time zone',
      input: { ...THRESHOLD, activeHours: { timeZone: 'Mars/Olympus', ranges: [{ days: ['mon'] }] } },
      field: 'activeHours.timeZone',
    },
    { name: 'n above m', input: { ...THRESHOLD, nOfM: { n: 3, m: 2 } }, field: 'nOfM.n' },
    {
      name: 'what rollups do not know',
      input: { ...THRESHOLD, attributes: [{ key: 'user.id', values: ['1'] }] },
      field: 'attributes.0.key',
    },
    {
      name: 'windows that are no durations',
      input: { type: 'burn_rate', name: 'b', objective: 0.9, windows: [{ long: '', short: '', burnRate: 1 }] },
      field: 'windows.0.long',
    },
    { name: 'an objective of 1', input: { type: 'burn_rate', name: 'b', objective: 1 }, field: 'objective' },
    {
      name: 'a burn rate out of reach',
      input: { type: 'burn_rate', name: 'b', objective: 0.9, windows: [{ long: '1h', short: '5m', burnRate: 14.4 }] },
      field: 'windows.0.burnRate',
    },
    {
      name: 'a later filter',
      input: { type: 'trace_match', name: 't', where: [{ relation: { is: 'child_of', filter: 0 } }] },
      field: 'where.0.relation.filter',
    },
    { name: 'no filter', input: { type: 'trace_match', name: 't', where: [] }, field: 'where' },
    { name: 'unknown change', input: { type: 'structural', name: 's', change: 'moved' }, field: 'change' },
  ];
  it.each(cases)('$name: 400 for $field', async ({ input, field }) => {
    expect(await call('POST', 'rules', { name: 'x', ...input })).toMatchObject({
      status: 400,
      body: { error: { field } },
    });
  });

  it('are listed by type, and by whether they are switched on', async () => {
    const made = await call('POST', 'rules', { type: 'absence', name: 'switched off', enabled: false });
    const names = async (query: string): Promise<string[]> =>
      ((await call('GET', `rules?${query}`)).body as { rules: { name: string }[] }).rules.map(({ name }) => name);
    expect(await names('type=absence&enabled=false')).toEqual(['switched off']);
    expect(await names('type=absence&enabled=true')).not.toContain('switched off');
    expect(await call('GET', 'rules?type=alarm')).toMatchObject({ status: 400, body: { error: { field: 'type' } } });
    await call('DELETE', `rules/${String(made.body['id'])}`);
  });

  it('are shown with what was left out', async () => {
    const made = await call('POST', 'rules', THRESHOLD);
    expect(made).toMatchObject({
      status: 201,
      body: { ...THRESHOLD, window: '5m', for: '0s', groupBy: ['service', 'operation'] },
    });
    const burn = await call('POST', 'rules', { type: 'burn_rate', name: 'slo', objective: 0.999 });
    expect(burn.body['windows']).toEqual([
      { long: '1h', short: '5m', burnRate: 14.4, severity: 'critical' },
      { long: '6h', short: '30m', burnRate: 6, severity: 'critical' },
      { long: '3d', short: '6h', burnRate: 1, severity: 'warning' },
    ]);
    expect((await list()).map(({ name }) => name)).toEqual(['default', 'slow', 'slo']);
    const first = await call('GET', 'rules?limit=2');
    expect((first.body['rules'] as Rule[]).map(({ name }) => name)).toEqual(['default', 'slow']);
    const second = await call('GET', `rules?limit=2&cursor=${String(first.body['nextCursor'])}`);
    expect(second.body).toMatchObject({ rules: [{ name: 'slo' }], nextCursor: null });
    expect(await call('GET', 'rules?cursor=x')).toMatchObject({ status: 400, body: { error: { field: 'cursor' } } });
  });

  it('can be put back as they were shown, which changes nothing', async () => {
    const { body, etag } = await call('POST', 'rules', THRESHOLD);
    const { id } = body;
    expect(await call('PUT', `rules/${String(id)}`, body)).toMatchObject({ status: 200, etag });
    const { rows: stored } = await db.query<{ epoch: number }>(`select epoch from rules where id = $1`, [id]);
    expect(stored).toEqual([{ epoch: 1 }]);
  });
});

describe('changes', () => {
  it('by a merge patch: what is null has its default again', async () => {
    const { body } = await call('POST', 'rules', { ...THRESHOLD, labels: { team: 'a', tier: '1' } });
    const path = `rules/${String(body['id'])}`;
    const patch = { above: 700, window: null, labels: { team: null } };
    const headers = { 'content-type': 'application/merge-patch+json' };
    expect(await call('PATCH', path, patch, admin.key, headers)).toMatchObject({
      status: 200,
      body: { name: 'slow', above: 700, window: '5m', labels: { tier: '1' } },
    });
    expect(await call('PATCH', path, { above: null })).toMatchObject({
      status: 400,
      body: { error: { field: 'above' } },
    });
    expect(await call('PATCH', path, { colour: 1 })).toMatchObject({
      status: 400,
      body: { error: { field: 'colour' } },
    });
    expect(await call('PATCH', path, [])).toMatchObject({ status: 400 });
    expect((await call('GET', path)).body).toMatchObject({ above: 700, measure: 'p99' });
  });

  it('with a stale If-Match are refused', async () => {
    const { body, etag } = await call('POST', 'rules', THRESHOLD);
    const path = `rules/${String(body['id'])}`;
    expect((await call('GET', path)).etag).toBe(etag);
    const ifMatch = { 'if-match': etag ?? '' };
    const changed = await call('PATCH', path, { above: 1_000 }, admin.key, ifMatch);
    expect(changed.status).toBe(200);
    expect(changed.etag).not.toBe(etag);
    const stale = { status: 412, body: { error: { code: 'changed', field: 'if-match' } } };
    expect(await call('PATCH', path, { above: 2_000 }, admin.key, ifMatch)).toMatchObject(stale);
    expect(await call('PUT', path, THRESHOLD, admin.key, ifMatch)).toMatchObject(stale);
    expect(await call('DELETE', path, undefined, admin.key, ifMatch)).toMatchObject(stale);
    expect((await call('DELETE', path, undefined, admin.key, { 'if-match': `"x", ${changed.etag}` })).status).toBe(204);
  });

  it('with a key are made once', async () => {
    const once = { 'idempotency-key': randomUUID() };
    const replies = await Promise.all([1, 2, 3].map(() => call('POST', 'rules', THRESHOLD, admin.key, once)));
    expect(replies.map(({ status }) => status)).toEqual([201, 201, 201]);
    expect(new Set(replies.map(({ body }) => body['id'])).size).toBe(1);
    expect(await list()).toHaveLength(2);
    expect(await call('POST', 'rules', { ...THRESHOLD, above: 1 }, admin.key, once)).toMatchObject({
      status: 422,
      body: { error: { code: 'key_reused' } },
    });
    const bad = { 'idempotency-key': 'x'.repeat(256) };
    expect(await call('POST', 'rules', THRESHOLD, admin.key, bad)).toMatchObject({ status: 400 });
  });

  it('reset what the rule knows only when they change what it means', async () => {
    const { body } = await call('POST', 'rules', THRESHOLD);
    const path = `rules/${String(body['id'])}`;
    const epoch = async () =>
      ((await db.query(`select epoch from rules where id = $1`, [body['id']])).rows[0] as { epoch: number }).epoch;
    await call('PATCH', path, { annotations: { summary: 'x' }, runbookUrl: 'https://x.test/' });
    expect(await epoch()).toBe(1);
    await call('PATCH', path, { above: 501 });
    expect(await epoch()).toBe(2);
  });
});

describe('what a rule did, does and would have done', () => {
  it('is asked for by id, and says so when there is nothing to look at', async () => {
    const [rule] = await list();
    expect(await call('GET', `rules/${rule?.id}/history`)).toMatchObject({ status: 200, body: { transitions: [] } });
    expect(await call('GET', `rules/${randomUUID()}/history`)).toMatchObject({ status: 404 });
    const none = { status: 422, body: { error: { code: 'no_data' } } };
    expect(await call('GET', `rules/${rule?.id}/explain`)).toMatchObject(none);
    expect(await call('POST', `rules/${rule?.id}/test`)).toMatchObject(none);
    expect(await call('POST', 'rules/test', THRESHOLD)).toMatchObject(none);
    expect(await call('POST', 'rules/backtest', { rule: THRESHOLD })).toMatchObject(none);
    expect(await call('POST', 'rules/backtest', { rule: { ...THRESHOLD, above: null } })).toMatchObject({
      status: 400,
      body: { error: { field: 'rule.above' } },
    });
    expect(await call('GET', `rules/backtests/${randomUUID()}`)).toMatchObject({ status: 404 });
  });

  it('goes by what was measured', async () => {
    const at = new Date(Math.floor(Date.now() / 10_000) * 10_000 - 600_000);
    await db.query(`insert into tenant_clocks (tenant_id, first_window_at, closed_through) values ($1, $2, $2)`, [
      admin.tenantId,
      at,
    ]);
    const through = new Date(at.getTime() + 120_000);
    await db.query(`insert into stage_cursors (tenant_id, stage, done_through) values ($1, 'evaluate', $2)`, [
      admin.tenantId,
      through,
    ]);
    const explained = await call('POST', 'rules/test', { ...THRESHOLD, services: [] });
    expect(explained).toMatchObject({ status: 200, body: { at: through.toISOString(), resolution: '10s', total: 0 } });
    const begun = await call('POST', 'rules/backtest', { rule: THRESHOLD, from: at.toISOString() });
    expect(begun).toMatchObject({ status: 202, body: { from: at.toISOString(), to: through.toISOString() } });
    let job = begun;
    for (let i = 0; i < 200 && job.body['state'] === 'running'; i++) {
      await new Promise((resolve) => setTimeout(resolve, 25));
      job = await call('GET', `rules/backtests/${String(begun.body['id'])}`);
    }
    expect(job).toMatchObject({ body: { state: 'done', progress: 1, result: { firings: 0, resolution: '10s' } } });
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
