import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { ANOMALY_DEFAULTS } from '../../src/model/rule.js';
import { startDelivery, type Delivery } from '../support/delivery.js';
import { startSink, type Sink, type SinkRequest } from '../support/sink.js';

let sink: Sink;
let delivery: Delivery;

beforeAll(async () => {
  sink = await startSink();
});
afterAll(() => sink.close());
beforeEach(async () => {
  delivery = await startDelivery('delivery');
  sink.requests.length = 0;
});
afterEach(() => delivery.close());

function verified(secret: string, { body, headers }: SinkRequest): { type: string; data: Record<string, unknown> } {
  return new Webhook(secret).verify(body, headers as Record<string, string>) as never;
}

async function decideAndSend(): Promise<void> {
  await delivery.alert.run(1);
  await delivery.notify.run(1);
}

describe('an incident, told', () => {
  it('sends one message when it opens and one when it resolves, to every channel, whatever happens between', async () => {
    const hook = await delivery.channel('webhook', `${sink.url}/hook`);
    await delivery.channel('slack', `${sink.url}/slack`);
    const incidentId = randomUUID();
    for (const kind of ['opened', 'escalated', 'reopened', 'resolved'] as const) {
      await delivery.step(incidentId, kind, 'critical');
      await decideAndSend();
      await decideAndSend();
    }

    expect(sink.at('/hook')).toHaveLength(2);
    const told = sink.at('/hook').map((request) => verified(hook.secret, request));
    expect(told.map(({ type }) => type)).toEqual(['incident.opened', 'incident.resolved']);
    expect(told[0]?.data).toMatchObject({
      reason: 'test: opened',
      incident: {
        id: incidentId,
        severity: 'critical',
        title: 'checkout / GetCart p95 1.9 s (normal 240 ms), cause: cart / GetCart',
        startedAt: '2026-11-21T03:11:40.000Z',
        causes: [{ service: 'cart', operation: 'GetCart', score: 0.92 }],
      },
      links: {
        incident: `http://trace.test/api/v1/incidents/${incidentId}`,
        traces: [`http://trace.test/api/v1/traces/${'ab'.repeat(16)}`],
      },
    });
    expect(new Set(sink.at('/hook').map(({ headers }) => headers['webhook-id'])).size).toBe(2);

    const slack = sink.at('/slack').map(({ body }) => (JSON.parse(body) as { text: string }).text);
    expect(slack).toEqual([
      'Opened: checkout / GetCart p95 1.9 s (normal 240 ms) since 03:11:40 UTC. Cause: cart / GetCart (92 % likely): self time +1.6 s.',
      'Resolved: checkout / GetCart p95 1.9 s (normal 240 ms) from 03:11:40 UTC for 60 s. Cause: cart / GetCart (92 % likely): self time +1.6 s.',
    ]);

    const decisions: { sequence: number; send: boolean; reason: string }[] = await delivery.db.query(
      `select sequence, send, reason from route_decisions order by id`,
    );
    expect(decisions).toEqual([
      { sequence: 1, send: true, reason: 'first' },
      { sequence: 2, send: false, reason: 'already_told' },
      { sequence: 3, send: false, reason: 'flapping_already_told' },
      { sequence: 4, send: true, reason: 'all_resolved' },
    ]);
    const [alert]: object[] = await delivery.db.query(`select * from alerts`);
    expect(alert).toMatchObject({
      incident_id: incidentId,
      state: 'resolved',
      sequence: 4,
      labels: { alertname: 'default' },
    });
    const steps: { from_state: string; to_state: string; reason: string; notice: { type: string } }[] =
      await delivery.db.query(`select from_state, to_state, reason, notice from alert_transitions order by sequence`);
    expect(steps.map((step) => [step.from_state, step.to_state, step.reason, step.notice.type])).toEqual([
      ['inactive', 'firing', 'opened', 'incident.opened'],
      ['firing', 'firing', 'escalated', 'incident.escalated'],
      ['firing', 'firing', 'reopened', 'incident.reopened'],
      ['firing', 'resolved', 'resolved', 'incident.resolved'],
    ]);
  });

  it('tells nobody of the end of what nobody was told of, and at escalation those who were not told', async () => {
    await delivery.channel('webhook', `${sink.url}/hook`);
    const quiet = randomUUID();
    await delivery.step(quiet, 'opened', 'info');
    await delivery.step(quiet, 'resolved', 'info');
    const growing = randomUUID();
    await delivery.step(growing, 'opened', 'info');
    await delivery.step(growing, 'escalated', 'critical');
    await decideAndSend();
    expect((await delivery.outbox()).map(({ incident_id, kind }) => [incident_id, kind])).toEqual([
      [growing, 'escalated'],
    ]);
    expect(sink.requests).toHaveLength(1);
  });

  it('stays with its tenant', async () => {
    await delivery.db.query(`insert into tenants (name) values ('other')`);
    await delivery.channel('webhook', `${sink.url}/mine`);
    const theirs = await delivery.channel('webhook', `${sink.url}/theirs`, 2);
    await delivery.step(randomUUID(), 'opened', 'warning', 2);
    await decideAndSend();
    expect(sink.requests).toHaveLength(0);
    await delivery.alert.run(2);
    await delivery.notify.run(1);
    expect(sink.requests).toHaveLength(0);
    expect(await delivery.notifications.dueTenants()).toEqual([2]);
    await delivery.notify.run(2);
    expect(sink.requests.map(({ path }) => path)).toEqual(['/theirs']);
    await expect(delivery.channels.open(1, theirs.id, 0)).rejects.toMatchObject({ status: 404 });
  });

  it('follows the rules: named channels, and a default rule that stays away when deleted', async () => {
    const a = await delivery.channel('webhook', `${sink.url}/a`);
    await delivery.channel('webhook', `${sink.url}/b`);
    const [standard] = await delivery.rules.list(1);
    expect(standard).toMatchObject({
      name: 'default',
      enabled: true,
      services: ['*'],
      minSeverity: 'warning',
      channelIds: null,
    });
    await delivery.rules.delete(1, standard?.id ?? '');
    await delivery.step(randomUUID(), 'opened');
    await decideAndSend();
    expect(sink.requests).toHaveLength(0);
    expect(await delivery.rules.list(1)).toEqual([]);
    await delivery.rules.create(1, {
      ...ANOMALY_DEFAULTS,
      name: 'cart',
      enabled: true,
      services: ['c*t'],
      minSeverity: 'info',
      channelIds: [a.id],
    });
    await delivery.step(randomUUID(), 'opened', 'info');
    await decideAndSend();
    expect(sink.requests.map(({ path }) => path)).toEqual(['/a']);
  });

  it('are told by all rules but the one that cannot be made out, which says so; what it told of ends', async () => {
    const [a, b] = [
      await delivery.channel('webhook', `${sink.url}/a`),
      await delivery.channel('webhook', `${sink.url}/b`),
    ];
    const [standard] = await delivery.rules.list(1);
    await delivery.rules.delete(1, standard?.id ?? '');
    for (const [name, channel] of [
      ['sound', a],
      ['strange', b],
    ] as const) {
      const values = { ...ANOMALY_DEFAULTS, name, enabled: true, services: ['*'], minSeverity: 'info' as const };
      await delivery.rules.create(1, { ...values, channelIds: [channel.id] });
    }
    const [before, after] = [randomUUID(), randomUUID()];
    await delivery.step(before, 'opened', 'info');
    await decideAndSend();
    expect(sink.requests.map(({ path }) => path).toSorted()).toEqual(['/a', '/b']);
    // What a version of tomorrow might write.
    await delivery.db.query(
      `update rules set definition = '{"annotations": 7, "signals": "all"}' where name = 'strange'`,
    );
    await delivery.step(before, 'escalated', 'critical');
    await delivery.step(after, 'opened');
    await decideAndSend();
    const left: { id: string; sequence: number; rules: object }[] = await delivery.db.query(
      `select incident_id as id, sequence, unconcerned_rules -> 'rule_failed' as rules from incident_events
        where unconcerned_rules is not null order by sequence desc`,
    );
    expect(left.map((each) => ({ ...each, rules: Object.values(each.rules) }))).toEqual([
      { id: before, sequence: 2, rules: ['strange'] },
      { id: after, sequence: 1, rules: ['strange'] },
    ]);
    await delivery.step(before, 'resolved');
    await delivery.step(after, 'resolved');
    await decideAndSend();
    const ends = sink.requests.filter(({ body }) => body.includes('incident.resolved')).map(({ path }) => path);
    expect(ends.toSorted()).toEqual(['/a', '/a', '/b']);
    const open: object[] = await delivery.db.query(`select * from alerts where state <> 'resolved'`);
    expect(open).toEqual([]);
    const waiting: object[] = await delivery.db.query(`select * from incident_events where decided_at is null`);
    expect(waiting).toEqual([]);
  });

  it('makes the default rule once, also when many ask at once', async () => {
    const lists = await Promise.all(Array.from({ length: 5 }, () => delivery.rules.list(1)));
    for (const list of lists) expect(list.length).toBeLessThanOrEqual(1);
    expect(await delivery.rules.list(1)).toHaveLength(1);
  });
});

describe('secrets', () => {
  it('stand nowhere in the database in clear', async () => {
    const { secret } = await delivery.channel('webhook', `${sink.url}/geheimer-pfad`);
    await delivery.step(randomUUID(), 'opened');
    await decideAndSend();
    expect(sink.requests).toHaveLength(1);
    const tables: { name: string }[] = await delivery.db.query(
      `select tablename as name from pg_tables where schemaname = 'public'`,
    );
    for (const { name } of tables) {
      const rows: { text: string }[] = await delivery.db.query(`select t::text as text from "${name}" t`);
      for (const { text } of rows) {
        expect(text).not.toContain('geheimer-pfad');
        expect(text).not.toContain(secret.slice('whsec_'.length));
      }
    }
    const [sealed]: { secret: Buffer }[] = await delivery.db.query(`select secret from channels`);
    expect(sealed?.secret.length).toBeGreaterThan(80);
    expect(sealed?.secret.includes('geheimer-pfad')).toBe(false);
    expect(sealed?.secret.includes('whsec_')).toBe(false);
  });

  it('sign with the old and the new one for a day after a change', async () => {
    const { id, secret } = await delivery.channel('webhook', `${sink.url}/hook`);
    const changed = await delivery.channels.change(1, id, { rotateSecret: true }, Date.now());
    expect(changed.signingSecret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(changed.signingSecret).not.toBe(secret);
    await delivery.step(randomUUID(), 'opened');
    await decideAndSend();
    const request = sink.requests[0] as SinkRequest;
    expect(verified(secret, request).type).toBe('incident.opened');
    expect(verified(changed.signingSecret ?? '', request).type).toBe('incident.opened');
    const aDayLater = await delivery.channels.open(1, id, Date.now() + 25 * 3_600_000);
    expect(aDayLater.signingSecrets).toEqual([changed.signingSecret]);
  });

  it('that were sealed with another key delay a message, and say why, until the key is back', async () => {
    await delivery.channel('webhook', `${sink.url}/hook`);
    await delivery.open();
    const elsewhere = await delivery.another({ secretKey: 'b6'.repeat(32) });
    await elsewhere.notify.run(1);
    const [waiting] = await delivery.outbox();
    expect(waiting).toMatchObject({ state: 'pending', last_error: expect.stringContaining('TRACEHOUND_SECRET_KEY') });
    await delivery.makeDue();
    await delivery.notify.run(1);
    expect((await delivery.outbox())[0]).toMatchObject({ state: 'sent', attempts: 2 });
  });
});

it('signs as the vector of Standard Webhooks has it', () => {
  const at = new Date(1_614_265_330_000);
  const webhook = new Webhook('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
  expect(webhook.sign('msg_p5jXN8AQM9LWM0D4loKWxJek', at, '{"test": 2432232314}')).toBe(
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  );
});
