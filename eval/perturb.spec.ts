import { describe, expect, it } from '@jest/globals';
import { inferKinds } from '../tools/recorded/kinds.js';
import { type Recording, select } from '../tools/recorded/recording.js';
import { SpanTable } from '../tools/recorded/span-table.js';
import { perturbed } from './perturb.js';

const START_MS = Date.UTC(2024, 0, 5, 10);
const ns = (ms: number): bigint => BigInt(Math.round(ms * 1000)) * 1000n;
const hexOf = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');

/** A request a second for an hour: web (100 ms) calls cart (from 20 ms to 80 ms), which writes a line in its middle. */
function recording(): Recording {
  const spans = new SpanTable();
  const logs: Recording['logs'] = [];
  for (let i = 1; i <= 3600; i++) {
    const atMs = START_MS + i * 1000;
    const ids = { traceId: hexOf(i * 7919, 32), operation: 'op', pod: 'p' };
    const [web, cart] = [hexOf(2 * i, 16), hexOf(2 * i + 1, 16)];
    spans.add({ ...ids, spanId: web, parentId: '', service: 'web', startNs: ns(atMs), endNs: ns(atMs + 100) });
    spans.add({ ...ids, spanId: cart, parentId: web, service: 'cart', startNs: ns(atMs + 20), endNs: ns(atMs + 80) });
    logs.push({ traceId: ids.traceId, spanId: cart, timeNs: ns(atMs + 50), service: 'cart', pod: 'p', body: 'hello' });
  }
  const faults = [20, 50].map((minute) => ({
    service: 'cart',
    type: 'slow',
    startMs: START_MS + minute * 60_000,
    endMs: START_MS + (minute + 3) * 60_000,
  }));
  const selected = select(spans, { fromMs: null, toMs: null, limitMinutes: null }, faults);
  return { ...selected, spans, kinds: inferKinds(spans), logs, counts: { duplicates: 0, invalid: 0 } };
}
const whole = recording();
const msOf = ({ spans }: Recording, nanos: number): number => Number(spans.baseNs / 1000n) / 1000 + nanos / 1e6;

describe('perturbed', () => {
  it('keeps whole traces with their lines, about half of them, and other ones by another seed', () => {
    const [one, other] = [1, 2].map((halfOf) => perturbed(whole, { name: '', what: '', halfOf }));
    expect(one!.order.length / whole.order.length).toBeCloseTo(0.5, 1);
    expect(one!.logs).toHaveLength(one!.order.length / 2);
    expect(one!.logs.every(({ traceId, spanId }) => one!.spans.rowOf(traceId, spanId) >= 0)).toBe(true);
    expect(one!.logs.map(({ traceId }) => traceId)).not.toEqual(other!.logs.map(({ traceId }) => traceId));
    expect(perturbed(whole, { name: '', what: '', halfOf: 1 }).logs).toEqual(one!.logs);
  });

  it('stretches a trace from its begin on, with all that lies in it', () => {
    const slow = perturbed(whole, { name: '', what: '', stretch: 2 });
    const [first] = slow.logs;
    const row = slow.spans.rowOf(first!.traceId, first!.spanId);
    const beganMs = START_MS + 1000;
    expect(msOf(slow, slow.spans.startNs(row)) - beganMs).toBeCloseTo(40);
    expect(msOf(slow, slow.spans.endNs(row)) - beganMs).toBeCloseTo(160);
    expect(Number(first!.timeNs / 1000n) / 1000 - beganMs).toBeCloseTo(100);
    expect(msOf(slow, slow.spans.startNs(slow.spans.parentRow(row)))).toBeCloseTo(beganMs);
    expect(slow.faults).toEqual(whole.faults);
  });

  it('moves labels with what they label', () => {
    const later = perturbed(whole, { name: '', what: '', laterMs: 3_700 });
    expect(later.firstStartMs - whole.firstStartMs).toBeCloseTo(3_700);
    expect(later.faults.map(({ startMs }) => startMs)).toEqual(whole.faults.map(({ startMs }) => startMs + 3_700));
    const renamed = perturbed(whole, { name: '', what: '', renamed: true });
    const names = [0, 1].map((number) => renamed.spans.serviceNames.name(number));
    expect(names).not.toContain('cart');
    expect(new Set(renamed.faults.map(({ service }) => service)).size).toBe(1);
    expect(names).toContain(renamed.faults[0]!.service);
    expect(renamed.logs[0]!.service).toBe(renamed.faults[0]!.service);
  });

  it('forgets what is left out at the beginning, and its faults', () => {
    const late = perturbed(whole, { name: '', what: '', withoutFirstMs: 30 * 60_000 });
    expect(late.order.length / whole.order.length).toBeCloseTo(0.5, 2);
    expect(late.faults.map(({ startMs }) => startMs)).toEqual([START_MS + 50 * 60_000]);
    expect(late.logs).toHaveLength(late.order.length / 2);
  });
});
