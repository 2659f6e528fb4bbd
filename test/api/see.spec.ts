import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ReadLinks } from '../../src/access/read-links.js';
import type { ReadClaim } from '../../src/model/read-link.js';
import { SecretBox } from '../../src/store/secret-box.js';
import { ADMIN_KEY, openQueriedService, type QueriedService } from './queried-service.js';
import type { QueryRows } from './query-rows.js';

const SECRET_KEY = 'c0ffee'.repeat(11);
const TRACE = '0af7651916cd43dd8448eb211c80319c';

let opened: QueriedService | undefined;
let service: QueriedService['service'];
let rows: QueryRows;

beforeAll(async () => {
  opened = await openQueriedService('see', { TRACEHOUND_SECRET_KEY: SECRET_KEY, PUBLIC_URL: 'http://trace.test' });
  ({ service, rows } = opened);
});
afterAll(() => opened?.close());

const signer = (secret = SECRET_KEY) =>
  new ReadLinks(new SecretBox(secret), { publicUrl: 'http://trace.test', publicUrlIsSet: true });
const inAnHour = () => Date.now() + 3_600_000;

async function page(token: string) {
  const answer = await fetch(`${service.apiUrl}/see/${token}`);
  return { status: answer.status, headers: answer.headers, html: await answer.text() };
}

describe('what a link in a message shows', () => {
  it('is its incident, without a key', async () => {
    const { tenantId } = await rows.tenant('one', ['read']);
    const id = await rows.incident(tenantId, { openedAt: '2026-03-01T12:00:00Z' });
    const seen = await page(await signer().sign({ tenantId, kind: 'incident', id, expiresAtMs: inAnHour() }));
    expect(seen.status).toBe(200);
    expect(seen.html).toContain('<h2>Cause</h2>');
    expect(seen.headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'sha256-/);
    expect(seen.headers.get('cache-control')).toBe('no-store');
  });

  it('is its alert, without a key', async () => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${ADMIN_KEY}` };
    const body = JSON.stringify([
      { labels: { alertname: 'DiskFull', service: 'db' }, annotations: { summary: 'full' } },
    ]);
    expect((await fetch(`${service.apiUrl}/api/v2/alerts`, { method: 'POST', headers, body })).status).toBe(200);
    const list = await (await fetch(`${service.apiUrl}/api/v1/alerts`, { headers })).json();
    const { id } = (list as { alerts: { id: string }[] }).alerts[0]!;
    const claim = { tenantId: 1, kind: 'alert', id, expiresAtMs: inAnHour() } as const;
    expect(await page(await signer().sign(claim))).toMatchObject({
      status: 200,
      html: expect.stringMatching(/DiskFull at db[^]*summary: full/),
    });
  });

  it('is its trace, without a key, and nothing of its attributes', async () => {
    const nowNs = BigInt(Date.now()) * 1_000_000n;
    const span = {
      traceId: TRACE,
      spanId: 'b7ad6b7169203331',
      name: 'GET /cart',
      kind: 2,
      startTimeUnixNano: String(nowNs - 50_000_000n),
      endTimeUnixNano: String(nowNs),
      attributes: [{ key: 'user.email', value: { stringValue: 'secret@example.com' } }],
    };
    const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'web' } }] };
    const sent = await fetch(`${service.otlpUrl}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${ADMIN_KEY}` },
      body: JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans: [span] }] }] }),
    });
    expect(sent.status).toBe(200);
    const seen = await page(await signer().sign({ tenantId: 1, kind: 'trace', id: TRACE, expiresAtMs: inAnHour() }));
    expect(seen).toMatchObject({ status: 200, html: expect.stringContaining('web / GET /cart') });
    expect(seen.html).toContain('50 ms at 0 µs');
    expect(seen.html).not.toContain('secret@example.com');
  });

  it('is nothing when it is expired, forged, of another tenant, or of what is gone', async () => {
    const { tenantId } = await rows.tenant('two', ['read']);
    const id = await rows.incident(tenantId, { openedAt: '2026-03-01T12:00:00Z' });
    const claim: ReadClaim = { tenantId, kind: 'incident', id, expiresAtMs: inAnHour() };
    const good = await signer().sign(claim);
    const seen = async (token: string) => (await page(token)).status;
    expect(await seen(good)).toBe(200);
    expect(await seen(await signer().sign({ ...claim, expiresAtMs: Date.now() - 1_000 }))).toBe(410);
    expect(await seen(await signer().sign({ ...claim, tenantId: 1 }))).toBe(410);
    expect(await seen(await signer().sign({ ...claim, kind: 'trace', id: 'ab'.repeat(16) }))).toBe(410);
    expect(await seen(await signer('00'.repeat(32)).sign(claim))).toBe(404);
    expect(await seen(`${good.slice(0, -4)}AAAA`)).toBe(404);
    expect(await seen('x'.repeat(5_000))).toBe(404);
  });
});
