import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { ChannelSettings } from '../../src/model/channel.js';
import { DeliveryViewsStore } from '../../src/store/delivery-views.store.js';
import { SECRET_KEY } from '../support/alert-workers.js';
import { startDelivery, type Delivery } from '../support/delivery.js';
import { startMailServer, type MailServer } from '../support/mail-server.js';
import { startSink, type Sink } from '../support/sink.js';

let sink: Sink;
let delivery: Delivery;

beforeAll(async () => {
  sink = await startSink();
});
afterAll(() => sink.close());
beforeEach(async () => {
  delivery = await startDelivery('channels_told', { timeoutMs: 500 });
  sink.requests.length = 0;
  for (const path of ['/', '/api', '/upload']) sink.answer(path, { status: 200, body: 'ok' });
});
afterEach(() => delivery.close());

const CHART = {
  unit: 'us',
  points: Array.from({ length: 20 }, (_, i) => [1_763_694_700_000 + i * 10_000, 240_000 + (i > 15 ? 1_600_000 : i)]),
  normal: Array.from({ length: 20 }, (_, i) => [1_763_694_700_000 + i * 10_000, 200_000, 300_000]),
};

async function tell(incidentId: string, kind: 'opened' | 'resolved' = 'opened', withChart = false): Promise<void> {
  await delivery.step(incidentId, kind);
  await delivery.alert.run(1);
  if (withChart) {
    await delivery.db.query(`update notifications set body = body || $1::jsonb where state = 'pending'`, [
      JSON.stringify({ chart: CHART }),
    ]);
  }
}
const json = (path: string, index = 0) => JSON.parse(sink.at(path)[index]?.body ?? 'null') as Record<string, unknown>;
const states = async () => (await delivery.outbox()).map(({ state }) => state);

describe('a Slack bot', () => {
  const settings = { token: 'xoxb-geheim', channel: '#ops' };
  const answer = (body: object) => ({ status: 200, body: JSON.stringify(body) });

  it('tells in a thread what follows, and brings the first message up to date', async () => {
    await delivery.channel('slack_bot', `${sink.url}/api`, 1, settings);
    sink.answer('/api/chat.postMessage', answer({ ok: true, ts: '17.1', channel: 'C1' }));
    sink.answer('/api/chat.update', answer({ ok: true, ts: '17.1', channel: 'C1' }));
    sink.answer(
      '/api/files.getUploadURLExternal',
      answer({ ok: true, upload_url: `${sink.url}/upload`, file_id: 'F1' }),
    );
    sink.answer('/api/files.completeUploadExternal', answer({ ok: true }));
    const incidentId = randomUUID();
    await tell(incidentId, 'opened', true);
    await delivery.notify.run(1);
    expect(json('/api/chat.postMessage')).toMatchObject({ channel: '#ops', unfurl_links: false });
    expect(json('/api/chat.postMessage')).not.toHaveProperty('thread_ts');
    expect(sink.at('/api/chat.postMessage')[0]?.headers.authorization).toBe('Bearer xoxb-geheim');
    expect(sink.at('/upload')[0]?.body).toMatch(/^.PNG/);
    expect(json('/api/files.completeUploadExternal')).toMatchObject({ channel_id: 'C1', thread_ts: '17.1' });

    await tell(incidentId, 'resolved');
    await delivery.notify.run(1);
    expect(json('/api/chat.update')).toMatchObject({
      channel: 'C1',
      ts: '17.1',
      text: expect.stringContaining('Resolved'),
    });
    expect(json('/api/chat.postMessage', 1)).toMatchObject({ channel: 'C1', thread_ts: '17.1' });
    expect(await states()).toEqual(['sent', 'sent']);
  });

  it.each([
    [{ ok: false, error: 'channel_not_found' }, 'failed'],
    [{ ok: false, error: 'ratelimited' }, 'pending'],
    [{ ok: false, error: 'internal_error' }, 'pending'],
    [{ ok: false, error: '<script>' }, 'failed'],
  ])('that is answered 200 with %j: %s', async (body, state) => {
    await delivery.channel('slack_bot', `${sink.url}/api`, 1, settings);
    sink.answer('/api/chat.postMessage', answer(body));
    await tell(randomUUID());
    await delivery.notify.run(1);
    const [row] = await delivery.outbox();
    expect(row).toMatchObject({ state, last_error: expect.stringContaining('Slack refused chat.postMessage') });
    expect(row?.last_error).not.toMatch(/geheim|</);
  });
});

describe('channels over HTTP', () => {
  it('each get their form, their key and their path', async () => {
    await delivery.channel('pagerduty', `${sink.url}/pagerduty`, 1, { routingKey: 'R'.repeat(32) });
    await delivery.channel('opsgenie', `${sink.url}/opsgenie/`, 1, { apiKey: 'geheim' });
    await delivery.channel('discord', `${sink.url}/discord`);
    await delivery.channel('teams', `${sink.url}/teams?sig=geheim`);
    await delivery.channel('google_chat', `${sink.url}/chat?key=k&token=t`);
    await delivery.channel('alertmanager', `${sink.url}/am/`, 1, { headers: { authorization: 'Basic x' } });
    await delivery.channel('alertmanager_webhook', `${sink.url}/hook`, 1, { headers: { 'x-token': 'geheim' } });
    sink.answer('/pagerduty', { status: 202 });
    sink.answer('/discord', { status: 204 });
    await tell(randomUUID(), 'opened', true);
    await delivery.notify.run(1);
    expect(new Set(await states())).toEqual(new Set(['sent']));
    expect(json('/pagerduty')).toMatchObject({ routing_key: 'R'.repeat(32), event_action: 'trigger' });
    expect(sink.at('/opsgenie/v2/alerts')[0]?.headers.authorization).toBe('GenieKey geheim');
    const [discord] = sink.at('/discord');
    expect(discord?.headers['content-type']).toMatch(/^multipart\/form-data; boundary=/);
    expect(discord?.body).toContain('name="payload_json"');
    expect(discord?.body).toContain('filename="chart.png"');
    expect(json('/teams')).toMatchObject({ type: 'message' });
    expect(sink.at('/chat')[0]?.path).toContain('messageReplyOption=REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD');
    expect(sink.at('/am/api/v2/alerts')[0]?.headers.authorization).toBe('Basic x');
    expect(sink.at('/hook')[0]?.headers['x-token']).toBe('geheim');
    expect(json('/hook')).toMatchObject({ version: '4', status: 'firing' });
  });

  it('Teams: an error that a 200 tells of is one', async () => {
    await delivery.channel('teams', `${sink.url}/teams`);
    const said = 'Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429';
    sink.answer('/teams', { status: 200, body: said });
    await tell(randomUUID());
    await delivery.notify.run(1);
    expect((await delivery.outbox())[0]).toMatchObject({ state: 'pending', last_error: 'the receiver answered 429' });
  });

  it('a webhook has its own headers and its own body, signed as any', async () => {
    const template = '{"summary": "{{title}}", "who": "{{ causes }}", "url": "{{links.more}}"}';
    await delivery.channel('webhook', `${sink.url}/mine`, 1, { headers: { 'x-team': 'shop' }, template });
    await tell(randomUUID());
    await delivery.notify.run(1);
    expect(json('/mine')).toEqual({
      summary: expect.stringMatching(/^Opened: checkout/),
      who: [{ name: 'cart / GetCart', percent: 92, evidence: ['self time +1.6 s'] }],
      url: expect.stringContaining('http://trace.test/api/v1/incidents/'),
    });
    expect(sink.at('/mine')[0]?.headers).toMatchObject({
      'x-team': 'shop',
      'webhook-signature': expect.stringMatching(/^v1,/),
    });
  });

  it('an Alertmanager is told again while it fires, and for a while of the end', async () => {
    await delivery.channel('alertmanager', sink.url, 1, { headers: {} });
    const incidentId = randomUUID();
    await tell(incidentId);
    await delivery.notify.run(1);
    await delivery.notify.run(1);
    expect(sink.requests).toHaveLength(1);
    await delivery.makeDue();
    expect(await delivery.notifications.dueTenants()).toEqual([1]);
    await delivery.notify.run(1);
    expect(sink.requests).toHaveLength(2);
    await tell(incidentId, 'resolved');
    await delivery.notify.run(1);
    await delivery.makeDue();
    await delivery.notify.run(1);
    expect(sink.requests).toHaveLength(4);
    const ends = sink.requests.map(({ body }) =>
      Date.parse((JSON.parse(body) as { endsAt: string }[])[0]?.endsAt ?? ''),
    );
    expect(ends[1]).toBeGreaterThan(ends[0] ?? 0);
    expect(ends[2]).toBe(Date.parse('2026-11-21T03:13:40Z'));
    expect(ends[3]).toBe(ends[2]);
    await delivery.db.query(`update channel_resends set until = now()`);
    await delivery.notify.run(1);
    expect(await delivery.db.query(`select * from channel_resends`)).toEqual([]);
  });
});

describe('mail', () => {
  let server: MailServer;
  const mail = (change: Partial<ChannelSettings['email']> = {}): ChannelSettings['email'] => ({
    host: '127.0.0.1',
    port: server.port,
    security: 'none',
    user: null,
    password: null,
    from: 'tracehound@example.com',
    to: ['oncall@example.com', 'team@example.com'],
    ...change,
  });
  afterEach(() => server.close());

  it('is one message with text, HTML and picture, in the thread of its incident', async () => {
    server = await startMailServer();
    await delivery.channel('email', 'smtp://shown', 1, mail());
    const incidentId = randomUUID();
    await tell(incidentId, 'opened', true);
    await delivery.notify.run(1);
    await tell(incidentId, 'resolved');
    await delivery.notify.run(1);
    expect((await delivery.outbox()).map(({ state, tries }) => [state, tries[0]?.status])).toEqual([
      ['sent', 250],
      ['sent', 250],
    ]);
    const [opened, resolved] = server.mails;
    expect(opened?.to).toEqual(['oncall@example.com', 'team@example.com']);
    const header = (source: string | undefined, name: string) =>
      new RegExp(`^${name}: (.*(?:\r\n[ \t].*)*)`, 'im').exec(source ?? '')?.[1];
    expect(header(opened?.source, 'Subject')).toContain('[Tracehound] Opened: checkout / GetCart');
    expect(header(opened?.source, 'References')).toBe(header(resolved?.source, 'References'));
    expect(header(opened?.source, 'Message-ID')).not.toBe(header(resolved?.source, 'Message-ID'));
    expect(header(opened?.source, 'Auto-Submitted')).toBe('auto-generated');
    expect(opened?.source).toMatch(/content-id: <chart@tracehound>/i);
    expect(resolved?.source).not.toMatch(/content-id/i);
  });

  it('goes nowhere in clear when it must not, nor to a certificate that nobody vouches for', async () => {
    server = await startMailServer();
    await delivery.channel('email', 'smtp://shown', 1, mail({ security: 'starttls' }));
    await tell(randomUUID());
    await delivery.notify.run(1);
    expect((await delivery.outbox())[0]).toMatchObject({
      state: 'failed',
      last_error: expect.stringMatching(/STARTTLS|answered 5\d\d/),
    });
    expect(server.mails).toEqual([]);
  });

  it.each([
    [451, 'pending'],
    [550, 'failed'],
  ])('that is answered %i is %s, and the answer stays out of the log', async (responseCode, state) => {
    server = await startMailServer({
      onRcptTo: (_address, _session, done) => done(Object.assign(new Error('inner workings'), { responseCode })),
    });
    await delivery.channel('email', 'smtp://shown', 1, mail());
    await tell(randomUUID());
    await delivery.notify.run(1);
    const [row] = await delivery.outbox();
    expect(row).toMatchObject({
      state,
      last_error: expect.stringContaining(`the mail server answered ${responseCode}`),
    });
    expect(row?.last_error).not.toContain('inner');
  });

  it('says which recipients did not get it', async () => {
    server = await startMailServer({
      onRcptTo: ({ address }, _session, done) =>
        done(address.startsWith('team') ? Object.assign(new Error('no'), { responseCode: 550 }) : null),
    });
    await delivery.channel('email', 'smtp://shown', 1, mail());
    await tell(randomUUID());
    await delivery.notify.run(1);
    const [row] = await delivery.outbox();
    expect(row).toMatchObject({ state: 'sent', tries: [{ reason: '1 of 2 recipients were refused' }] });
  });

  it('does not open a way into the private network', async () => {
    server = await startMailServer();
    const guarded = await delivery.another({ allow: [] });
    for (const host of ['127.0.0.1', 'localhost', '::ffff:127.0.0.1']) {
      await delivery.channel('email', 'smtp://shown', 1, mail({ host }));
    }
    await tell(randomUUID());
    await guarded.notify.run(1);
    for (const row of await delivery.outbox()) {
      expect(row).toMatchObject({ state: 'failed', last_error: expect.stringContaining('OUTBOUND_ALLOW') });
    }
    expect(server.mails).toEqual([]);
  });

  it('to a server that says nothing ends in time', async () => {
    server = await startMailServer({ onConnect: () => undefined });
    await delivery.channel('email', 'smtp://shown', 1, mail());
    await tell(randomUUID());
    const startedMs = Date.now();
    await delivery.notify.run(1);
    expect(Date.now() - startedMs).toBeLessThan(5_000);
    expect((await delivery.outbox())[0]).toMatchObject({ state: 'pending', attempts: 1 });
  });
});

describe('a channel that fails', () => {
  it('is left alone for a while after five failures in a row, and tried with one message then', async () => {
    const { id } = await delivery.channel('webhook', `${sink.url}/hook`);
    sink.answer('/hook', { status: 500 });
    for (let n = 0; n < 7; n++) await tell(randomUUID());
    await delivery.notify.run(1);
    expect(sink.requests).toHaveLength(5);
    expect(await delivery.health.of(1, id)).toMatchObject({
      circuit: 'open',
      failuresInRow: 5,
      failingSince: expect.any(Date),
    });
    expect(await delivery.notifications.dueTenants()).toEqual([]);
    await delivery.db.query(`update channel_health set open_until = now()`);
    expect(await delivery.health.of(1, id)).toMatchObject({ circuit: 'half_open' });
    await delivery.notify.run(1);
    expect(sink.requests).toHaveLength(6);
    expect(await delivery.health.of(1, id)).toMatchObject({ circuit: 'open', failuresInRow: 6 });
    sink.answer('/hook', { status: 200 });
    await delivery.makeDue();
    await delivery.notify.run(1);
    expect(await states()).toEqual(Array(7).fill('sent'));
    expect(await delivery.health.of(1, id)).toMatchObject({
      circuit: 'closed',
      failuresInRow: 0,
      failingSince: null,
      lastError: null,
    });
  });

  it('that asks for time gets it for all that waits', async () => {
    await delivery.channel('webhook', `${sink.url}/hook`);
    sink.answer('/hook', { status: 429, headers: { 'retry-after': '600' } });
    await tell(randomUUID());
    await tell(randomUUID());
    await delivery.notify.run(1);
    expect(sink.requests).toHaveLength(1);
    expect(await delivery.notifications.dueTenants()).toEqual([]);
  });

  it('for a quarter of an hour is reported through another, once, and is silent about it when it works again', async () => {
    const broken = await delivery.channel('webhook', `${sink.url}/broken`);
    await delivery.channel('webhook', `${sink.url}/works`);
    sink.answer('/broken', { status: 500 });
    await tell(randomUUID());
    await delivery.notify.run(1);
    expect(sink.at('/works')).toHaveLength(1);
    await delivery.db.query(
      `update channel_health set failing_since = now() - interval '16 min' where failing_since is not null`,
    );
    for (let n = 0; n < 2; n++) {
      await delivery.makeDue();
      await delivery.notify.run(1);
    }
    expect(sink.at('/works')).toHaveLength(2);
    expect(json('/works', 1)).toMatchObject({
      type: 'channel.failing',
      data: {
        reason: 'the receiver answered 500',
        statement: { title: expect.stringContaining('(webhook) takes no messages') },
      },
    });
    sink.answer('/broken', { status: 200 });
    await delivery.makeDue();
    await delivery.notify.run(1);
    expect(await delivery.health.of(1, broken.id)).toMatchObject({ failingSince: null });
  });

  it('with no other to report it through is reported to the next one that is made', async () => {
    await delivery.channel('webhook', `${sink.url}/broken`);
    sink.answer('/broken', { status: 500 });
    await tell(randomUUID());
    const laterOn = async () => {
      await delivery.notify.run(1);
      await delivery.db.query(`update channel_health set failing_since = now() - interval '16 min'`);
      await delivery.makeDue();
      await delivery.notify.run(1);
    };
    await laterOn();
    await delivery.channel('webhook', `${sink.url}/works`);
    await laterOn();
    const told = sink.at('/works').map(({ body }) => (JSON.parse(body) as { type: string }).type);
    expect(told).toContain('channel.failing');
  });

  it('keeps its dead letters, which can be sent again one by one or all', async () => {
    const { id } = await delivery.channel('webhook', `${sink.url}/hook`);
    sink.answer('/hook', { status: 400 });
    for (let n = 0; n < 3; n++) await tell(randomUUID());
    await delivery.notify.run(1);
    expect(await states()).toEqual(['failed', 'failed', 'failed']);
    sink.answer('/hook', { status: 500 }, { status: 200 });
    const views = new DeliveryViewsStore(delivery.db);
    const [first] = await views.list(1, { state: 'failed', limit: 1 });
    if (!first) throw new Error('no dead letter');
    await views.replay(1, first.id);
    await expect(views.replay(1, first.id)).rejects.toMatchObject({ status: 409 });
    await expect(views.replay(2, first.id)).rejects.toMatchObject({ status: 404 });
    await delivery.notify.run(1);
    // Attempt 2 is the first of a new schedule.
    const again = (await delivery.outbox()).find((row) => row.id === first.id);
    expect(again).toMatchObject({ state: 'pending', attempts: 2 });
    expect(again?.wait_s).toBeLessThan(7);
    expect(await views.replayAll(1, id)).toBe(2);
    await delivery.makeDue();
    await delivery.notify.run(1);
    expect(await states()).toEqual(['sent', 'sent', 'sent']);
    const ids = sink.requests.map(({ headers }) => headers['webhook-id']);
    expect(new Set(ids).size).toBe(3);
  });

  it('does not keep a message waiting for ever', async () => {
    await delivery.channel('webhook', `${sink.url}/hook`);
    await tell(randomUUID());
    await delivery.db.query(`update notifications set created_at = now() - interval '37 h', last_error = 'x'`);
    await delivery.notify.run(1);
    expect(sink.requests).toHaveLength(0);
    expect((await delivery.outbox())[0]).toMatchObject({
      state: 'failed',
      last_error: expect.stringContaining('too old'),
    });
  });

  it('tells of what is over that it is', async () => {
    await delivery.channel('webhook', `${sink.url}/hook`);
    await delivery.channel('slack', `${sink.url}/slack`);
    sink.answer('/slack', { status: 500 }, { status: 200, body: 'ok' });
    const incidentId = randomUUID();
    await tell(incidentId);
    await delivery.notify.run(1);
    await tell(incidentId, 'resolved');
    await delivery.makeDue();
    await delivery.notify.run(1);
    const texts = sink.at('/slack').map(({ body }) => (JSON.parse(body) as { text: string }).text);
    expect(texts.map((text) => text.slice(0, 20))).toEqual([
      'Opened: checkout / G',
      'Over by now: Opened:',
      'Resolved: checkout /',
    ]);
  });
});

describe('too many messages', () => {
  it('for people become one that names them; each is accounted for', async () => {
    await delivery.channel('slack', `${sink.url}/slack`);
    for (let n = 0; n < 45; n++) await tell(randomUUID());
    await delivery.notify.run(1);
    expect(sink.requests).toHaveLength(30);
    const count = async (state: string) => (await states()).filter((each) => each === state).length;
    expect([await count('sent'), await count('digested'), await count('pending')]).toEqual([30, 15, 1]);
    await delivery.db.query(`update notifications set sent_at = now() - interval '2 min' where state = 'sent'`);
    await delivery.makeDue();
    await delivery.notify.run(1);
    expect(sink.requests).toHaveLength(31);
    expect(sink.requests.at(-1)?.body).toContain('Digest: 15 messages in one');
    expect([await count('sent'), await count('digested')]).toEqual([31, 15]);
    const [{ n }]: [{ n: number }] = await delivery.db.query(
      `select count(*)::int4 as n from notifications d join notifications n on n.digest_id = d.id where d.state = 'sent'`,
    );
    expect(n).toBe(15);
  });

  it('for programs wait, each as itself', async () => {
    await delivery.channel('opsgenie', sink.url, 1, { apiKey: 'k' });
    for (let n = 0; n < 63; n++) await tell(randomUUID());
    await delivery.notify.run(1);
    expect(sink.requests).toHaveLength(60);
    await delivery.db.query(`update notifications set sent_at = now() - interval '2 min' where state = 'sent'`);
    await delivery.makeDue();
    await delivery.notify.run(1);
    expect(await states()).toEqual(Array(63).fill('sent'));
    expect((await delivery.outbox()).every(({ attempts }) => attempts === 1)).toBe(true);
  });
});

describe('the key of the secrets', () => {
  it('can be changed: what the old one sealed is sealed anew, and then the old one is not needed', async () => {
    const { id } = await delivery.channel('slack_bot', 'https://slack.example', 1, { token: 't', channel: 'c' });
    const key = 'b6'.repeat(32);
    const during = await delivery.another({ secretKey: key, previousSecretKeys: [SECRET_KEY] });
    expect(await during.channels.open(1, id, 0)).toMatchObject({ settings: { token: 't' } });
    expect(await during.channels.reseal()).toBe(1);
    expect(await during.channels.reseal()).toBe(0);
    const after = await delivery.another({ secretKey: key });
    expect(await after.channels.open(1, id, 0)).toMatchObject({
      url: 'https://slack.example',
      settings: { token: 't' },
    });
    await expect(delivery.channels.open(1, id, 0)).rejects.toThrow('TRACEHOUND_SECRET_KEY_PREVIOUS');
  });
});
