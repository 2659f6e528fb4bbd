import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { Egress } from '../../src/notify/egress.js';
import { startDelivery, type Delivery } from '../support/delivery.js';
import { startSink, type Sink } from '../support/sink.js';

let sink: Sink;
let delivery: Delivery;

beforeAll(async () => {
  sink = await startSink();
});
afterAll(() => sink.close());
beforeEach(async () => {
  delivery = await startDelivery('receiver_faults', { timeoutMs: 300 });
  sink.requests.length = 0;
  sink.answer('/', { status: 200 });
  sink.answer('/hook', { status: 200 });
});
afterEach(() => delivery.close());

it('a receiver that is down for an hour hears of everything, in order, when it is back, and is not flooded meanwhile', async () => {
  await delivery.channel('webhook', `${sink.url}/hook`);
  sink.answer('/hook', { status: 503 });
  const incidents = Array.from({ length: 6 }, () => randomUUID());
  for (const id of incidents) await delivery.step(id, 'opened');
  for (const id of incidents.slice(0, 3)) await delivery.step(id, 'resolved');
  await delivery.alert.run(1);
  for (let passedS = 0; passedS < 3_600; passedS += 60) {
    await delivery.notify.run(1);
    await delivery.advance(60);
  }
  const whileDown = sink.requests.length;
  // The circuit: five at once, then one at a time with at most 5 min between.
  expect(whileDown).toBeGreaterThanOrEqual(12);
  expect(whileDown).toBeLessThanOrEqual(30);
  sink.answer('/hook', { status: 200 });
  for (let passedS = 0; passedS < 4 * 3_600; passedS += 300) {
    await delivery.notify.run(1);
    await delivery.advance(300);
  }
  expect((await delivery.outbox()).map(({ state }) => state)).toEqual(Array(9).fill('sent'));
  for (const id of incidents.slice(0, 3)) {
    const types = sink.requests
      .slice(whileDown)
      .map(({ body }) => JSON.parse(body) as { type: string; data: { incident: { id: string } } })
      .filter(({ data }) => data.incident.id === id)
      .map(({ type }) => type);
    expect(types).toEqual(['incident.opened', 'incident.resolved']);
  }
});

describe('a clock of the database that is set', () => {
  const tell = async () => {
    await delivery.open();
  };
  const states = async () => (await delivery.outbox()).map(({ state, attempts }) => [state, attempts]);
  const HOUR_S = 3_600;

  it('back by an hour holds up nothing that was never tried', async () => {
    await delivery.channel('webhook', `${sink.url}/hook`);
    await tell();
    await delivery.advance(-HOUR_S);
    expect(await delivery.notifications.dueTenants()).toEqual([1]);
    await delivery.notify.run(1);
    expect(await states()).toEqual([['sent', 1]]);
  });

  it('back by an hour does not make the next attempt wait for it, and the ones after that keep their distance', async () => {
    await delivery.channel('webhook', `${sink.url}/hook`);
    sink.answer('/hook', { status: 500 });
    await tell();
    await delivery.notify.run(1);
    await delivery.advance(-HOUR_S);
    expect(await delivery.notifications.dueTenants()).toEqual([1]);
    await delivery.notify.run(1);
    await delivery.notify.run(1);
    expect(await states()).toEqual([['pending', 2]]);
    const [row] = await delivery.outbox();
    expect(row?.wait_s).toBeGreaterThan(10);
    expect(row?.wait_s).toBeLessThan(20);
  });

  it('back by an hour opens no circuit for longer, and keeps nobody waiting for a receiver that asked for time', async () => {
    await delivery.channel('webhook', `${sink.url}/busy`);
    await delivery.channel('webhook', `${sink.url}/down`);
    sink.answer('/busy', { status: 429, headers: { 'retry-after': '300' } }, { status: 200 });
    sink.answer(
      '/down',
      { status: 500 },
      { status: 500 },
      { status: 500 },
      { status: 500 },
      { status: 500 },
      { status: 200 },
    );
    for (let i = 0; i < 5; i++) await tell();
    await delivery.notify.run(1);
    expect([sink.at('/busy').length, sink.at('/down').length]).toEqual([1, 5]);
    await delivery.advance(-HOUR_S);
    await delivery.notify.run(1);
    expect((await states()).filter(([state]) => state === 'sent')).toHaveLength(10);
  });

  it('back by an hour does not make a message wait for a worker that died before', async () => {
    await delivery.channel('webhook', `${sink.url}/hook`);
    await tell();
    expect(await delivery.notifications.claim(1, 10)).toHaveLength(1);
    await delivery.notify.run(1);
    expect(sink.requests).toHaveLength(0);
    await delivery.advance(-HOUR_S);
    await delivery.notify.run(1);
    expect(await states()).toEqual([['sent', 2]]);
  });

  it('forward by an hour loses nothing: what waits is tried at once, under the same id', async () => {
    await delivery.channel('webhook', `${sink.url}/hook`);
    sink.answer('/hook', { status: 503 }, { status: 200 });
    await tell();
    await delivery.notify.run(1);
    await delivery.advance(HOUR_S);
    await delivery.notify.run(1);
    expect(await states()).toEqual([['sent', 2]]);
    expect(new Set(sink.requests.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  });
});

describe('a name that leads elsewhere the second time', () => {
  const answers: string[][] = [];
  const rebinding = (allow: string[] = []) =>
    new Egress(allow, 300, (_hostname, _options, done) =>
      done(
        null,
        (answers.shift() ?? ['127.0.0.1']).map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      ),
    );

  it.each([
    ['a private address', [['127.0.0.1']]],
    ['a public address and a private one', [['93.184.215.14', '127.0.0.1']]],
    ['a private address inside IPv6', [['::ffff:127.0.0.1']]],
    ['the address of cloud metadata', [['169.254.169.254']]],
  ])('is refused at the connection when it answers %s', async (_name, given) => {
    answers.splice(0, answers.length, ...given);
    const egress = rebinding();
    const port = new URL(sink.url).port;
    try {
      expect(await egress.post(`http://rebinds.example:${port}/x`, {}, '{}')).toMatchObject({
        status: null,
        permanent: true,
        reason: expect.stringContaining('OUTBOUND_ALLOW'),
      });
      answers.splice(0, answers.length, ...given);
      await expect(egress.connect('rebinds.example', Number(port))).rejects.toThrow('OUTBOUND_ALLOW');
      expect(sink.requests).toHaveLength(0);
    } finally {
      await egress.close();
    }
  });

  it('is asked anew for each connection: no connection is kept for another request', async () => {
    answers.splice(0, answers.length, ['127.0.0.1'], ['10.0.0.1']);
    const egress = rebinding(['127.0.0.0/8']);
    const url = `${sink.url.replace('127.0.0.1', 'rebinds.example')}/x`;
    try {
      expect(await egress.post(url, {}, '{}')).toMatchObject({ status: 200 });
      expect(await egress.post(url, {}, '{}')).toMatchObject({ status: null, permanent: true });
      expect(sink.requests).toHaveLength(1);
    } finally {
      await egress.close();
    }
  });
});
