import { describe, expect, it } from '@jest/globals';
import type { Baselines } from '../model/baseline.js';
import { Histogram } from '../model/histogram.js';
import { emptyRollup, type EdgeRollup, type Rollup, type WindowMeasure } from '../model/rollup.js';
import { DEFAULT_POLICY } from '../model/policy.js';
import { dispersionOf } from '../model/spread.js';
import { MINUTE_MS, WINDOW_MS } from '../model/window.js';
import { learn as fold } from './learn.js';

const histogram = (...values: number[]): Histogram => {
  const h = new Histogram();
  for (const value of values) h.add(value);
  return h;
};
const rollup = (operationId: number, more: Partial<Rollup> = {}): Rollup => {
  const n = more.n ?? 10;
  const latency = histogram(...Array.from({ length: n }, (_, i) => 100 + i));
  return { ...emptyRollup(operationId, 0), n, latency, sampledN: n, ...more };
};
const edge = (callerId: number, calleeId: number, calls: number): EdgeRollup => ({
  callerId,
  calleeId,
  windowAtMs: 0,
  calls,
  errors: 0,
  gap: new Histogram(),
});
const window = (rollups: Rollup[], edges: EdgeRollup[] = []): WindowMeasure => ({
  windowAtMs: 0,
  n: rollups.reduce((sum, r) => sum + r.n, 0),
  traces: 1,
  sampledTraces: 1,
  duplicateSpans: 0,
  rollups,
  edges,
});
const learn = (known: Baselines, windows: WindowMeasure[], excluded: ReadonlySet<number>) =>
  fold(
    known,
    windows.map((each, i) => ({ ...each, windowAtMs: i * WINDOW_MS })),
    excluded,
    DEFAULT_POLICY,
  );
const nothing = (): Baselines => ({ operations: new Map(), edges: new Map() });
const times = <T>(n: number, value: T): T[] => Array.from({ length: n }, () => value);

describe('learn', () => {
  it('folds windows, and counts a silent operation as zero traffic', () => {
    const known = nothing();
    learn(known, [window([rollup(1), rollup(2)]), window([rollup(1, { n: 4, errors: 2 })])], new Set());
    expect(known.operations.get(1)).toMatchObject({
      windows: 2,
      n: 14,
      errors: 2,
      perWindowSum: 14,
      perWindowSumSq: 116,
    });
    expect(known.operations.get(2)).toMatchObject({ windows: 2, n: 10, perWindowSum: 10 });
  });

  it('learns nothing from windows without data', () => {
    const known = nothing();
    learn(known, [window([rollup(1)]), window([])], new Set());
    expect(known.operations.get(1)!.windows).toBe(1);
  });

  it('stays a number when an operation is known only from traces that ended in a window, none of its spans having', () => {
    const known = nothing();
    learn(known, times(30, window([rollup(1), rollup(2)])), new Set());
    const onlyInTraces = rollup(2, { n: 0, sampledN: 3, selfTime: histogram(5, 6, 7) });
    learn(known, times(12, window([rollup(1), onlyInTraces])), new Set());
    expect(known.operations.get(2)!.errorChi.sum).toBeGreaterThanOrEqual(0);
  });

  it('learns nothing of excluded operations and of their calls', () => {
    const known = nothing();
    learn(known, [window([rollup(1), rollup(2)], [edge(1, 2, 10)])], new Set());
    const changed = learn(known, [window([rollup(1, { n: 99 }), rollup(2)], [edge(1, 2, 0)])], new Set([1]));
    expect(known.operations.get(1)!.n).toBe(10);
    expect(known.operations.get(2)!.n).toBe(20);
    expect(known.edges.get('1>2')).toMatchObject({ calls: 10, callerN: 10 });
    // It is written all the same, so that whoever reads it does not count the windows since.
    expect(changed.operations).toEqual(new Set([1, 2]));
  });

  it('writes what was seen, and each of the rest once an hour', () => {
    const known = nothing();
    const all = [1, 2, 3, 61].map((id) => rollup(id));
    learn(known, [window(all)], new Set());
    const written = [1, 2, 3].map((minuteNo) => {
      const windows = [{ ...window([rollup(2)]), windowAtMs: minuteNo * MINUTE_MS }];
      return [...fold(known, windows, new Set(), DEFAULT_POLICY).operations].toSorted((a, b) => a - b);
    });
    expect(written).toEqual([[2], [2], [2]]);
    const minute59 = [{ ...window([rollup(2)]), windowAtMs: 59 * MINUTE_MS }];
    expect(fold(known, minute59, new Set(), DEFAULT_POLICY).operations).toEqual(new Set([1, 2, 61]));
    expect(known.operations.get(3)).toMatchObject({ windows: 5, n: 10 });
  });

  it('takes the caller as having been silent towards a callee before it was first seen', () => {
    const known = nothing();
    learn(known, [window([rollup(1)]), window([rollup(1)]), window([rollup(1)], [edge(1, 2, 5)])], new Set());
    expect(known.edges.get('1>2')).toMatchObject({ calls: 5, callerN: 30 });
  });

  it('counts a window in which the caller was at work and did not call', () => {
    const known = nothing();
    learn(known, [window([rollup(1)], [edge(1, 2, 10)]), window([rollup(1)])], new Set());
    expect(known.edges.get('1>2')).toMatchObject({ calls: 10, callerN: 20, windows: 2 });
  });

  it('fades: ratios stay, weight stays bounded', () => {
    const known = nothing();
    learn(known, times(2000, window([rollup(1, { errors: 1 })], [edge(1, 2, 20)])), new Set());
    const baseline = known.operations.get(1)!;
    expect(baseline.windows).toBeLessThanOrEqual(360);
    expect(baseline.errors / baseline.n).toBeCloseTo(0.1, 6);
    expect(baseline.latency.count).toBeLessThanOrEqual(3600);
    expect(known.edges.get('1>2')!.calls / known.edges.get('1>2')!.callerN).toBeCloseTo(2, 6);
  });

  it('notices that windows differ more than chance makes them', () => {
    const steady = nothing();
    const restless = nothing();
    const ms = 1000;
    const slow = rollup(1, { n: 20, latency: histogram(...times(20, 90 * ms)) });
    const fast = rollup(1, { n: 20, latency: histogram(...times(20, 10 * ms)) });
    const mixed = rollup(1, { n: 20, latency: histogram(...times(17, 10 * ms), ...times(3, 90 * ms)) });
    learn(steady, times(60, window([mixed])), new Set());
    learn(restless, times(10, [window([slow]), ...times(5, window([fast]))]).flat(), new Set());
    const phi = (known: Baselines) => dispersionOf(known.operations.get(1)!.latencySpread.window[0]!, 20);
    expect(phi(steady)).toBeLessThan(1.5);
    expect(phi(restless)).toBeGreaterThan(2);
    const { strange } = restless.operations.get(1)!.latencySpread;
    expect(strange[0]!.sum / strange[0]!.n).toBeCloseTo(1 / 6, 1);
  });
});
