import { describe, expect, it } from '@jest/globals';
import { emptyOperationBaseline, type OperationBaseline } from '../model/baseline.js';
import { Histogram } from '../model/histogram.js';
import type { Operation } from '../model/operation.js';
import { DEFAULT_POLICY } from '../model/policy.js';
import { emptyRollup, type Rollup, type WindowMeasure } from '../model/rollup.js';
import { KIND_CONSUMER, KIND_SERVER } from '../model/span.js';
import { WINDOW_MS } from '../model/window.js';
import { detect } from './detect.js';

/** Operations 1 to 8 are of service 1, 101 of service 2; each has its own usual duration: `id` times 10 ms. */
const OPERATIONS = new Map<number, Operation>(
  [1, 2, 3, 4, 5, 6, 7, 8, 101].map((id) => {
    const serviceId = id > 100 ? 2 : 1;
    return [id, { id, serviceId, service: `s${serviceId}`, name: `op${id}`, kind: KIND_SERVER }];
  }),
);
const usualUs = (id: number) => id * 10_000;
const durations = (id: number, n: number, factor = 1): Histogram => {
  const h = new Histogram();
  for (let i = 0; i < n; i++) h.add(usualUs(id) * factor * (0.7 + (0.6 * i) / Math.max(1, n - 1)));
  return h;
};
const past = (id: number, more: Partial<OperationBaseline> = {}): OperationBaseline => ({
  ...emptyOperationBaseline(),
  windows: 180,
  n: 20,
  latency: durations(id, 20),
  ...more,
});
const known = (change: (id: number) => Partial<OperationBaseline> = () => ({}), ids = [...OPERATIONS.keys()]) => ({
  operations: new Map(ids.map((id) => [id, past(id, change(id))])),
  edges: new Map(),
});
interface Spans {
  n: number;
  errors?: number;
  factor?: number;
}
const rollup = (operationId: number, windowAtMs: number, { n, errors = 0, factor = 1 }: Spans): Rollup => ({
  ...emptyRollup(operationId, windowAtMs),
  n,
  errors,
  latency: durations(operationId, n, factor),
});
/** Twelve windows; in each the given operations did something. */
const windows = (seen: (i: number) => Record<number, Spans>): WindowMeasure[] =>
  Array.from({ length: 12 }, (_, i) => ({
    windowAtMs: i * WINDOW_MS,
    n: 1000,
    traces: 1,
    sampledTraces: 1,
    duplicateSpans: 0,
    rollups: Object.entries(seen(i)).map(([id, spans]) => rollup(Number(id), i * WINDOW_MS, spans)),
    edges: [],
  }));
/** One of them after the other. */
const inTurn = (ids: number[], spans: Spans) => windows((i) => ({ [ids[i % ids.length]!]: spans }));
const ALL = [1, 2, 3, 4, 5, 6, 7, 8];
const told = (some: WindowMeasure[], baselines = known(), operations = OPERATIONS): string[] =>
  detect(some, baselines, DEFAULT_POLICY, { operations })
    .filter(({ pooled }) => pooled !== undefined)
    .map(({ signal, reason, pooled }) => `${signal} ${reason} ${pooled!.length}`);

describe('rare operations of a service', () => {
  const table: { name: string; seen: WindowMeasure[]; baselines?: ReturnType<typeof known>; want: string[] }[] = [
    { name: 'as ever', seen: inTurn(ALL, { n: 1 }), want: [] },
    { name: 'all fail', seen: inTurn(ALL, { n: 1, errors: 1 }), want: ['errors raised 8'] },
    {
      name: 'they often fail',
      seen: inTurn(ALL, { n: 1, errors: 1 }),
      baselines: known(() => ({ errors: 6 })),
      want: [],
    },
    {
      name: 'each is three times slower than itself',
      seen: inTurn(ALL, { n: 1, factor: 5 }),
      want: ['latency raised 8'],
    },
    { name: 'a fifth slower', seen: inTurn(ALL, { n: 1, factor: 1.2 }), want: [] },
    {
      name: 'the slow ones are asked for more often than the quick ones: nobody is slower than itself',
      seen: inTurn([6, 7, 8], { n: 2 }),
      want: [],
    },
    {
      name: 'one of them alone is slow: its own matter',
      seen: inTurn([3], { n: 4, factor: 8 }),
      want: ['latency not_persistent 8'],
    },
    {
      name: 'only in one window',
      seen: windows((i): Record<number, Spans> => (i === 11 ? { 1: { n: 8, errors: 8 } } : {})),
      want: ['errors not_persistent 8'],
    },
    {
      name: 'it was so, and is well again',
      seen: windows((i) => ({ [ALL[i % 8]!]: { n: 1, errors: i < 10 ? 1 : 0 } })),
      want: ['errors not_persistent 8'],
    },
    {
      name: 'one request a window meets all eight: it is not eight times the evidence',
      seen: windows((i) => (i < 9 ? {} : Object.fromEntries(ALL.map((id) => [id, { n: 1, errors: 1 }])))),
      want: [],
    },
    {
      name: 'young operations: they may yet be frequent',
      seen: inTurn(ALL, { n: 1, errors: 1 }),
      baselines: known(() => ({ windows: 40 })),
      want: [],
    },
    {
      name: 'operations with a baseline of their own',
      seen: inTurn(ALL, { n: 1, errors: 1 }),
      baselines: known(() => ({ n: 40 })),
      want: [],
    },
    {
      name: 'too little is known of all of them together',
      seen: inTurn(ALL, { n: 1, errors: 1 }),
      baselines: known(() => ({ n: 3 })),
      want: [],
    },
    { name: 'a service with one rare operation has no pool', seen: inTurn([101], { n: 3, errors: 3 }), want: [] },
  ];
  it.each(table)('$name: $want', ({ seen, baselines, want }) => expect(told(seen, baselines)).toEqual(want));

  it('are not judged by durations that may be waiting', () => {
    const consumers = new Map([...OPERATIONS].map(([id, operation]) => [id, { ...operation, kind: KIND_CONSUMER }]));
    expect(told(inTurn(ALL, { n: 1, factor: 5 }), known(), consumers)).toEqual([]);
  });

  it('say what is normal for the one that is shown', () => {
    const [finding] = detect(inTurn(ALL, { n: 1, factor: 5 }), known(), DEFAULT_POLICY, {
      operations: OPERATIONS,
    }).filter(({ raised }) => raised);
    const { operationId, observed, expected, n, baselineN } = finding!;
    expect(expected / usualUs(operationId)).toBeCloseTo(1, 0);
    expect(observed / usualUs(operationId)).toBeGreaterThan(2);
    expect({ n, baselineN }).toEqual({ n: 12, baselineN: 160 });
  });

  it('raise nothing in a thousand calm services over twelve windows each', () => {
    let state = 1;
    const random = () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
    const scattered = (id: number, n: number) => {
      const h = new Histogram();
      for (let i = 0; i < n; i++) h.add(usualUs(id) * Math.exp(2 * (random() + random() + random() - 1.5)));
      return h;
    };
    let raised = 0;
    for (let k = 0; k < 1000; k++) {
      const baselines = known((id) => ({ n: 5, latency: scattered(id, 5), errors: random() < 0.1 ? 1 : 0 }), ALL);
      const seen = windows(() => ({ [ALL[Math.floor(random() * 8)]!]: { n: 1, errors: random() < 0.02 ? 1 : 0 } }));
      for (const { rollups } of seen) for (const each of rollups) each.latency = scattered(each.operationId, 1);
      raised += told(seen, baselines).filter((each) => each.includes('raised')).length;
    }
    expect(raised).toBe(0);
  });
});
