import { describe, expect, it } from '@jest/globals';
import { type Baselines, emptyEdgeBaseline, emptyOperationBaseline } from '../model/baseline.js';
import { Histogram } from '../model/histogram.js';
import type { Operation } from '../model/operation.js';
import { DEFAULT_POLICY } from '../model/policy.js';
import { emptyRollup, type Rollup, type WindowMeasure } from '../model/rollup.js';
import { KIND_SERVER } from '../model/span.js';
import { WINDOW_MS } from '../model/window.js';
import { detect } from './detect.js';

/** Operations 1 and 2, and 9 that nobody has seen, are of service 1. */
const OPERATIONS = new Map<number, Operation>(
  [1, 2, 3, 9].map((id) => [id, { id, serviceId: 1, service: 'shop', name: `op${id}`, kind: KIND_SERVER }]),
);
const rollup = (operationId: number, i: number, n: number): Rollup => ({
  ...emptyRollup(operationId, i * WINDOW_MS),
  n,
  sampledN: n,
});
interface Seen {
  /** Spans of operation 9. */
  fresh?: number;
  /** By caller and callee: calls, and those that failed. */
  calls?: Record<string, number | [calls: number, errors: number]>;
}
const window = (i: number, { fresh = 0, calls = {} }: Seen): WindowMeasure => ({
  windowAtMs: i * WINDOW_MS,
  n: 100,
  traces: 50,
  sampledTraces: 50,
  duplicateSpans: 0,
  rollups: [rollup(1, i, 50), rollup(2, i, 50), ...(fresh > 0 ? [rollup(9, i, fresh)] : [])],
  edges: Object.entries(calls).map(([key, made]) => {
    const [callerId, calleeId] = key.split('>').map(Number) as [number, number];
    const [n, errors] = typeof made === 'number' ? [made, 0] : made;
    return { callerId, calleeId, windowAtMs: i * WINDOW_MS, calls: n, errors, gap: new Histogram() };
  }),
});
/** `seenOnce`: other calls that operation 1 was seen to make once each. */
const knowing = (learned: number, seenOnce = 0): Baselines => {
  const operation = { ...emptyOperationBaseline(), windows: learned, n: 50 * learned, sampledN: 50 * learned };
  const edge = { ...emptyEdgeBaseline(), windows: learned, callerN: 50 * learned };
  const usual = { ...edge, calls: 50 * learned, callsChi: { sum: 54, n: 54 } };
  const rare = Array.from({ length: seenOnce }, (_, i): [string, typeof edge] => [
    `1>${100 + i}`,
    { ...edge, calls: 1 },
  ]);
  return {
    operations: new Map([1, 2].map((id) => [id, { ...operation }])),
    edges: new Map([['1>2', usual], ...rare]),
  };
};
const told = (windows: WindowMeasure[], known: Baselines): string[] =>
  detect(windows, known, DEFAULT_POLICY, { operations: OPERATIONS })
    .filter(({ signal }) => signal === 'calls' || signal === 'traffic')
    .map(({ callerId, operationId, raised, reason, pattern }) =>
      [`${callerId}>${operationId}`, reason, pattern, raised === (reason === 'raised')].join(' '),
    );
const windows = (...seen: Seen[]): WindowMeasure[] => seen.map((each, i) => window(i, each));
const usual: Seen = { calls: { '1>2': 50 } };

describe('new structure', () => {
  const called: Seen = { calls: { '1>2': 50, '1>3': 40 } };
  const table: { name: string; windows: WindowMeasure[]; known?: Baselines; want: string[] }[] = [
    { name: 'all as ever', windows: windows(usual, usual), want: [] },
    { name: 'a call never made', windows: windows(usual, called), want: ['1>3 new_call  true'] },
    { name: 'the window after: it was told', windows: windows(usual, called, called), want: [] },
    {
      name: 'one by one it needs some of them',
      windows: windows(usual, ...Array.from({ length: 2 }, () => ({ calls: { '1>2': 50, '1>3': 1 } }))),
      want: [],
    },
    {
      name: 'an operation never seen',
      windows: windows(usual, { ...usual, fresh: 20 }),
      want: ['0>9 new_operation  true'],
    },
    { name: 'while little is known nothing is new', windows: windows(usual, called), known: knowing(5), want: [] },
    {
      name: 'where callees turn up all the time, one more is nothing special',
      windows: windows(usual, { calls: { '1>2': 50, '1>3': 2 } }, { calls: { '1>2': 50, '1>3': 3 } }),
      known: knowing(60, 40),
      want: [],
    },
    {
      name: 'the same calls where that is rare',
      windows: windows(usual, { calls: { '1>2': 50, '1>3': 2 } }, { calls: { '1>2': 50, '1>3': 3 } }),
      want: ['1>3 new_call  true'],
    },
  ];
  it.each(table)('$name', ({ windows: seen, known = knowing(60), want }) => expect(told(seen, known)).toEqual(want));

  it('tells of the strongest fifty at most', () => {
    const calls = Object.fromEntries(Array.from({ length: 80 }, (_, i) => [`1>${200 + i}`, i < 10 ? 50 : 20]));
    const found = told(windows(usual, { calls: { '1>2': 50, ...calls } }), knowing(60));
    expect(found).toHaveLength(50);
    expect(found.filter((each) => /^1>20\d /.test(each))).toHaveLength(10);
  });
});

describe('what became of calls', () => {
  const three = (seen: Seen): WindowMeasure[] => windows(usual, usual, seen, seen, seen);
  const table: { name: string; seen: Seen; want: string[] }[] = [
    { name: 'a loop over rows', seen: { calls: { '1>2': 600 } }, want: ['1>2 raised repeated true'] },
    { name: 'a retry storm', seen: { calls: { '1>2': [200, 150] } }, want: ['1>2 raised retried true'] },
    {
      name: 'more calls, of which one fails',
      seen: { calls: { '1>2': [600, 1] } },
      want: ['1>2 raised repeated true'],
    },
    { name: 'none any more', seen: {}, want: ['1>2 raised vanished true'] },
  ];
  it.each(table)('$name', ({ seen, want }) => expect(told(three(seen), knowing(60))).toEqual(want));
});
