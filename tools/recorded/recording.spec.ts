import { describe, expect, it } from '@jest/globals';
import { select } from './recording.js';
import { SpanTable } from './span-table.js';

const T0 = Date.UTC(2022, 7, 22, 4);
const MINUTE = 60_000;

// Spans as [start, duration] in ms after T0.
function table(spans: [number, number][]): SpanTable {
  const all = new SpanTable();
  spans.forEach(([start, duration], at) => {
    all.add({
      traceId: 'a'.repeat(32),
      spanId: String(at + 1).padStart(16, '0'),
      parentId: '',
      service: 's',
      operation: 'o',
      pod: '',
      startNs: BigInt(T0 + start) * 1_000_000n,
      endNs: BigInt(T0 + start + duration) * 1_000_000n,
    });
  });
  return all;
}
const all = { fromMs: null, toMs: null, limitMinutes: null };
const fault = (startMs: number) => ({
  service: 's',
  type: 't',
  startMs: T0 + startMs,
  endMs: T0 + startMs + 3 * MINUTE,
});

describe('select', () => {
  it('orders by end and knows the windows', () => {
    const spans = table([
      [5 * MINUTE, 10],
      [0, 30 * MINUTE],
      [MINUTE + 1, 5],
    ]);
    const { order, firstStartMs, lastEndMs, windowsWithSpans } = select(spans, all, []);
    expect([...order]).toEqual([2, 0, 1]);
    expect([firstStartMs, lastEndMs]).toEqual([T0, T0 + 30 * MINUTE]);
    expect(windowsWithSpans).toEqual([T0, T0 + MINUTE, T0 + 5 * MINUTE]);
  });

  const minutes: [number, number][] = [0, 1, 2, 3, 4].map((minute) => [minute * MINUTE, 1]);
  const ranges = [
    { name: 'from', range: { ...all, fromMs: T0 + 3 * MINUTE }, expected: [3, 4] },
    { name: 'to', range: { ...all, toMs: T0 + 2 * MINUTE }, expected: [0, 1] },
    { name: 'a limit', range: { ...all, limitMinutes: 3 }, expected: [0, 1, 2] },
    { name: 'a limit after from', range: { ...all, fromMs: T0 + MINUTE, limitMinutes: 2 }, expected: [1, 2] },
  ];
  it.each(ranges)('takes spans by their start: $name', ({ range, expected }) => {
    expect([...select(table(minutes), range, []).order]).toEqual(expected);
  });

  it('says when nothing is left', () => {
    expect(() => select(table(minutes), { ...all, toMs: T0 }, [])).toThrow('no span starts');
  });

  it('keeps the faults that begin within it, and tells which can be judged', () => {
    const spans = table([
      [0, 1],
      [10 * MINUTE, 1],
      [30 * MINUTE, 1],
    ]);
    const faults = [fault(-MINUTE), fault(8 * MINUTE), fault(15 * MINUTE), fault(31 * MINUTE)];
    const kept = select(spans, all, faults).faults;
    expect(kept).toEqual([
      { ...fault(8 * MINUTE), judged: true },
      { ...fault(15 * MINUTE), judged: false },
    ]);
  });
});
