import { describe, expect, it } from '@jest/globals';
import { learn } from '../baseline/learn.js';
import type { Finding } from '../model/anomaly.js';
import type { Baselines } from '../model/baseline.js';
import { Histogram } from '../model/histogram.js';
import { DEFAULT_POLICY } from '../model/policy.js';
import type { Rollup, WindowMeasure } from '../model/rollup.js';
import { WINDOW_MS } from '../model/window.js';
import { detect } from './detect.js';

/** A seeded source of chance (mulberry32), so that a failure can be repeated. */
function chance(seed: number): { uniform: () => number; normal: () => number } {
  let state = seed;
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    uniform,
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
  };
}

interface Noise {
  /** Log-normal spread of spans, of whole windows, and of a slow drift between windows (an AR(1) with coefficient 0.9). */
  span: number;
  window: number;
  drift: number;
  /** Share of windows with a pause in which a tenth of the spans last 300 ms longer. */
  pauses: number;
}

/** Raised findings of `series` operations of all sizes over `minutes` without any fault. */
function raisedIn(noise: Noise, series: number, minutes: number, seed: number): Finding[] {
  const { uniform, normal } = chance(seed);
  const sizes = Array.from({ length: series }, (_, i) => [1, 3, 10, 40][i % 4]!);
  const medians = Array.from({ length: series }, () => 20_000 * Math.exp(1.5 * normal()));
  const drifts = new Float64Array(series);
  const known: Baselines = { operations: new Map(), edges: new Map() };
  const history: WindowMeasure[] = [];
  const raised: Finding[] = [];
  for (let i = 0; i < minutes * 6; i++) {
    const windowAtMs = i * WINDOW_MS;
    const rollups = sizes.map((size, operationId): Rollup => {
      drifts[operationId] = 0.9 * drifts[operationId]! + Math.sqrt(0.19) * noise.drift * normal();
      const factor = Math.exp(noise.window * normal() + drifts[operationId]);
      const pause = uniform() < noise.pauses ? 300_000 : 0;
      const latency = new Histogram();
      const n = Math.max(1, Math.round(size * (0.5 + uniform())));
      for (let k = 0; k < n; k++) {
        latency.add(medians[operationId]! * factor * Math.exp(noise.span * normal()) + (uniform() < 0.1 ? pause : 0));
      }
      const errors = uniform() < 0.02 ? 1 : 0;
      return {
        operationId,
        windowAtMs,
        n,
        errors,
        entries: operationId % 10 === 0 ? n : 0,
        durationSumUs: 0,
        maxDurationUs: 0,
        latency,
        sampledN: n,
        failedHere: 0,
        shapes: new Map(),
        instances: new Map(),
        paths: null,
        selfTime: latency,
        slowest: [],
        failed: [],
      };
    });
    history.push({ windowAtMs, n: 1, traces: 1, sampledTraces: 1, duplicateSpans: 0, rollups, edges: [] });
    const recent = history.slice(-DEFAULT_POLICY.historyWindows);
    raised.push(...detect(recent, known, DEFAULT_POLICY, { operations: new Map() }).filter((found) => found.raised));
    if (i >= 11 && i % 6 === 5) learn(known, history.slice(i - 11, i - 5), new Set(), DEFAULT_POLICY);
  }
  return raised;
}

describe('quiet when nothing is wrong', () => {
  const table: { name: string; noise: Noise }[] = [
    { name: 'plain chance', noise: { span: 0.5, window: 0, drift: 0, pauses: 0 } },
    { name: 'windows that differ', noise: { span: 0.5, window: 0.2, drift: 0, pauses: 0 } },
    { name: 'windows that resemble their neighbours', noise: { span: 0.5, window: 0.1, drift: 0.1, pauses: 0 } },
    { name: 'a level that wanders by a fifth', noise: { span: 0.5, window: 0.05, drift: 0.2, pauses: 0 } },
    { name: 'heavy tails', noise: { span: 1.5, window: 0.1, drift: 0.1, pauses: 0 } },
    { name: 'pauses', noise: { span: 0.5, window: 0.1, drift: 0.1, pauses: 0.05 } },
  ];
  it.each(table)('$name', ({ noise }) => expect(raisedIn(noise, 40, 40, 7)).toEqual([]));
});
