import { describe, expect, it } from '@jest/globals';
import { PureRun } from '../../eval/pure-run.js';
import type { Change } from '../../src/incident/lifecycle.js';
import { MINUTE_MS } from '../../src/model/window.js';
import { type Fault, shopOperations, shopTraffic, type TrafficOptions } from '../support/shop.js';

const START = Date.parse('2026-03-02T09:00:00Z');
const minute = (m: number): number => START + m * MINUTE_MS;

interface Told {
  minute: number;
  kind: string;
  cause: string;
  severity: string;
}

function live(options: Partial<TrafficOptions>): { told: Told[]; changes: Change[]; run: PureRun } {
  // Traffic is made once beforehand so that every operation has its id.
  const windows = [...shopTraffic({ fromMs: START, toMs: minute(25), ...options })];
  const run = new PureRun(shopOperations());
  const told: Told[] = [];
  const changes: Change[] = [];
  for (const { windowAtMs, spans } of windows) {
    for (const change of run.feed(windowAtMs, spans)) {
      changes.push(change);
      if (change.event === null) continue;
      const cause = change.incident.causes[0];
      told.push({
        minute: (windowAtMs + 10_000 - START) / MINUTE_MS,
        kind: change.event.kind,
        cause: `${cause?.service} ${cause?.operation}`,
        severity: change.incident.severity,
      });
    }
  }
  return { told, changes, run };
}

const fault = (kind: Fault['kind'], service: string, factor?: number): Fault => ({
  kind,
  service,
  fromMs: minute(12),
  toMs: minute(16),
  ...(factor === undefined ? {} : { factor }),
});

describe('a fault at minute 12 that ends at minute 16', () => {
  const table: { name: string; fault: Fault; cause: string }[] = [
    { name: 'cart slows down', fault: fault('slow', 'cart', 10), cause: 'cart GetCart' },
    { name: 'payment doubles', fault: fault('slow', 'payment', 2), cause: 'payment Charge' },
    { name: 'the entry point itself is slow', fault: fault('slow', 'frontend', 5), cause: 'frontend' },
    { name: 'half of the payments fail', fault: fault('errors', 'payment'), cause: 'payment Charge' },
    { name: 'checkout stops calling', fault: fault('silent', 'checkout'), cause: 'checkout PlaceOrder' },
  ];
  it.each(table)('$name: one incident, the right cause first, one recovery', ({ fault: planted, cause }) => {
    const { told } = live({ faults: [planted] });
    expect(told.filter((t) => t.kind !== 'escalated').map((t) => t.kind)).toEqual(['opened', 'resolved']);
    expect(told[0]!.minute).toBeGreaterThan(12);
    expect(told[0]!.minute).toBeLessThanOrEqual(13);
    expect(told[0]!.cause).toContain(cause);
    const last = told.at(-1)!;
    expect(last.minute).toBeGreaterThan(16);
    expect(last.minute).toBeLessThanOrEqual(20);
  });

  it('is noticed in quiet services too, later', () => {
    const { told } = live({ perWindow: 2, faults: [fault('slow', 'cart', 20)] });
    expect(told[0]).toMatchObject({ kind: 'opened', cause: 'cart GetCart' });
    expect(told[0]!.minute).toBeLessThanOrEqual(14);
  });

  it('makes two incidents of two unrelated faults', () => {
    const { told } = live({ faults: [fault('slow', 'cart', 10), fault('slow', 'index', 6)] });
    const opened = told.filter((t) => t.kind === 'opened').map((t) => t.cause);
    expect(opened.toSorted()).toEqual(['cart GetCart', 'index Query']);
  });
});

it('tells of a second fault in the same requests while the first lasts, and when all is well again', () => {
  const { told } = live({
    toMs: minute(30),
    faults: [
      { ...fault('slow', 'cart', 10), toMs: minute(22) },
      { ...fault('errors', 'payment'), fromMs: minute(16), toMs: minute(22) },
    ],
  });
  const news = told.filter((t) => t.kind !== 'escalated');
  expect(news.map((t) => t.kind)).toEqual(['opened', 'another_cause', 'resolved']);
  expect(news[0]!.cause).toBe('cart GetCart');
  expect(news[1]!.minute).toBeLessThanOrEqual(17.5);
});

it('tells of a second fault of another kind in the service that is blamed already', () => {
  const { told } = live({
    toMs: minute(30),
    faults: [
      { ...fault('slow', 'cart', 10), toMs: minute(22) },
      { ...fault('errors', 'cart'), fromMs: minute(16), toMs: minute(22) },
    ],
  });
  const news = told.filter((t) => t.kind !== 'escalated');
  expect(news.map((t) => t.kind)).toEqual(['opened', 'another_cause', 'resolved']);
  expect(news[1]).toMatchObject({ cause: 'cart GetCart' });
  expect(news[1]!.minute).toBeGreaterThan(16);
  expect(news[1]!.minute).toBeLessThanOrEqual(17);
});

it('and not of a fault that shows in two ways from the beginning, or that gets worse', () => {
  const both = live({ faults: [fault('slow', 'cart', 10), fault('errors', 'cart')] }).told;
  expect(both.filter((t) => t.kind !== 'escalated').map((t) => t.kind)).toEqual(['opened', 'resolved']);
  const worse = live({ faults: [fault('slow', 'cart', 5), { ...fault('slow', 'cart', 10), fromMs: minute(14) }] }).told;
  expect(worse.filter((t) => t.kind !== 'escalated').map((t) => t.kind)).toEqual(['opened', 'resolved']);
});

describe('nothing is said', () => {
  it.each([1, 2, 3])('of an hour of ordinary traffic with a few errors (seed %i)', (seed) => {
    expect(live({ toMs: minute(60), background: 0.01, seed }).told).toEqual([]);
  });

  it('of a stream that is away for three minutes', () => {
    expect(live({ gaps: [{ fromMs: minute(12), toMs: minute(15) }] }).told).toEqual([]);
  });

  it('while learning', () => {
    const early: Fault = { kind: 'slow', service: 'cart', fromMs: minute(1), toMs: minute(2) };
    expect(live({ toMs: minute(2), faults: [early] }).told).toEqual([]);
  });
});

it('a silent stream neither resolves nor opens anything: no data is not health', () => {
  const { told } = live({
    faults: [{ ...fault('slow', 'cart', 10), toMs: minute(14) }],
    gaps: [{ fromMs: minute(14), toMs: minute(20) }],
  });
  expect(told.filter((t) => t.kind === 'resolved').every((t) => t.minute > 20)).toBe(true);
});

it('a fault that comes and goes is told once while it flaps', () => {
  const bursts = [12, 14.5, 17].map((m): Fault => ({
    ...fault('slow', 'cart', 10),
    fromMs: minute(m),
    toMs: minute(m + 1),
  }));
  const { told } = live({ toMs: minute(40), faults: bursts });
  expect(told.filter((t) => t.kind !== 'escalated').map((t) => t.kind)).toEqual(['opened', 'resolved']);
});

it('a lasting shift is told, and then learned as the new normal', () => {
  const lasting: Fault = { kind: 'slow', service: 'cart', factor: 6, fromMs: minute(12), toMs: minute(120) };
  const { told } = live({ toMs: minute(100), faults: [lasting] });
  expect(told.filter((t) => t.kind !== 'escalated').map((t) => t.kind)).toEqual(['opened', 'resolved']);
});

it('says the same when run twice', () => {
  const options = { faults: [fault('slow', 'cart', 10)], background: 0.02 };
  expect(live(options).changes).toEqual(live(options).changes);
});
