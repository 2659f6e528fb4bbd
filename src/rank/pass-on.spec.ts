import { describe, expect, it } from '@jest/globals';
import { type Baselines, edgeKey, type EdgeBaseline, emptyEdgeBaseline } from '../model/baseline.js';
import { Histogram } from '../model/histogram.js';
import type { Operation } from '../model/operation.js';
import type { EdgeRollup, WindowMeasure } from '../model/rollup.js';
import { KIND_CLIENT, KIND_CONSUMER, KIND_PRODUCER, KIND_SERVER } from '../model/span.js';
import type { Credit, Dimension } from './credit.js';
import { callGraph } from './graph.js';
import { observe } from './observe.js';
import { passOn } from './pass-on.js';

/** shop (1) calls stock (2, 3) and publishes (4) to a worker (5, a child); a mailer (6) and a new report (7) are only linked to it. */
const OPERATIONS = new Map<number, Operation>(
  (
    [
      [1, 'shop', KIND_SERVER],
      [2, 'shop', KIND_CLIENT],
      [3, 'stock', KIND_SERVER],
      [4, 'shop', KIND_PRODUCER],
      [5, 'worker', KIND_CONSUMER],
      [6, 'mailer', KIND_SERVER],
      [7, 'report', KIND_SERVER],
      [8, 'new', KIND_SERVER],
    ] as const
  ).map(([id, service, kind]) => [id, { id, serviceId: id, service, name: `op${id}`, kind }]),
);
const called = (callerId: number, calleeId: number, calls: number): [string, EdgeBaseline] => [
  edgeKey(callerId, calleeId),
  { ...emptyEdgeBaseline(), windows: 60, callerN: 1000, calls },
];
const baselines: Baselines = {
  operations: new Map(),
  edges: new Map([called(1, 2, 1000), called(2, 3, 1000), called(1, 4, 1000), called(4, 5, 1000), called(1, 6, 0)]),
};
const edge = (callerId: number, calleeId: number, calls: number, links: number): EdgeRollup => ({
  callerId,
  calleeId,
  windowAtMs: 0,
  calls,
  errors: 0,
  gap: new Histogram(),
  links,
});
const windows: WindowMeasure[] = [
  {
    windowAtMs: 0,
    n: 100,
    traces: 10,
    sampledTraces: 10,
    duplicateSpans: 0,
    rollups: [],
    edges: [edge(1, 6, 0, 9), edge(1, 7, 0, 9), edge(1, 8, 9, 0)],
  },
];
const trial = { graph: callGraph(baselines, windows), operations: OPERATIONS, baselines, seen: observe(windows) };
const credit = (operationId: number, dimension: Dimension, surprise = 9): Credit => ({
  operationId,
  originId: operationId,
  dimension,
  amount: 100,
  surprise,
  evidence: { kind: 'failing', observed: 1, expected: 0, unit: 'ratio', n: 100 },
});
const kept = (shop: Dimension, below: Credit): number => passOn([credit(1, shop), below], trial)[0]!.amount;

describe('what goes up the calls', () => {
  it.each<{ name: string; shop: Dimension; below: Credit; want: number }>([
    {
      name: 'errors that it writes about, when who it calls fails',
      shop: 'events',
      below: credit(3, 'failures'),
      want: 20,
    },
    {
      name: 'its stopping short, when who it calls stops short',
      shop: 'vanished',
      below: credit(3, 'vanished'),
      want: 20,
    },
    { name: 'errors, when a call that is new fails', shop: 'events', below: credit(8, 'failures'), want: 20 },
    {
      name: 'its own failures, which begin where they begin',
      shop: 'failures',
      below: credit(3, 'failures'),
      want: 100,
    },
    { name: 'errors, when who it calls is only slow', shop: 'events', below: credit(3, 'time'), want: 100 },
    { name: 'errors, when there is hardly anything below', shop: 'events', below: credit(3, 'failures', 1), want: 100 },
    { name: 'errors, when who takes up its messages fails', shop: 'events', below: credit(5, 'failures'), want: 100 },
    { name: 'errors, when who is linked to it fails', shop: 'events', below: credit(6, 'failures'), want: 100 },
    { name: 'errors, when who is linked since today fails', shop: 'events', below: credit(7, 'failures'), want: 100 },
    {
      name: 'its stopping short, when fewer requests reach who it calls',
      shop: 'vanished',
      below: credit(3, 'traffic'),
      want: 100,
    },
    {
      name: 'its silence, when who is linked to it gets nothing',
      shop: 'vanished',
      below: credit(6, 'traffic'),
      want: 100,
    },
  ])('of 100 leaves $want of $name', ({ shop, below, want }) => expect(kept(shop, below)).toBe(want));
});
