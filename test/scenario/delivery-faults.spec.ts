import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { MAX_ATTEMPTS } from '../../src/notify/schedule.js';
import { RENEW_LEASE_MS } from '../../src/store/notification.store.js';
import { startDelivery, type Delivery, type OutboxRow } from '../support/delivery.js';
import { startSink, type Sink, type SinkAnswer } from '../support/sink.js';

let sink: Sink;
let delivery: Delivery;

beforeAll(async () => {
  sink = await startSink();
});
afterAll(() => sink.close());
beforeEach(async () => {
  delivery = await startDelivery('delivery_faults', { timeoutMs: 400 });
  sink.requests.length = 0;
  sink.answer('/', { status: 200, body: 'ok' });
});
afterEach(() => delivery.close());

async function open(type: 'webhook' | 'slack' = 'webhook', path = '/hook'): Promise<string> {
  const { id } = await delivery.channel(type, `${sink.url}${path}`);
  await delivery.open();
  return id;
}

async function only(): Promise<OutboxRow> {
  const rows = await delivery.outbox();
  expect(rows).toHaveLength(1);
  return rows[0] as OutboxRow;
}

const ids = () => sink.requests.map(({ headers }) => headers['webhook-id']);

describe('a receiver in trouble', () => {
  it('gets the message, with the same id, when it is well again', async () => {
    await open();
    sink.answer('/', { status: 500, body: 'secret stack trace' }, { status: 503 }, { status: 200 });
    const waits: number[] = [];
    for (let attempt = 0; attempt < 3; attempt++) {
      await delivery.notify.run(1);
      waits.push((await only()).wait_s);
      await delivery.notify.run(1);
      await delivery.makeDue();
    }
    const row = await only();
    expect(row).toMatchObject({ state: 'sent', attempts: 3, last_error: null });
    expect(row.tries).toEqual([
      { attempt: 1, status: 500, outcome: 'retry', reason: 'the receiver answered 500' },
      { attempt: 2, status: 503, outcome: 'retry', reason: 'the receiver answered 503' },
      { attempt: 3, status: 200, outcome: 'sent', reason: 'sent' },
    ]);
    expect(ids()).toEqual([row.id, row.id, row.id]);
    expect(waits[0]).toBeGreaterThan(3.5);
    expect(waits[0]).toBeLessThan(6);
    expect(waits[1]).toBeGreaterThan(11.5);
    expect(waits[1]).toBeLessThan(18);
    expect(await delivery.notifications.dueTenants()).toEqual([]);
  });

  const later = new Date(Date.now() + 600_000).toUTCString();
  const waiting: { name: string; answer: SinkAnswer; least: number; most: number }[] = [
    {
      name: 'Retry-After in seconds',
      answer: { status: 429, headers: { 'retry-after': '120' } },
      least: 119,
      most: 120,
    },
    {
      name: 'Retry-After as a date',
      answer: { status: 429, headers: { 'retry-after': later } },
      least: 550,
      most: 600,
    },
    {
      name: 'Retry-After of a week',
      answer: { status: 503, headers: { 'retry-after': '604800' } },
      least: 3_599,
      most: 3_600,
    },
    { name: 'Retry-After of nothing', answer: { status: 429, headers: { 'retry-after': '0' } }, least: 3.5, most: 6 },
    { name: 'hanging up', answer: 'cut', least: 3.5, most: 6 },
    { name: 'never answering', answer: 'hang', least: 3.5, most: 6 },
  ];
  it.each(waiting)('is asked again after $name, from $least to $most s later', async ({ answer, least, most }) => {
    await open();
    sink.answer('/', answer);
    const startedMs = Date.now();
    await delivery.notify.run(1);
    expect(Date.now() - startedMs).toBeLessThan(3_000);
    const row = await only();
    expect(row).toMatchObject({ state: 'pending', attempts: 1 });
    expect(row.wait_s).toBeGreaterThan(least);
    expect(row.wait_s).toBeLessThan(most);
  });

  it('is not asked again when it cannot be reached by the rules, or refuses for good', async () => {
    for (const [answer, reason] of [
      [{ status: 400, body: 'x' }, 'the receiver answered 400'],
      [{ status: 404 }, 'the receiver answered 404'],
    ] as const) {
      const id = await open();
      sink.answer('/', answer);
      await delivery.notify.run(1);
      const row = (await delivery.outbox()).find((each) => each.channel_id === id && each.last_error === reason);
      expect(row).toMatchObject({ state: 'failed', attempts: 1 });
      await delivery.channels.delete(1, id);
    }
  });

  it('is given up after the last attempt of about a day', async () => {
    await open();
    await delivery.db.query(`update notifications set attempts = $1`, [MAX_ATTEMPTS - 1]);
    sink.answer('/', { status: 500 });
    await delivery.notify.run(1);
    expect(await only()).toMatchObject({
      state: 'failed',
      last_error: `given up after ${MAX_ATTEMPTS} attempts: the receiver answered 500`,
    });
  });

  it('that answers 410 is disabled with the reason, and what waits for it fails visibly', async () => {
    const id = await open();
    await delivery.open();
    sink.answer('/', { status: 410 });
    await delivery.notify.run(1);
    expect(sink.requests).toHaveLength(1);
    expect(await delivery.channels.get(1, id)).toMatchObject({
      enabled: false,
      disabledReason: 'the receiver answered 410 Gone',
    });
    const errors = (await delivery.outbox()).map(({ state, last_error }) => [state, last_error]);
    expect(errors.toSorted()).toEqual([
      ['failed', 'the channel is disabled: the receiver answered 410 Gone'],
      ['failed', 'the receiver answered 410 Gone'],
    ]);
    expect(await delivery.channels.change(1, id, { enabled: true }, 0)).toMatchObject({
      enabled: true,
      disabledReason: null,
    });
  });

  it('that took the message and then fails to finish its answer is not told twice', async () => {
    await open();
    sink.answer('/', 'cut-mid-body');
    await delivery.notify.run(1);
    expect(await only()).toMatchObject({ state: 'sent', attempts: 1 });
  });

  it('that answers without end is left after the status line', async () => {
    await open();
    sink.answer('/', 'endless');
    await delivery.notify.run(1);
    expect(await only()).toMatchObject({ state: 'sent', attempts: 1 });
  });

  it('holds up nobody else', async () => {
    const patient = await delivery.another({ timeoutMs: 3_000 });
    await delivery.channel('webhook', `${sink.url}/slow`);
    await delivery.channel('webhook', `${sink.url}/quick`);
    sink.answer('/', { status: 200 });
    sink.answer('/slow', 'hang');
    await delivery.open();
    const startedMs = Date.now();
    const running = patient.notify.run(1);
    await sink.received('/quick', 1);
    await sink.received('/slow', 1);
    // What becomes due while the slow one hangs goes out too.
    await delivery.open();
    await sink.received('/quick', 2);
    expect(Date.now() - startedMs).toBeLessThan(2_000);
    expect(sink.at('/slow')).toHaveLength(1);
    sink.answer('/slow', { status: 200 });
    await running;
    expect((await delivery.outbox()).filter(({ state }) => state === 'sent')).toHaveLength(3);
  });
});

describe('Slack', () => {
  const cases: { name: string; answer: SinkAnswer; state: string; last_error: unknown }[] = [
    { name: 'ok', answer: { status: 200, body: 'ok' }, state: 'sent', last_error: null },
    {
      name: '200 with an error',
      answer: { status: 200, body: 'invalid_token' },
      state: 'failed',
      last_error: 'the receiver answered 200 without "ok": invalid_token',
    },
    {
      name: '200 with a page',
      answer: { status: 200, body: '<html>hello' },
      state: 'failed',
      last_error: 'the receiver answered 200 without "ok"',
    },
    {
      name: '400 with an error',
      answer: { status: 400, body: 'invalid_blocks' },
      state: 'failed',
      last_error: 'the receiver answered 400: invalid_blocks',
    },
    {
      name: '429',
      answer: { status: 429, headers: { 'retry-after': '30' }, body: 'slow down' },
      state: 'pending',
      last_error: 'the receiver answered 429',
    },
    {
      name: 'cut in its receipt',
      answer: 'cut-mid-body',
      state: 'pending',
      last_error: expect.stringContaining('the connection was cut'),
    },
    { name: 'endless', answer: 'endless', state: 'failed', last_error: 'the receiver answered 200 without "ok"' },
  ];
  it.each(cases)('$name: $state', async ({ answer, state, last_error }) => {
    await open('slack');
    sink.answer('/', answer);
    await delivery.notify.run(1);
    expect(await only()).toMatchObject({ state, last_error, attempts: 1 });
  });
});

describe('a way into the private network', () => {
  it('is not opened by a redirect', async () => {
    const inside = await startSink();
    try {
      await open();
      for (const status of [301, 302, 303, 307, 308]) {
        sink.answer('/', { status, headers: { location: inside.url } });
        await delivery.open();
      }
      await delivery.notify.run(1);
      expect(inside.requests).toHaveLength(0);
      for (const row of await delivery.outbox()) {
        expect(row).toMatchObject({
          state: 'failed',
          last_error: expect.stringContaining('redirects are not followed'),
        });
      }
    } finally {
      await inside.close();
    }
  });

  it('is not opened by redirects in a circle: each is asked once, and nobody is asked for what it says', async () => {
    await open('webhook', '/here');
    sink.answer('/here', { status: 307, headers: { location: '/there' } });
    sink.answer('/there', { status: 307, headers: { location: '/here' } });
    await delivery.notify.run(1);
    expect(sink.requests.map(({ path }) => path)).toEqual(['/here']);
    expect(await only()).toMatchObject({ state: 'failed', attempts: 1 });
  });

  const literals = [
    ...['127.0.0.1', 'localhost', '127.1', '2130706433', '0x7f000001', '0177.0.0.1', '0.0.0.0'],
    ...[
      '[::1]',
      '[::]',
      '[::ffff:127.0.0.1]',
      '[::ffff:7f00:1]',
      '[::127.0.0.1]',
      '[64:ff9b::7f00:1]',
      '[2002:7f00:1::]',
    ],
  ];
  it.each(literals)('is not opened by %s', async (host) => {
    const guarded = await delivery.another({ allow: [] });
    await delivery.channel('webhook', sink.url.replace('127.0.0.1', host));
    await delivery.open();
    await guarded.notify.run(1);
    expect(sink.requests).toHaveLength(0);
    expect(await only()).toMatchObject({ state: 'failed', last_error: expect.stringContaining('OUTBOUND_ALLOW') });
  });
});

describe('workers', () => {
  it('that die between sending and writing it down send the same id again, and come too late to write', async () => {
    await open();
    const [claimed] = await delivery.notifications.claim(1, 10);
    if (!claimed) throw new Error('nothing was claimed');
    await delivery.notify.run(1);
    expect(sink.requests).toHaveLength(0);
    await delivery.db.query(`update notifications set leased_until = now() - interval '1 s'`);
    await delivery.notify.run(1);
    expect(ids()).toEqual([claimed.id]);
    await delivery.notifications.record(claimed, {
      outcome: 'retry',
      status: null,
      reason: 'late',
      tookMs: 0,
      retryInS: 1,
    });
    const row = await only();
    expect(row).toMatchObject({ id: claimed.id, state: 'sent', attempts: 2 });
    expect(row.tries.map(({ attempt }) => attempt)).toEqual([2]);
  });

  it('keep what they send for as long as it takes', async () => {
    const renewing = jest.spyOn(globalThis, 'setInterval');
    try {
      const patient = await delivery.another({ timeoutMs: 5_000 });
      await open();
      sink.answer('/', { status: 200, afterMs: 1_000 });
      const sending = patient.notify.run(1);
      await sink.received('/hook', 1);
      const [renew, everyMs] = renewing.mock.calls.find(([, ms]) => ms === RENEW_LEASE_MS) ?? [];
      expect(everyMs).toBe(RENEW_LEASE_MS);
      // Nearly a minute later.
      await delivery.advance(59);
      renew?.();
      await delivery.advance(10);
      await delivery.notify.run(1);
      await sending;
      expect(ids()).toHaveLength(1);
      expect(await only()).toMatchObject({ state: 'sent', attempts: 1 });
    } finally {
      renewing.mockRestore();
    }
  });

  it('at the same time decide once and send once', async () => {
    const others = await Promise.all([delivery.another(), delivery.another()]);
    for (const path of ['/a', '/b', '/c']) await delivery.channel('webhook', `${sink.url}${path}`);
    const incidentIds = Array.from({ length: 8 }, () => randomUUID());
    for (const id of incidentIds) await delivery.step(id, 'opened');
    for (const id of incidentIds) await delivery.step(id, 'resolved');
    await Promise.all([delivery, ...others].map((each) => each.alert.run(1)));
    expect(await delivery.outbox()).toHaveLength(8 * 2 * 3);
    await Promise.all([delivery, ...others].map((each) => each.notify.run(1)));
    await delivery.notify.run(1);
    expect(ids()).toHaveLength(8 * 2 * 3);
    expect(new Set(ids()).size).toBe(8 * 2 * 3);
    expect((await delivery.outbox()).every(({ state, attempts }) => state === 'sent' && attempts === 1)).toBe(true);
    for (const path of ['/a', '/b', '/c']) {
      for (const id of incidentIds) {
        const told = sink
          .at(path)
          .map(({ body }) => JSON.parse(body) as { type: string; data: { incident: { id: string } } });
        const types = told.filter(({ data }) => data.incident.id === id).map(({ type }) => type);
        expect(types).toEqual(['incident.opened', 'incident.resolved']);
      }
    }
  });

  it('tell of the opening before the end, however long the opening takes', async () => {
    const incidentId = randomUUID();
    await delivery.channel('webhook', `${sink.url}/hook`);
    await delivery.step(incidentId, 'opened');
    await delivery.step(incidentId, 'resolved');
    await delivery.alert.run(1);
    sink.answer('/', { status: 500 }, { status: 500 }, { status: 200 });
    for (let attempt = 0; attempt < 3; attempt++) {
      await delivery.makeDue();
      await delivery.notify.run(1);
    }
    const types = sink.requests.map(({ body }) => (JSON.parse(body) as { type: string }).type);
    expect(types).toEqual(['incident.opened', 'incident.opened', 'incident.opened', 'incident.resolved']);
  });

  it('are not held up by a step that cannot be decided upon: it is set aside, visibly, and only its incident waits for it', async () => {
    await delivery.channel('webhook', `${sink.url}/hook`);
    const [broken, sound] = ['00000000-0000-4000-8000-00000000000a', 'ffffffff-0000-4000-8000-00000000000b'];
    await delivery.step(broken, 'opened');
    await delivery.db.query(`update incident_events set snapshot = '{"severity": "warning"}'`);
    await delivery.step(broken, 'resolved');
    await delivery.step(sound, 'opened');
    const told = async () => {
      await delivery.alert.run(1);
      return (await delivery.outbox()).map(({ incident_id, kind }) => [incident_id, kind]);
    };
    const steps = () =>
      delivery.db.query<
        { sequence: number; attempts: number; error: string | null; set_aside: boolean; open: boolean }[]
      >(
        `select sequence, decide_attempts as attempts, decide_error as error, set_aside, decided_at is null as open
         from incident_events where incident_id = $1 order by sequence`,
        [broken],
      );
    expect(await told()).toEqual([[sound, 'opened']]);
    expect(await told()).toHaveLength(1);
    expect(await steps()).toMatchObject([
      { attempts: 1, error: expect.stringMatching(/./), set_aside: false, open: true },
      { attempts: 0, open: true },
    ]);
    for (let attempt = 2; attempt <= 5; attempt++) {
      await delivery.db.query(`update incident_events set decide_after = now() where decide_after is not null`);
      await told();
    }
    expect(await steps()).toMatchObject([
      { attempts: 5, set_aside: true, open: false },
      // Nobody was told of the opening, so nobody is told of the end.
      { attempts: 0, set_aside: false, open: false },
    ]);
    expect(await told()).toEqual([[sound, 'opened']]);
  });

  it('leave alone what waits for a channel that was deleted', async () => {
    const id = await open();
    await delivery.channels.delete(1, id);
    await delivery.notify.run(1);
    expect(sink.requests).toHaveLength(0);
    expect(await only()).toMatchObject({ state: 'failed', last_error: `there is no channel ${id}` });
  });
});
