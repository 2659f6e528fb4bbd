import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium as browsers } from 'playwright-core';
import { freePort } from '../../scripts/free-port.mjs';
import { ActionLinks } from '../../src/access/action-links.js';
import type { LinkClaim } from '../../src/model/action-link.js';
import type { Incident } from '../../src/model/incident.js';
import { createDataSource } from '../../src/store/data-source.js';
import { IncidentStore } from '../../src/store/incident.store.js';
import { SecretBox } from '../../src/store/secret-box.js';
import { chromium, itWith } from '../interop/peers.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { incidentNotice } from '../support/notices.js';
import { startService, type Service } from '../support/service.js';
import { startSink, type Sink } from '../support/sink.js';

const SECRET_KEY = 'c0ffee'.repeat(11);
const HOSTILE = `"><script>document.title='owned'</script><img src=x onerror=alert(1)>`;

let database: TestDatabase;
let service: Service;
let sink: Sink;
let db: ReturnType<typeof createDataSource>;

beforeAll(async () => {
  database = await createTestDatabase('act');
  sink = await startSink();
  const port = await freePort();
  service = await startService({
    databaseUrl: database.url,
    env: { TRACEHOUND_SECRET_KEY: SECRET_KEY, API_PORT: String(port), PUBLIC_URL: `http://127.0.0.1:${port}` },
  });
  db = await createDataSource(database.url, 2).initialize();
  await call('POST', '/api/v1/channels', { name: '#ops', type: 'webhook', url: `${sink.url}/ops` });
  const settings = { receiver: 'all', groupBy: ['alertname', 'service'], groupWaitS: 0, groupIntervalS: 0 };
  const incidents = { matchers: ['incident!=""'], groupBy: ['incident'] };
  const tree = { receivers: [{ name: 'all' }], route: { ...settings, routes: [incidents] } };
  expect((await call('PUT', '/api/v1/routes', tree)).status).toBe(200);
});
afterAll(async () => {
  await db?.destroy();
  await service?.stop();
  await sink?.close();
  await database?.drop();
});

async function call(method: string, path: string, body?: unknown) {
  const answer = await fetch(`${service.apiUrl}${path}`, {
    method,
    ...(body !== undefined && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, body: text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text };
}

async function page(url: string, form?: Record<string, string>) {
  const answer = await fetch(url, form && { method: 'POST', body: new URLSearchParams(form) });
  return { status: answer.status, headers: answer.headers, html: await answer.text() };
}

interface Links {
  acknowledge: string;
  silence: string;
  feedback: string | null;
}

/** The links of the message about what `named` (an alert's service, an incident's id) is. */
async function linksOf(named: string): Promise<Links> {
  for (const endMs = Date.now() + 20_000; Date.now() < endMs; await sleep(50)) {
    const found = sink.at('/ops').find(({ body }) => body.includes(named));
    if (found) return (JSON.parse(found.body) as { data: { links: Links } }).data.links;
  }
  throw new Error(`no message about ${named}: ${service.output()}`);
}

/** An alert of somebody else's, and the links of the message about it. */
async function alerted(service_ = `svc-${randomUUID()}`): Promise<Links & { service: string }> {
  await call('POST', '/api/v2/alerts', [{ labels: { alertname: 'Slow', severity: 'warning', service: service_ } }]);
  return { ...(await linksOf(service_.slice(0, 12))), service: service_ };
}

async function opened(): Promise<Links & { incidentId: string }> {
  const id = randomUUID();
  const { incident } = incidentNotice();
  const startedMs = Date.parse(incident!.startedAt);
  const value: Incident = {
    ...(incident as unknown as Incident),
    ...{ id, tenantId: 1, startedMs, openedMs: startedMs, lastSeenMs: startedMs, resolvedMs: null, quietWindows: 0 },
    affected: [],
    causes: [],
  };
  const store = new IncidentStore(db);
  await db.transaction(async (tx) => {
    await store.save(tx, value);
    await store.addEvent(tx, value, 'opened', startedMs, 'test');
    await tx.query(`update incident_events set created_at = now() - interval '1 minute' where incident_id = $1`, [id]);
  });
  return { ...(await linksOf(id)), incidentId: id };
}

describe('the links of a message', () => {
  it('acknowledge an incident with one press, once, and say through which channel', async () => {
    const { incidentId, acknowledge } = await opened();
    const before = await page(acknowledge);
    expect(before).toMatchObject({ status: 200 });
    expect(before.html).toContain('Acknowledge this?');
    expect(before.headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'sha256-/);
    expect(before.headers.get('cache-control')).toBe('no-store');
    // Looking changes nothing, as previews of links look.
    await fetch(acknowledge, { method: 'HEAD' });
    expect((await call('GET', `/api/v1/incidents/${incidentId}/actions`)).body.actions).toEqual([]);

    const done = await page(acknowledge, { by: 'ann\r\n\u202E', choice: 'acknowledge' });
    expect(done.status).toBe(200);
    expect(done.html).toContain('It is acknowledged.');
    const { body } = await call('GET', `/api/v1/incidents/${incidentId}/actions`);
    expect(body).toMatchObject({
      acknowledged: { by: 'ann' },
      actions: [{ kind: 'acknowledged', by: 'ann', via: { channelName: '#ops' } }],
    });

    const again = await page(acknowledge, { by: 'bob', choice: 'acknowledge' });
    expect(again.status).toBe(409);
    expect(again.html).toMatch(/By ann at/);
    expect((await page(acknowledge)).html).not.toContain('<form');
    expect((await call('GET', `/api/v1/incidents/${incidentId}/actions`)).body.actions).toHaveLength(1);
  });

  it('acknowledge a group of alerts that is about no incident; two at once do it once', async () => {
    const { acknowledge, service: name } = await alerted();
    const both = await Promise.all(['ann', 'bob'].map((by) => page(acknowledge, { by, choice: 'acknowledge' })));
    expect(both.map(({ status }) => status).every((status) => status === 200 || status === 409)).toBe(true);
    const rows: { by: string }[] = await db.query(
      `select a.by from group_actions a join alert_groups g using (tenant_id) where g.id = a.group_id
         and g.acknowledged_by = a.by and g.labels ->> 'service' = $1`,
      [name],
    );
    expect(rows).toHaveLength(1);
  });

  it('say what it was worth to be told, when a rule told it', async () => {
    const { incidentId, feedback } = await opened();
    expect((await page(feedback!)).html).toContain('Was it worth telling?');
    expect((await page(feedback!, { by: 'ann', choice: 'noise' })).html).toContain('It is noted as noise.');
    expect((await page(feedback!, { choice: 'useful' })).status).toBe(409);
    const said = await call('GET', `/api/v1/incidents/${incidentId}/feedback`);
    expect(said.body.feedback).toMatchObject([{ incidentId, verdict: 'noise', by: 'ann' }]);
    const [{ ruleId, alertId }] = said.body.feedback;
    const word = { verdict: 'useful', by: 'bob', comment: 'after all' };
    const later = await call('POST', `/api/v1/alerts/${alertId}/feedback`, word);
    expect(later.body.feedback).toMatchObject([{ incidentId, ...word }]);
    expect((await call('GET', `/api/v1/rules/${ruleId}/proposals`)).body).toEqual({ proposals: [] });
    expect((await alerted()).feedback).toBeNull();
    expect((await call('POST', `/api/v1/incidents/${randomUUID()}/feedback`, word)).status).toBe(404);
  });

  it('silence what is like it for the time that is chosen', async () => {
    const { silence, service: name } = await alerted();
    expect((await page(silence)).html).toContain(`service=&#34;${name}&#34;`);
    expect((await page(silence, { choice: '9999h' })).status).toBe(400);
    expect((await page(silence, { choice: '4h' })).html).toContain('is silenced until');
    const { body } = await call('GET', '/api/v1/silences');
    expect(body.silences).toHaveLength(1);
    expect(body.silences[0]).toMatchObject({
      createdBy: 'somebody',
      comment: 'by a link in a message to #ops',
      matchers: ['alertname="Slow"', `service="${name}"`],
      state: 'active',
    });
    const { startsAt, endsAt } = body.silences[0];
    expect(Date.parse(endsAt) - Date.parse(startsAt)).toBe(4 * 3_600_000);
  });

  it('have nothing to do when somebody has resolved the incident', async () => {
    const { incidentId, acknowledge } = await opened();
    const path = `/api/v1/incidents/${incidentId}/resolve`;
    const word = { by: 'ann', comment: 'rolled back' };
    expect((await call('POST', path, word)).body.actions).toMatchObject([{ kind: 'resolved', ...word }]);
    expect(await call('POST', path, word)).toMatchObject({
      status: 409,
      body: { error: { code: 'already_resolved' } },
    });
    expect((await call('GET', `/api/v1/incidents/${incidentId}`)).body).toMatchObject({ state: 'resolved' });
    expect((await page(acknowledge)).html).toContain('It is over');
    for (const endMs = Date.now() + 20_000; Date.now() < endMs; await sleep(50)) {
      const told = sink.at('/ops').filter(({ body }) => body.includes(incidentId));
      if (told.some(({ body }) => body.includes('resolved by ann: rolled back'))) return;
    }
    throw new Error(`nobody was told that it is resolved: ${service.output()}`);
  });

  it('have nothing to do when it is over, also when the same has begun anew', async () => {
    const { acknowledge, service: name } = await alerted();
    const labels = { alertname: 'Slow', severity: 'warning', service: name };
    await call('POST', '/api/v2/alerts', [{ labels, endsAt: new Date().toISOString() }]);
    const messages = async (count: number) => {
      for (const endMs = Date.now() + 20_000; Date.now() < endMs; await sleep(50)) {
        if (sink.at('/ops').filter(({ body }) => body.includes(name)).length >= count) return;
      }
      throw new Error(`no ${count} messages: ${service.output()}`);
    };
    await messages(2);
    expect((await page(acknowledge)).html).toContain('It is over');
    await sleep(1_100);
    await call('POST', '/api/v2/alerts', [{ labels }]);
    await messages(3);
    expect(await page(acknowledge, { choice: 'acknowledge' })).toMatchObject({ status: 409 });
  });

  it('are one way to acknowledge a group, the API is the other', async () => {
    const { service: name } = await alerted();
    const groups = await call('GET', '/api/v1/alerts/groups?limit=100');
    const mine = groups.body.groups.find(({ labels }: { labels: { service?: string } }) => labels.service === name);
    expect(mine).toMatchObject({
      receiver: 'all',
      acknowledged: null,
      alertCount: 1,
      alerts: [{ labels: { service: name }, isFiring: true, toldChannelIds: [expect.any(String)] }],
    });
    const path = `/api/v1/alerts/groups/${mine.id}/acknowledge`;
    expect((await call('POST', path, { by: 'ann' })).body).toMatchObject({
      acknowledged: { by: 'ann' },
      actions: [{ kind: 'acknowledged', via: null }],
    });
    expect((await call('DELETE', `${path}?by=bob`)).body).toMatchObject({ acknowledged: null });
    expect((await call('POST', `/api/v1/alerts/groups/${randomUUID()}/acknowledge`, { by: 'ann' })).status).toBe(404);
    const seen = new Set<string>();
    for (let cursor: string | null = ''; cursor !== null;) {
      const next: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const { body } = await call('GET', `/api/v1/alerts/groups?limit=1${next}`);
      for (const { id } of body.groups) {
        expect(seen).not.toContain(id);
        seen.add(id);
      }
      cursor = body.nextCursor;
    }
    expect(seen.size).toBe(groups.body.groups.length);
  });

  it('escape what senders wrote, and run nothing of it', async () => {
    const { acknowledge, silence } = await alerted(`svc ${randomUUID().slice(0, 8)} ${HOSTILE}`);
    for (const url of [acknowledge, silence]) {
      const { html } = await page(url);
      expect(html).not.toContain('<script');
      expect(html).not.toContain('<img');
      expect(html).toContain('&#60;script&#62;');
    }
  });

  it('are refused when they are expired, forged, or of another tenant', async () => {
    const { acknowledge, incidentId } = await opened();
    const token = acknowledge.slice(acknowledge.lastIndexOf('/') + 1);
    const signer = (secret: string) =>
      new ActionLinks(new SecretBox(secret), { publicUrl: 'http://x.test', publicUrlIsSet: true });
    const claim = (await signer(SECRET_KEY).read(token, Date.now())) as LinkClaim;
    expect(claim).toMatchObject({ tenantId: 1, incidentId, action: 'acknowledge' });
    const at = (each: string) => `${service.apiUrl}/act/${each}`;

    const expired = await signer(SECRET_KEY).sign({ ...claim, expiresAtMs: Date.now() - 1_000 });
    expect(await page(at(expired), { choice: 'acknowledge' })).toMatchObject({ status: 410 });
    expect((await page(at(expired))).html).toContain('has expired');
    const long = await page(at('x'.repeat(5_000)));
    expect([long.status, long.html]).toEqual([404, expect.stringContaining('does not work')]);

    const [head, , signature] = token.split('.');
    const none = Buffer.from('{"alg":"none"}').toString('base64url');
    const body = Buffer.from(JSON.stringify({ ten: 1, sub: randomUUID(), exp: 9e9 })).toString('base64url');
    const forged = [
      await signer('00'.repeat(32)).sign(claim),
      `${head}.${body}.${signature}`,
      `${none}.${token.split('.')[1]}.`,
      await signer(SECRET_KEY).sign({ ...claim, tenantId: 2 }),
      await signer(SECRET_KEY).sign({ ...claim, groupId: randomUUID() }),
      'x',
      'é'.repeat(100),
      'a'.repeat(1_024),
    ];
    for (const each of forged) {
      const answer = await page(at(encodeURIComponent(each)), { choice: 'acknowledge' });
      expect(`${each.slice(0, 20)} ${answer.status}`).toBe(`${each.slice(0, 20)} 404`);
      expect(answer.html).toContain('This link does not work');
    }
    expect((await call('GET', `/api/v1/incidents/${incidentId}/actions`)).body.actions).toEqual([]);
  });

  itWith({ chromium })('are pressed in a browser, on a phone and on a desk', async () => {
    const browser = await browsers.launch({ executablePath: chromium!, args: ['--no-sandbox'] });
    try {
      for (const [width, height, colorScheme] of [
        [320, 640, 'light'],
        [412, 915, 'dark'],
        [1_280, 800, 'light'],
      ] as const) {
        const { acknowledge } = await alerted(`svc ${randomUUID().slice(0, 8)} ${HOSTILE}`);
        const tab = await browser.newPage({ viewport: { width, height }, colorScheme });
        const complaints: string[] = [];
        tab.on('console', (said) => complaints.push(said.text()));
        tab.on('pageerror', (error) => complaints.push(error.message));
        await tab.goto(acknowledge);
        // Nothing to scroll sideways, and a button that a thumb can press.
        expect(await tab.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
        const button = tab.getByRole('button', { name: 'Acknowledge' });
        expect((await button.boundingBox())!.height).toBeGreaterThanOrEqual(44);
        // The policy lets the page have its looks.
        expect(await tab.evaluate("getComputedStyle(document.querySelector('button')).borderTopLeftRadius")).toBe(
          '8px',
        );
        await tab.getByLabel('Your name').fill('ann');
        await button.click();
        expect(await tab.getByRole('heading').textContent()).toBe('Done');
        expect(await tab.textContent('main')).toContain('By ann at');
        expect(await tab.title()).toBe('Done · Tracehound');
        expect(complaints).toEqual([]);
        await tab.close();
      }
    } finally {
      await browser.close();
    }
  });
});
