import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Histogram } from '../model/histogram.js';
import { History } from './history.js';
import { Timeline } from './timeline.js';

const S = 10_000;
const M = 60_000;
const H = 3_600_000;

function one(value: number): Uint8Array {
  const histogram = new Histogram();
  histogram.add(value);
  return histogram.encode();
}

/** Two series for so many windows, in windows, minutes and hours. */
function filled(windows: number): History {
  const levels = [S, M, H].map((stepMs) => new Timeline(stepMs, 0));
  for (const timeline of levels) timeline.extend(Math.floor((windows * S) / timeline.stepMs) * timeline.stepMs);
  for (const timeline of levels) {
    for (let atMs = 0; atMs < timeline.toMs; atMs += timeline.stepMs) {
      timeline.markKnown(atMs);
      const n = timeline.stepMs / S;
      timeline.put(atMs, { id: 1, n, errors: n, represented: 2 * n, latency: one(n) });
      timeline.put(atMs, { id: 2, n: 10 * n, errors: 0, represented: 10 * n, latency: null });
    }
  }
  return new History(levels);
}

describe('History', () => {
  const history = filled(3 * 360 + 7);
  const cases: { name: string; from: number; to: number; n: number }[] = [
    { name: 'windows', from: 5 * S, to: 35 * S, n: 30 },
    { name: 'minutes, and windows at the end', from: 0, to: H + 3 * S, n: 363 },
    { name: 'minutes whose begin is rounded down', from: 3 * S, to: H + 3 * S, n: 363 },
    { name: 'more than there is', from: -5 * H, to: H, n: 360 },
    { name: 'hours, minutes and windows', from: -12 * H, to: 3 * H + M + S, n: 1_087 },
  ];
  it.each(cases)('sums $name', ({ from, to, n }) => {
    expect(history.over(from, to).counts([1])).toEqual({ n, errors: n, represented: 2 * n });
    expect(history.over(from, to).counts([1, 2])).toMatchObject({ n: 11 * n, errors: n });
  });

  it('knows how much it knows', () => {
    expect(history.over(0, 100 * S).knownShare).toBe(1);
    expect(history.over(-100 * S, 100 * S).knownShare).toBeCloseTo(0.5, 2);
  });

  it('says the same whatever was asked for before', () => {
    const step = fc.record({ to: fc.nat(1_000), length: fc.constantFrom(3, 30, 180, 200, 400) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const used = filled(1_000);
        for (const { to, length } of steps) {
          const said = (history: History): unknown => {
            const stretch = history.over((to - length) * S, to * S);
            const latency = stretch.latency('1', [1]);
            return [stretch.lengthMs, stretch.counts([1]), latency.count, latency.quantile(0.9)];
          };
          expect(said(used)).toEqual(said(filled(1_000)));
        }
      }),
      { numRuns: 20 },
    );
  });

  it('sums nothing twice after bytes that are no histogram', () => {
    const timeline = new Timeline(S, 0);
    timeline.extend(100 * S);
    for (let i = 0; i < 100; i++) {
      const latency = i === 50 ? new Uint8Array([9]) : one(1);
      timeline.put(i * S, { id: 1, n: 1, errors: 0, represented: 1, latency });
    }
    const history = new History([timeline]);
    const at = (i: number) => history.over((i - 10) * S, i * S).latency('1', [1]);
    for (let i = 45; i <= 50; i++) expect(at(i).count).toBe(10);
    for (let i = 51; i <= 60; i++) expect(() => at(i)).toThrow('histogram format 9');
    for (let i = 61; i <= 65; i++) expect(at(i).count).toBe(10);
  });

  it('forgets what is old, and nothing else', () => {
    const timeline = new Timeline(S, 0);
    timeline.extend(100 * S);
    for (let i = 0; i < 100; i++) timeline.put(i * S, { id: 1, n: 1, errors: 0, represented: 1, latency: null });
    expect(timeline.forgetBefore(90 * S)).toBe(true);
    timeline.extend(200 * S);
    const small = new History([timeline]);
    expect([timeline.fromMs, timeline.toMs]).toEqual([90 * S, 200 * S]);
    expect(small.over(80 * S, 95 * S).counts([1]).n).toBe(5);
    expect(small.over(95 * S, 120 * S).counts([1]).n).toBe(5);
  });
});
