import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Egress } from '../../src/notify/egress.js';
import { startDelivery, type Delivery } from '../support/delivery.js';
import { startSink, type Sink, type SinkAnswer } from '../support/sink.js';

/** `npm run chaos:delivery -- --seeds 20` for the long form. */
const SEEDS = Number(process.env['LONG_SEEDS'] ?? 1);
const INCIDENTS = 5;

let sink: Sink;
let delivery: Delivery;

beforeAll(async () => {
  sink = await startSink();
});
afterAll(() => sink.close());
beforeEach(async () => {
  delivery = await startDelivery('delivery_chaos', { timeoutMs: 300 });
  sink.requests.length = 0;
});
afterEach(() => delivery.close());

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
function chance(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const FAULTS: readonly (() => SinkAnswer)[] = [
  () => ({ status: 500 }),
  () => ({ status: 503, headers: { 'retry-after': '20' } }),
  () => ({ status: 429, headers: { 'retry-after': '30' } }),
  () => ({ status: 429, headers: { 'retry-after': new Date(Date.now() + 60_000).toUTCString() } }),
  () => 'hang',
  () => 'cut',
];
/** Taken, whatever follows the status line. */
const TAKEN: readonly SinkAnswer[] = [{ status: 200, body: 'ok' }, { status: 202 }, 'cut-mid-body', 'endless'];

const PATHS = ['/a', '/b', '/c'];
const taken = (answer: SinkAnswer) =>
  answer === 'cut-mid-body' || answer === 'endless' || (typeof answer === 'object' && answer.status < 300);

describe('messages through trouble', () => {
  it.each(Array.from({ length: SEEDS }, (_, i) => i + 1))(
    'seed %i: each ends in one receipt or a visible dead letter; twice only after a crash, with the same id',
    async (seed) => {
      const random = chance(seed);
      const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)] as T;
      for (const path of PATHS) await delivery.channel('webhook', `${sink.url}${path}`);
      const plans = new Map<string, SinkAnswer[]>();
      for (const path of PATHS) {
        // A receiver that never takes it is among them: its messages must become dead letters.
        const isLost = path === '/c' && seed % 5 === 1;
        const answers = isLost
          ? [{ status: 400 }]
          : Array.from({ length: 40 }, () => (random() < 0.35 ? pick(FAULTS)() : pick(TAKEN)));
        plans.set(path, [...answers]);
        sink.answer(path, ...answers, isLost ? { status: 400 } : { status: 200 });
      }
      const incidents = Array.from({ length: INCIDENTS }, () => randomUUID());
      for (const id of incidents) await delivery.step(id, 'opened');
      for (const id of incidents) if (random() < 0.8) await delivery.step(id, 'resolved');
      await delivery.alert.run(1);
      const expected = (await delivery.outbox()).length;
      expect(expected).toBeGreaterThanOrEqual(INCIDENTS * PATHS.length);

      let crashes = 0;
      for (let round = 0; round < 60; round++) {
        const isPending = (await delivery.outbox()).some(({ state }) => state === 'pending');
        if (!isPending) break;
        const others = await Promise.all([delivery.another(), delivery.another()]);
        const runs = others.map((each) => each.notify.run(1).catch(() => undefined));
        if (random() < 0.4) {
          // As kill -9: what it sent is sent, nothing more is written down, its leases stay.
          crashes++;
          await sleep(random() * 60);
          await others[0]?.db.destroy();
        }
        await Promise.all(runs);
        await delivery.advance(90);
        await delivery.makeDue();
      }

      const rows = await delivery.outbox();
      expect(rows).toHaveLength(expected);
      const answered = new Map<string, number>();
      const hung = new Map<string, number>();
      const firstTold = new Map<string, string[]>();
      for (const path of PATHS) {
        const plan = plans.get(path) ?? [];
        for (const [index, { headers, body }] of sink.at(path).entries()) {
          const answer = plan[index] ?? (plan.length === 1 ? plan[0]! : { status: 200 });
          const id = String(headers['webhook-id']);
          if (answer === 'hang') hung.set(id, (hung.get(id) ?? 0) + 1);
          if (!taken(answer)) continue;
          answered.set(id, (answered.get(id) ?? 0) + 1);
          const { type, data } = JSON.parse(body) as { type: string; data: { incident: { id: string } } };
          const key = `${path} ${data.incident.id}`;
          const told = firstTold.get(key) ?? [];
          if (!told.includes(type)) firstTold.set(key, [...told, type]);
        }
      }
      for (const row of rows) {
        if (row.state === 'sent') expect(answered.get(row.id)).toBeGreaterThanOrEqual(1);
        else expect(row).toMatchObject({ state: 'failed', last_error: expect.stringMatching(/./) });
      }
      let unrecorded = 0;
      for (const { id, attempts, tries } of rows) {
        // Taken again: after an attempt of a worker that died, or after a receipt that came too late for this busy machine.
        const lost = attempts - tries.length;
        const late = tries.filter(({ reason }) => reason.startsWith('no answer')).length - (hung.get(id) ?? 0);
        unrecorded += lost;
        expect(answered.get(id) ?? 0).toBeLessThanOrEqual(1 + lost + Math.max(0, late));
      }
      // A worker that dies holds one message of each channel at most.
      expect(unrecorded).toBeLessThanOrEqual(crashes * PATHS.length);
      for (const id of answered.keys()) expect(rows.map((row) => row.id)).toContain(id);
      for (const types of firstTold.values()) {
        expect(types[0]).toBe(types.includes('incident.opened') ? 'incident.opened' : 'incident.resolved');
      }
    },
  );
});

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
