import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { startService, type Service } from '../support/service.js';

let database: TestDatabase;
let service: Service;

beforeAll(async () => {
  database = await createTestDatabase('texts');
  service = await startService({ databaseUrl: database.url, env: { ROLES: 'api' } });
});
afterAll(async () => {
  await service?.stop();
  await database?.drop();
});

async function send(path: string, body: string): Promise<{ status: number; text: string }> {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${service.apiUrl}${path}`, { method: 'POST', headers, body });
  return { status: answer.status, text: await answer.text() };
}

const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();

describe('texts that are no text', () => {
  const half = 'a\ud83d';
  it.each([
    ['/api/v2/alerts', [{ labels: { alertname: half, [half]: half }, annotations: { summary: half } }]],
    ['/api/v1/silences', { matchers: [`a="${half}"`], endsAt: inAnHour(), createdBy: half }],
    ['/api/v1/inhibitions', { name: half, source: [`a="${half}"`], target: [], equal: [half] }],
    ['/api/v1/rules', { name: half, services: [half], labels: { a: half } }],
    ['/api/v1/channels', { name: half, type: 'webhook', url: 'http://127.0.0.1:1/', template: `{"a": "${half}"}` }],
  ])('%s: half a pair is mended, and a NUL refused', async (path, body) => {
    const mended = await send(path, JSON.stringify(body));
    expect([mended.status, mended.text]).toEqual([expect.any(Number), expect.not.stringContaining('internal')]);
    expect(mended.status).toBeLessThan(300);
    const refused = await send(path, JSON.stringify(body).replaceAll('\\ud83d', '\\u0000'));
    expect(refused).toEqual({ status: 400, text: expect.stringContaining('NUL') });
  });
});
