import { describe, expect, it } from '@jest/globals';
import { emptyRollup, type WindowMeasure } from '../model/rollup.js';
import { MINUTE_MS, WINDOW_MS } from '../model/window.js';
import { isDueAgain, withLate } from './late.js';

const window = (n: Record<number, number>): WindowMeasure => ({
  windowAtMs: 0,
  n: 1,
  traces: 1,
  sampledTraces: 1,
  duplicateSpans: 0,
  rollups: Object.entries(n).map(([id, each]) => ({ ...emptyRollup(Number(id), 0), n: each })),
  edges: [],
});
const late = (measured: WindowMeasure): Record<number, number | undefined> =>
  Object.fromEntries(measured.rollups.map(({ operationId, lateN }) => [operationId, lateN]));

describe('late spans', () => {
  it('are what a window has more than it had first, however often it is measured again', () => {
    const first = window({ 1: 10, 2: 5 });
    const second = withLate(window({ 1: 10, 2: 8, 3: 4 }), first);
    expect(late(second)).toEqual({ 1: undefined, 2: 3, 3: 4 });
    expect(late(withLate(window({ 1: 11, 2: 8, 3: 6 }), second))).toEqual({ 1: 1, 2: 3, 3: 6 });
  });

  it('are added a minute after the end of their window, and each minute after that', () => {
    const dueAt = (fromMs: number, toMs: number): number[] =>
      Array.from({ length: 40 }, (_, i) => 10 * MINUTE_MS - i * WINDOW_MS)
        .filter((atMs) => isDueAgain(atMs, fromMs, toMs))
        .map((atMs) => (fromMs - atMs) / WINDOW_MS);
    const fromMs = 10 * MINUTE_MS;
    expect(dueAt(fromMs, fromMs + WINDOW_MS)).toEqual([6, 12, 18, 24, 30, 36]);
    expect(dueAt(fromMs, fromMs)).toEqual([]);
    // Steps that are taken together do what they do one by one.
    expect(dueAt(fromMs, fromMs + 3 * WINDOW_MS)).toEqual([
      4, 5, 6, 10, 11, 12, 16, 17, 18, 22, 23, 24, 28, 29, 30, 34, 35, 36,
    ]);
  });
});
