import { describe, expect, it } from '@jest/globals';
import type { Finding } from '../model/anomaly.js';
import { emptyOperationBaseline, type OperationBaseline } from '../model/baseline.js';
import { Histogram } from '../model/histogram.js';
import type { Operation } from '../model/operation.js';
import { DEFAULT_POLICY } from '../model/policy.js';
import { emptyRollup, type Rollup, type WindowMeasure } from '../model/rollup.js';
import { KIND_CONSUMER, KIND_SERVER } from '../model/span.js';
import { findOutliers } from './outliers.js';

/** A generator of numbers in (0, 1), the same in every run. */
const uniform = (seed: number) => {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
};
const durations = (n: number, value: () => number): Histogram => {
  const histogram = new Histogram();
  for (let i = 0; i < n; i++) histogram.add(value());
  return histogram;
};
/** Around 20 ms, as requests scatter; one in three hundred meets a pause of up to twenty times that. */
const lognormal = (next: () => number, sigma = 0.5) =>
  20_000 * Math.exp(sigma * Math.sqrt(-2 * Math.log(next())) * Math.cos(2 * Math.PI * next()));
const heavy = (next: () => number) => lognormal(next) * (next() < 0.003 ? 3 + 17 * next() : 1);

const next = uniform(7);
const USUAL = durations(3000, () => lognormal(next));
const past = (more: Partial<OperationBaseline> = {}): OperationBaseline => ({
  ...emptyOperationBaseline(),
  windows: 180,
  n: 3000,
  latency: USUAL,
  errorChi: { sum: 54, n: 54 },
  ...more,
});
const rollup = (operationId: number, more: Partial<Rollup>): Rollup => ({
  ...emptyRollup(operationId, 0),
  n: 20,
  maxDurationUs: 30_000,
  slowest: ['a'],
  ...more,
});
const OPERATIONS = new Map<number, Operation>(
  [1, 2, 3].map((id) => [
    id,
    {
      id,
      serviceId: 1,
      service: 'shop',
      name: id === 3 ? 'orders receive' : `op${id}`,
      kind: id === 3 ? KIND_CONSUMER : KIND_SERVER,
    },
  ]),
);
const noted = (rollups: Rollup[], known: Record<number, OperationBaseline>, findings: Finding[] = []) => {
  const window: WindowMeasure = {
    windowAtMs: 0,
    n: 100,
    traces: 1,
    sampledTraces: 1,
    duplicateSpans: 0,
    rollups,
    edges: [],
  };
  const operations = new Map(Object.entries(known).map(([id, baseline]) => [Number(id), baseline]));
  return findOutliers(window, { operations, edges: new Map() }, OPERATIONS, findings, DEFAULT_POLICY);
};

describe('single outlier traces', () => {
  const far = { maxDurationUs: 2_000_000 };
  const latencyRaised = { operationId: 1, raised: true } as Finding;
  const table: {
    name: string;
    is: Partial<Rollup>;
    past?: Partial<OperationBaseline>;
    findings?: Finding[];
    want: string[];
  }[] = [
    { name: 'as slow as some always are', is: { maxDurationUs: 70_000 }, want: [] },
    { name: 'a hundred times slower than usual', is: far, want: ['slow a'] },
    { name: 'while an incident tells of it', is: far, findings: [latencyRaised], want: [] },
    {
      name: 'where another finding was held back',
      is: far,
      findings: [{ ...latencyRaised, raised: false }],
      want: ['slow a'],
    },
    { name: 'of an operation that is still learned', is: far, past: { windows: 5 }, want: [] },
    {
      name: 'where too few spans are known to have a tail',
      is: far,
      past: { n: 60, latency: durations(60, () => 20_000) },
      want: [],
    },
    {
      name: 'ten times an operation of microseconds: nobody feels it',
      is: { maxDurationUs: 3_000 },
      past: { latency: durations(3000, () => 300) },
      want: [],
    },
    { name: 'failures where hardly anything fails', is: { errors: 3, failed: ['f'] }, want: ['failed f'] },
    { name: 'failures where some always do', is: { errors: 3, failed: ['f'] }, past: { errors: 200 }, want: [] },
  ];
  it.each(table)('$name: $want', ({ is, past: more, findings, want }) => {
    const found = noted([rollup(1, is)], { 1: past(more) }, findings);
    expect(found.map(({ reason, traceId }) => `${reason} ${traceId}`)).toEqual(want);
  });

  it('leaves out what waits by design', () => {
    expect(noted([rollup(3, far)], { 3: past() })).toEqual([]);
  });

  it('is one entry for a trace, where it stands out most, and counts those that waited for it', () => {
    const slower = durations(3000, () => 20 * lognormal(next, 0.2));
    const found = noted([rollup(1, { maxDurationUs: 4_400_000 }), rollup(2, { maxDurationUs: 4_000_000 })], {
      1: past({ latency: slower }),
      2: past(),
    });
    expect(found).toMatchObject([{ operationId: 2, traceId: 'a', alsoIn: 1, reason: 'slow', n: 20, baselineN: 3000 }]);
  });

  it('keeps to the strongest twenty of a window', () => {
    const many = Array.from({ length: 30 }, (_, i) =>
      rollup(100 + i, { slowest: [`t${i}`], maxDurationUs: 3e6 + i * 1e5 }),
    );
    const found = noted(many, Object.fromEntries(many.map(({ operationId }) => [operationId, past()])));
    expect(found.map(({ traceId }) => traceId)).toEqual(Array.from({ length: 20 }, (_, i) => `t${29 - i}`));
  });

  it.each([
    ['as requests scatter', lognormal],
    ['with a tail of pauses', heavy],
  ])('notes next to nothing by chance: %s', (_, value) => {
    // 40 operations for an hour: one is what is allowed.
    const random = uniform(1);
    const known = past({ latency: durations(6000, () => value(random)), n: 6000 });
    const all = Object.fromEntries(Array.from({ length: 40 }, (__, id) => [id, known]));
    let n = 0;
    for (let window = 0; window < 360; window++) {
      const rollups = Array.from({ length: 40 }, (__, id) => {
        let maxDurationUs = 0;
        for (let i = 0; i < 20; i++) maxDurationUs = Math.max(maxDurationUs, value(random));
        return rollup(id, { maxDurationUs, slowest: [`${id}`] });
      });
      n += noted(rollups, all).length;
    }
    expect(n).toBeLessThanOrEqual(4);
  });
});
