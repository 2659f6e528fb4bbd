import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import { RulesFileWorker } from '../../src/alert/rules-file.worker.js';
import { ChannelStore } from '../../src/store/channel.store.js';
import { createDataSource } from '../../src/store/data-source.js';
import { RuleStore } from '../../src/store/rule.store.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { ServiceEnded, startService } from '../support/service.js';

const BIN = fileURLToPath(new URL('../../bin/tracehound.mjs', import.meta.url));
const SLOW = { type: 'threshold', name: 'slow', services: ['cart'], measure: 'p99', above: 500 };
const GONE = { type: 'absence', name: 'gone', services: ['cart'], channels: ['ops'] };

let database: TestDatabase;
let db: ReturnType<typeof createDataSource>;
let service: Awaited<ReturnType<typeof startService>>;
let dir: string;
let file: string;

const write = (name: string, content: unknown): string => {
  const to = path.join(dir, name);
  writeFileSync(to, typeof content === 'string' ? content : stringify(content));
  return to;
};
const start = (rulesFile: string | undefined) =>
  startService({ databaseUrl: database.url, env: { ROLES: 'api', TRACEHOUND_RULES_FILE: rulesFile } });

interface Rule {
  id: string;
  name: string;
  source: string;
  channelIds: string[] | null;
  above?: number;
}

async function call(
  method: string,
  to: string,
  body?: unknown,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${service.apiUrl}/api/v1/${to}`, {
    method,
    ...(body !== undefined && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) };
}
const rules = async (): Promise<Rule[]> => (await call('GET', 'rules')).body['rules'] as Rule[];
const ruleNamed = async (name: string): Promise<Rule> => (await rules()).find((rule) => rule.name === name)!;

function tracehound(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    const options = { env: { PATH: process.env['PATH'], TRACEHOUND_API_URL: service.apiUrl } };
    execFile(process.execPath, [BIN, ...args], options, (error, out, err) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err }),
    );
  });
}

beforeAll(async () => {
  database = await createTestDatabase('rules_file');
  dir = mkdtempSync(path.join(os.tmpdir(), 'tracehound-rules-'));
  file = write('rules.yaml', { rules: [SLOW, GONE] });
  db = await createDataSource(database.url, 4).initialize();
  service = await start(file);
});
afterAll(async () => {
  await db?.destroy();
  await service?.stop();
  await database?.drop();
  rmSync(dir, { recursive: true, force: true });
});

describe('TRACEHOUND_RULES_FILE', () => {
  it('makes its rules at start, marks them, and only it may change them', async () => {
    expect((await rules()).map(({ name, source }) => [name, source])).toEqual([
      ['default', 'api'],
      ['slow', 'file'],
      ['gone', 'file'],
    ]);
    const { id } = await ruleNamed('slow');
    const refused = {
      status: 409,
      body: { error: { code: 'managed_by_file', message: expect.stringContaining('TRACEHOUND_RULES_FILE') } },
    };
    expect(await call('PUT', `rules/${id}`, SLOW)).toMatchObject(refused);
    expect(await call('PATCH', `rules/${id}`, { above: 1 })).toMatchObject(refused);
    expect(await call('DELETE', `rules/${id}`)).toMatchObject(refused);
  });

  it('leaves its rules to the API when it is set no more', async () => {
    await service.stop();
    service = await start(undefined);
    expect((await rules()).map(({ source }) => source)).toEqual(['api', 'api', 'api']);
    expect((await call('PATCH', `rules/${(await ruleNamed('slow')).id}`, { above: 600 })).status).toBe(200);
    await call('POST', 'channels', { name: 'ops', type: 'webhook', url: 'http://127.0.0.1:9/' });
  });

  it('is followed when it or a channel changes, once, from several processes, and keeps what rules know', async () => {
    const own = write('own.yaml', { rules: [SLOW, GONE] });
    const channels = new ChannelStore(db, undefined as never);
    const stored = new RuleStore(db);
    const worker = () => new RulesFileWorker(stored, channels, { rulesFile: own });
    const state = () => db.query(`select name, epoch, source, updated_at as at from rules order by name`);
    const [one, other] = [worker(), worker()];
    const { id } = await ruleNamed('slow');
    const [ops] = await channels.list(1);
    await Promise.all([one.look(), other.look()]);
    expect((await ruleNamed('gone')).channelIds).toEqual([ops?.id]);
    const before = await state();
    await Promise.all([one.look(), other.look(), worker().look()]);
    expect(await state()).toEqual(before);

    write('own.yaml', {
      rules: [
        { ...SLOW, above: 700 },
        { name: 'new', services: ['*'], channels: ['nobody'] },
      ],
    });
    await Promise.all([one.look(), other.look()]);
    expect(await ruleNamed('slow')).toMatchObject({ id, above: 700 });
    expect(await state()).toMatchObject([
      { name: 'default', epoch: 1, source: 'api' },
      { name: 'new', epoch: 1, source: 'file' },
      { name: 'slow', epoch: 4, source: 'file' },
    ]);
    expect((await ruleNamed('new')).channelIds).toEqual([]);

    write('own.yaml', 'rules: [{ name: x }]');
    const good = await state();
    await one.look();
    expect(await state()).toEqual(good);

    await new RulesFileWorker(stored, channels, { rulesFile: undefined }).onApplicationBootstrap();
    expect((await call('DELETE', `rules/${(await ruleNamed('new')).id}`)).status).toBe(204);
  });

  it('that cannot be used ends the start with code 78, and says where', async () => {
    const bad = write('bad.yaml', { rules: [SLOW, { ...GONE, window: '5 min' }] });
    const outcome = await start(bad).catch((error: unknown) => error);
    expect(outcome).toBeInstanceOf(ServiceEnded);
    expect(outcome).toMatchObject({ code: 78 });
    expect((outcome as ServiceEnded).output).toContain(`${bad}: rules.1 (gone): window: must be a duration`);
  });
});

describe('tracehound rules', () => {
  it('exports what can be applied again, shows differences, and applies them', async () => {
    await call('PUT', `rules/${(await ruleNamed('default')).id}`, {
      name: 'default',
      services: ['*'],
      channelIds: [await opsId()],
    });
    const exported = await tracehound('rules', 'export');
    expect(exported.code).toBe(0);
    const content = parse(exported.out) as { rules: Record<string, unknown>[] };
    expect(content.rules.find(({ name }) => name === 'default')).toMatchObject({ channels: ['ops'] });
    expect(exported.out).not.toMatch(/\bid:|channelIds|source|epoch/);
    const same = write('same.yaml', exported.out);
    expect(await tracehound('rules', 'diff', same)).toMatchObject({ code: 0, out: 'no differences\n' });

    const changed = write('changed.yaml', {
      rules: [...content.rules.filter(({ name }) => name === 'default'), { ...SLOW, above: 900 }, GONE],
    });
    await call('POST', 'rules', { name: 'extra', services: ['x'] });
    const lines = [
      '~ slow',
      '    above: 700 -> 900',
      '+ gone (absence)',
      '  extra is not in the file and stays; --prune would delete it',
    ];
    expect(await tracehound('rules', 'diff', changed)).toMatchObject({
      code: 1,
      out: [...lines, '2 to change', ''].join('\n'),
    });
    expect(await ruleNamed('slow')).toMatchObject({ above: 700 });
    expect(await tracehound('rules', 'apply', changed)).toMatchObject({
      code: 0,
      out: [...lines, '2 changed', ''].join('\n'),
    });
    expect(await ruleNamed('slow')).toMatchObject({ above: 900 });
    expect(await ruleNamed('gone')).toMatchObject({ channelIds: [await opsId()] });
    expect(await tracehound('rules', 'apply', changed, '--prune')).toMatchObject({
      code: 0,
      out: '- extra\n1 changed\n',
    });
    expect(await tracehound('rules', 'diff', changed, '--prune')).toMatchObject({ code: 0, out: 'no differences\n' });
    const json = await tracehound('rules', 'export', '--format', 'json');
    expect(JSON.parse(json.out)).toEqual(parse((await tracehound('rules', 'export')).out));
  });

  it('carries rules to a tenant that has none, and is as ready when their channels were deleted', async () => {
    const { body } = await call('POST', 'channels', { name: 'short', type: 'webhook', url: 'http://127.0.0.1:9/' });
    await call('POST', 'rules', { ...SLOW, name: 'told nobody', channelIds: [body['id']] });
    await call('DELETE', `channels/${String(body['id'])}`);
    const { id } = await ruleNamed('told nobody');
    expect(await call('PATCH', `rules/${id}`, { above: 1 })).toMatchObject({ status: 200, body: { channelIds: [] } });
    const { out } = await tracehound('rules', 'export');
    expect(parse(out)).toMatchObject({ rules: expect.arrayContaining([expect.objectContaining({ channels: [] })]) });
    const exported = write('all.yaml', out);
    expect(await tracehound('rules', 'diff', exported, '--prune')).toMatchObject({ code: 0, out: 'no differences\n' });
    for (const rule of await rules()) await call('DELETE', `rules/${rule.id}`);
    await call('POST', 'rules', { name: 'in the way', services: ['*'] });
    expect(await tracehound('rules', 'apply', exported, '--prune')).toMatchObject({ code: 0 });
    expect((await tracehound('rules', 'export')).out).toBe(out);
    expect(await tracehound('rules', 'diff', exported, '--prune')).toMatchObject({ code: 0, out: 'no differences\n' });
  });

  it('says what is wrong, with code 2', async () => {
    const unknown = write('unknown.yaml', { rules: [{ ...SLOW, channels: ['nobody'] }] });
    expect(await tracehound('rules', 'diff', unknown)).toMatchObject({
      code: 2,
      err: 'rule slow, channels: there is no channel nobody\n',
    });
    const bad = write('broken.yaml', { rules: [{ ...SLOW, above: null }] });
    expect(await tracehound('rules', 'apply', bad)).toMatchObject({
      code: 2,
      err: `${bad}: rules.0 (slow): above: give either above or below\n`,
    });
    expect(await tracehound('rules', 'diff', bad, '--api', 'http://127.0.0.1:9')).toMatchObject({ code: 2 });
  });

  it('tests the rules of a file', async () => {
    write('errors.yaml', {
      rules: [
        { type: 'threshold', name: 'errors', measure: 'error_rate', window: '1m', above: 0.1, channels: ['ops'] },
      ],
    });
    const test = (exp_alerts: object[]) => ({
      rule_files: ['errors.yaml'],
      tests: [
        {
          input_series: [{ service: 'cart', operation: 'Get', n: '10x60', errors: '5x60' }],
          alert_rule_test: [{ eval_time: '2m', alertname: 'errors', exp_alerts }],
        },
      ],
    });
    const good = write(
      'good.test.yaml',
      test([{ exp_labels: { severity: 'warning', service: 'cart', operation: 'Get' } }]),
    );
    expect(await tracehound('test-rules', good)).toMatchObject({ code: 0, out: '1 passed, 0 failed\n' });
    expect(await tracehound('test-rules', write('wrong.test.yaml', test([])))).toMatchObject({ code: 1 });
  });

  it('are those of the tenant that is named; a key of another is refused', async () => {
    expect((await tracehound('rules', 'export', '--tenant', 'payments')).err).toContain('names no tenant');
    await call('POST', 'tenants', { name: 'payments' });
    await call('POST', 'rules', { ...SLOW, name: 'not theirs' });
    const theirs = parse((await tracehound('rules', 'export', '--tenant', 'payments')).out) as { rules: Rule[] };
    expect(theirs.rules.map(({ name }) => name)).toEqual(['default']);
    // From here on the service needs a key.
    const { key } = (await call('POST', 'keys', { name: 'ci', scopes: ['admin'] })).body as { key: string };
    expect(await tracehound('rules', 'export', '--key', key, '--tenant', 'payments')).toMatchObject({
      code: 2,
      out: '',
      err: 'the API key is of tenant default, not payments; give one of payments\n',
    });
    expect(await tracehound('rules', 'export', '--key', key, '--tenant', 'default')).toMatchObject({ code: 0 });
  });
});

async function opsId(): Promise<string> {
  const { body } = await call('GET', 'channels');
  return (body['channels'] as { id: string }[])[0]!.id;
}
