import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { QueryRows } from '../api/query-rows.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { startService } from '../support/service.js';
import { itWith, schemathesis } from './peers.js';

/** Without a key it would make one, and be a stranger from then on. */
const ADMIN_KEY = `th_fuzzfuzz_${'k'.repeat(43)}`;
/** Requests made up for each operation; set by `npm run test:openapi`, without which this takes too long. */
const EXAMPLES = process.env['LONG_EXAMPLES'];
const itWhenAsked = EXAMPLES === undefined ? it.skip : itWith({ schemathesis });

let database: TestDatabase;
let service: Awaited<ReturnType<typeof startService>>;

describe('schemathesis', () => {
  beforeAll(async () => {
    if (EXAMPLES === undefined) return;
    database = await createTestDatabase('schemathesis');
    // What it makes up must not reach anything: no address at all is allowed besides public ones, and this machine has none.
    service = await startService({
      databaseUrl: database.url,
      env: { ROLES: 'api', OUTBOUND_ALLOW: '', TRACEHOUND_ADMIN_KEY: ADMIN_KEY },
    });
  });
  afterAll(async () => {
    await service?.stop();
    await database?.drop();
  });

  itWhenAsked('finds no answer that the OpenAPI document does not promise, and no error of the service', async () => {
    expect(await tried(['--phases', 'examples,coverage,fuzzing'], '')).toBe(0);
    expect(service.output()).not.toMatch(/ERROR/);
  });

  itWhenAsked('nor where what is named is there', async () => {
    const settings = Object.entries(await thingsThatAreThere()).map(
      ([under, id]) =>
        `[[operations]]\ninclude-path-regex = '^/api/v1/${under}/\\{'\nparameters = { "path.id" = "${id}" }\n`,
    );
    expect(await tried(['--phases', 'fuzzing', '--include-path-regex', '[{]id[}]'], settings.join('\n'))).toBe(0);
    expect(service.output()).not.toMatch(/ERROR/);
  });
});

async function tried(more: string[], settings: string): Promise<number | null> {
  const checks = [
    'not_a_server_error',
    'status_code_conformance',
    'content_type_conformance',
    'response_schema_conformance',
  ];
  // It leaves notes in the directory where it runs, and reads its settings there.
  const cwd = mkdtempSync(path.join(os.tmpdir(), 'schemathesis-'));
  writeFileSync(path.join(cwd, 'schemathesis.toml'), settings);
  const args = [
    'run',
    `${service.apiUrl}/api/docs-json`,
    ...['--checks', checks.join(','), '--max-examples', EXAMPLES ?? '20', ...more],
    ...['--header', `Authorization: Bearer ${ADMIN_KEY}`, '--workers', '1', '--seed', '1', '--request-timeout', '30'],
  ];
  const child = spawn(schemathesis!, args, { cwd, stdio: 'inherit', env: { ...process.env, NO_COLOR: '1' } });
  const code = await new Promise<number | null>((ended) => child.once('close', ended));
  rmSync(cwd, { recursive: true, force: true });
  return code;
}

/** Ids of what is there, by the path below which it is looked for: made-up ids alone find little but 404. */
async function thingsThatAreThere(): Promise<Record<string, string>> {
  const db = new pg.Client({ connectionString: database.url });
  await db.connect();
  const rows = new QueryRows(db);
  const [at, through] = ['2026-03-01T12:00:00Z', '2026-03-01T12:00:10Z'];
  const operation = await rows.operation(1, 'cart', 'GetCart');
  await rows.rollup(1, operation, at, [1_000, 2_000]);
  await rows.clocks(1, at, through, through);
  await rows.stage(1, 'evaluate', through);
  const incident = await rows.incident(1, { openedAt: at });
  await rows.told(1, incident);
  await rows.finding(1, { windowAt: at, operationId: operation });
  const post = async (to: string, body: object): Promise<string> => {
    const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' };
    const response = await fetch(`${service.apiUrl}/api/${to}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${to} was answered ${response.status}: ${text}`);
    return text === '' ? '' : ((JSON.parse(text) as { id?: string }).id ?? '');
  };
  await post('v2/alerts', [{ labels: { alertname: 'outside' } }]);
  const first = async (table: string): Promise<string> => {
    const found = await db.query<{ id: string }>(`select id from ${table} where tenant_id = 1 limit 1`);
    return found.rows[0]?.id ?? '';
  };
  const endsAt = new Date(Date.now() + 3_600_000).toISOString();
  const silence = { matchers: ['alertname="x"'], endsAt, createdBy: 'me', comment: 'quiet' };
  const inhibition = { name: 'i', source: ['severity="critical"'], target: ['severity="warning"'], equal: ['service'] };
  const things = {
    incidents: incident,
    operations: String(operation),
    rules: await post('v1/rules', { name: 'r', services: ['*'] }),
    'rules/backtests': await post('v1/rules/backtest', { rule: { name: 'b', services: ['*'] }, from: at }),
    channels: await post('v1/channels', { name: 'ops', type: 'webhook', url: 'https://example.com/' }),
    notifications: await first('notifications'),
    alerts: await first('alerts'),
    silences: await post('v1/silences', silence),
    inhibitions: await post('v1/inhibitions', inhibition),
  };
  await db.end();
  return things;
}
