import { describe, expect, it } from '@jest/globals';
import type { Finding, Signal } from '../model/anomaly.js';
import {
  type Baselines,
  edgeKey,
  type EdgeBaseline,
  emptyEdgeBaseline,
  emptyOperationBaseline,
  type OperationBaseline,
} from '../model/baseline.js';
import { Histogram } from '../model/histogram.js';
import type { Operation } from '../model/operation.js';
import type { EdgeRollup, Rollup, WindowMeasure } from '../model/rollup.js';
import { KIND_CLIENT, KIND_SERVER } from '../model/span.js';
import { type InstancePart, instanceOf } from '../model/instance.js';
import type { Paths } from '../model/paths.js';
import { shapeOf } from '../model/shape.js';
import { rank, rankGivenWindow } from './rank.js';

/** front → [client] → back → [client] → store, and front → [client] → other: operation ids 10, 11, 20, 21, 30 and 12, 40. */
const OPERATIONS = new Map<number, Operation>(
  (
    [
      [10, 1, 'front', KIND_SERVER],
      [11, 1, 'front', KIND_CLIENT],
      [12, 1, 'front', KIND_CLIENT],
      [20, 2, 'back', KIND_SERVER],
      [21, 2, 'back', KIND_CLIENT],
      [30, 3, 'store', KIND_SERVER],
      [40, 4, 'other', KIND_SERVER],
      [90, 9, 'island', KIND_SERVER],
    ] as const
  ).map(([id, serviceId, service, kind]) => [id, { id, serviceId, service, name: `op${id}`, kind }]),
);
const EDGES: [number, number][] = [
  [10, 11],
  [11, 20],
  [20, 21],
  [21, 30],
  [10, 12],
  [12, 40],
];
/** What a span of this operation calls: all that it can. */
const usual = (id: number): string => shapeOf(new Set(EDGES.filter(([a]) => a === id).map(([, b]) => b)));
const hist = (us: number, n = 100): Histogram => {
  const h = new Histogram();
  for (let i = 0; i < n; i++) h.add(us * (0.9 + (0.2 * i) / n));
  return h;
};
const baselines = (): Baselines => ({
  operations: new Map(
    [...OPERATIONS.keys()].map((id): [number, OperationBaseline] => [
      id,
      {
        ...emptyOperationBaseline(),
        windows: 60,
        n: 1000,
        entries: id === 10 ? 1000 : 0,
        sampledN: 1000,
        selfTime: hist(1000),
        shapes: new Map([[usual(id), 1000]]),
        latency: hist(1000),
      },
    ]),
  ),
  edges: new Map(
    EDGES.map(([a, b]): [string, EdgeBaseline] => [
      edgeKey(a, b),
      { ...emptyEdgeBaseline(), windows: 60, callerN: 1000, calls: 1000, gap: hist(500) },
    ]),
  ),
});
interface World {
  self?: Record<number, number>;
  gap?: Record<string, number>;
  failed?: Record<number, number>;
  /** By caller and callee: calls made (100) and failed. */
  calls?: Record<string, [made: number, failed: number]>;
  /** How long a client span lasts that has no server, where that is so. */
  waited?: Record<number, number>;
  instances?: Record<number, Record<string, Partial<InstancePart>>>;
  paths?: Record<number, Paths>;
  /** How many of 100 spans stop short of all calls. */
  short?: Record<number, number>;
}
const window = (world: World): WindowMeasure => ({
  windowAtMs: 0,
  n: 700,
  traces: 100,
  sampledTraces: 100,
  duplicateSpans: 0,
  rollups: [...OPERATIONS.keys()].map((operationId): Rollup => ({
    operationId,
    windowAtMs: 0,
    n: 100,
    errors: 0,
    entries: 0,
    durationSumUs: 0,
    maxDurationUs: 0,
    latency: new Histogram(),
    sampledN: 100,
    failedHere: world.failed?.[operationId] ?? 0,
    selfTime: hist(world.waited?.[operationId] ?? world.self?.[operationId] ?? 1000),
    instances: new Map(
      Object.entries(world.instances?.[operationId] ?? {}).map(([pod, part]) => [
        instanceOf((key) => (key === 'k8s.pod.name' ? pod : undefined)),
        { n: 0, failed: 0, us: 0, gapUs: 0, ...part },
      ]),
    ),
    paths: world.paths?.[operationId] ?? null,
    shapes: new Map([
      [usual(operationId), 100 - (world.short?.[operationId] ?? 0)],
      ['', world.short?.[operationId] ?? (usual(operationId) === '' ? 100 : 0)],
    ]),
    slowest: [`slow-${operationId}`],
    failed: [],
  })),
  edges: EDGES.map(([callerId, calleeId]): EdgeRollup => ({
    callerId,
    calleeId,
    windowAtMs: 0,
    calls: world.calls?.[edgeKey(callerId, calleeId)]?.[0] ?? 100,
    errors: world.calls?.[edgeKey(callerId, calleeId)]?.[1] ?? 0,
    gap: hist(world.gap?.[edgeKey(callerId, calleeId)] ?? 500),
  })),
});
const finding = (operationId: number, signal: Signal = 'latency', more: Partial<Finding> = {}): Finding => ({
  signal,
  operationId,
  callerId: 0,
  windowAtMs: 0,
  raised: true,
  reason: 'raised',
  direction: 'up',
  quantile: 0.5,
  observed: 5000,
  expected: 1000,
  unit: 'us',
  n: 100,
  baselineN: 1000,
  score: 30,
  sinceMs: 0,
  ...more,
});
const suspects = (findings: Finding[], world: World): string[][] =>
  rank(findings, [window(world)], baselines(), OPERATIONS).map((group) =>
    group.causes.map((cause) => `${cause.service}/${cause.operation}`),
  );

describe('rank', () => {
  const table: { name: string; findings: Finding[]; world: World; first: string }[] = [
    {
      name: 'own time, not waiting',
      findings: [finding(10), finding(20)],
      world: { self: { 30: 9000 } },
      first: 'store/op30',
    },
    {
      name: 'the network before the callee',
      findings: [finding(10)],
      world: { gap: { '11>20': 9000 } },
      first: 'back/op20',
    },
    {
      name: 'the callee, also when the other connections of its caller are a hair slower',
      findings: [finding(10)],
      world: { gap: { '11>20': 90_000, '12>40': 700 } },
      first: 'back/op20',
    },
    {
      name: 'a host whose every connection is slow',
      findings: [finding(10)],
      world: { gap: { '11>20': 9000, '12>40': 9000 } },
      first: 'front/op11',
    },
    {
      name: 'where failures begin',
      findings: [finding(10, 'errors')],
      world: { failed: { 30: 60 }, self: { 12: 5000 } },
      first: 'store/op30',
    },
    {
      name: 'a callee that no longer answers',
      findings: [finding(30, 'calls', { callerId: 21, direction: 'down' })],
      world: { short: { 21: 98 } },
      first: 'store/op30',
    },
    {
      name: 'a service that stops calling on',
      findings: [finding(21, 'calls', { callerId: 20, direction: 'down' })],
      world: { short: { 20: 100 } },
      first: 'back/op20',
    },
    {
      name: 'the deeper of two that lose calls',
      findings: [
        finding(21, 'calls', { callerId: 20, direction: 'down' }),
        finding(12, 'calls', { callerId: 10, direction: 'down' }),
      ],
      world: { short: { 20: 100, 10: 100 } },
      first: 'back/op20',
    },
    {
      name: 'who does not answer, when its caller gives up after a timeout',
      findings: [finding(10)],
      world: { waited: { 21: 30_000 }, short: { 21: 100 } },
      first: 'store/op30',
    },
    {
      name: 'whose connections are refused',
      findings: [finding(10, 'errors')],
      world: { failed: { 21: 60 }, short: { 21: 60 } },
      first: 'store/op30',
    },
    {
      name: 'the callee, when its caller waits between failing repetitions',
      findings: [finding(10), finding(20, 'errors')],
      world: { self: { 20: 20_000 }, calls: { '20>21': [300, 200] }, failed: { 30: 100 } },
      first: 'store/op30',
    },
    {
      name: 'the caller, when it waits without repeating anything',
      findings: [finding(10)],
      world: { self: { 20: 20_000 } },
      first: 'back/op20',
    },
    {
      name: 'who calls in a loop, not what it calls as fast as ever',
      findings: [
        finding(10),
        finding(21, 'calls', { callerId: 20, unit: 'calls_per_call', observed: 12, expected: 1 }),
      ],
      world: { calls: { '20>21': [1200, 0] } },
      first: 'back/op20',
    },
    {
      name: 'the entry at which requests no longer come in, not what else is a little slow',
      findings: [finding(10, 'traffic', { direction: 'down', unit: 'per_window', observed: 3, expected: 90 })],
      world: { self: { 30: 1300 } },
      first: 'front/op10',
    },
  ];
  it.each(table)('blames $name', ({ findings, world, first }) => expect(suspects(findings, world)[0]![0]).toBe(first));

  const called: { name: string; group: Finding[]; world: World; says: RegExp }[] = [
    {
      name: 'a loop, at whoever makes it',
      group: [finding(21, 'calls', { callerId: 20, unit: 'calls_per_call', observed: 12, expected: 1 })],
      world: { calls: { '20>21': [1200, 0] } },
      says: /^back\/op20: calls "back \/ op21" 12 times a span, normally 1, as a loop over rows does \(N\+1\): 100 % /,
    },
    {
      name: 'a retry storm, at what does not answer',
      group: [finding(21, 'calls', { callerId: 20, unit: 'calls_per_call', observed: 3, expected: 1 })],
      world: { calls: { '20>21': [300, 200] } },
      says: /^store\/op30: "back \/ op21" is called 3 times a span, normally 1, and fails as it never did \(a retry storm\)/,
    },
    {
      name: 'a callee that is gone',
      group: [finding(30, 'calls', { callerId: 21, direction: 'down' })],
      world: { short: { 21: 98 } },
      says: /^store\/op30: 98 % stop short of calling "store \/ op30", as such spans do, normally /,
    },
    {
      name: 'a caller that broke off',
      group: [finding(21, 'calls', { callerId: 20, direction: 'down' })],
      world: { short: { 20: 100 } },
      says: /^back\/op20: 100 % stop short of calling "back \/ op21"/,
    },
  ];
  it.each(called)('names the calls of $name', ({ group, world, says }) => {
    const first = rank(group, [window(world)], baselines(), OPERATIONS)[0]!.causes[0]!;
    expect(`${first.service}/${first.operation}: ${first.evidence[0]!.text}`).toMatch(says);
  });

  it('tells what the blamed service does for the first time, once, and it changes no score', () => {
    const seen = window({ self: { 20: 9000 } });
    const news: EdgeRollup = { callerId: 20, calleeId: 40, windowAtMs: 0, calls: 90, errors: 0, gap: hist(0, 0) };
    const elsewhere: EdgeRollup = { ...news, callerId: 90, calleeId: 10 };
    const [before] = rank([finding(20)], [seen], baselines(), OPERATIONS);
    const [after] = rank(
      [finding(20)],
      [{ ...seen, edges: [...seen.edges, news, elsewhere] }],
      baselines(),
      OPERATIONS,
    );
    expect(after!.causes.map(({ score }) => score)).toEqual(before!.causes.map(({ score }) => score));
    const texts = after!.causes.flatMap(({ evidence }) => evidence.filter(({ kind }) => kind === 'new_calls'));
    expect(texts.map(({ text }) => text)).toEqual([
      'for information: it calls "other / op40", which it never did before: 90 % of its spans (100 spans)',
    ]);
    expect(after!.causes[0]!.evidence.at(-1)!.kind).toBe('new_calls');
  });

  it('blames who no longer answers when only the callers above it complain', () => {
    const world = { short: { 21: 98 } };
    expect(suspects([finding(10, 'calls', { callerId: 0, direction: 'down' })], world)[0]![0]).toBe('store/op30');
  });

  it('names the deepest deviating operation when there is no other evidence', () => {
    const [group] = rank([finding(10), finding(20)], [window({})], baselines(), OPERATIONS);
    expect(group!.causes.map((cause) => cause.operation)).toEqual(['op20']);
    expect(group!.causes[0]!.evidence[0]!.kind).toBe('deviates');
  });

  it('sums up a service: its first operation has the score of all', () => {
    const [first, second] = rankGivenWindow(
      [window({ self: { 20: 5000, 30: 9000 }, gap: { '21>30': 9000 } })],
      baselines(),
      OPERATIONS,
    );
    expect(first!.operation).toBe('op30');
    expect(first!.score).toBeGreaterThan(2 * second!.score);
  });

  it('makes one group of what is connected, through one silent operation too, and two of what is not', () => {
    const world = { self: { 30: 9000, 90: 9000 } };
    expect(suspects([finding(10), finding(20), finding(90)], world)).toEqual([['store/op30'], ['island/op90']]);
  });

  it('shows figures, shares and traces', () => {
    const [group] = rank([finding(10)], [window({ self: { 30: 9000, 20: 3000 } })], baselines(), OPERATIONS);
    const [first, second] = group!.causes;
    expect(first!.evidence[0]).toMatchObject({ kind: 'self_time', unit: 'us', n: 100 });
    expect(first!.evidence[0]!.observed / 9000).toBeCloseTo(1, 1);
    expect(first!.evidence[0]!.text).toMatch(/^own time (9|8\.9|9\.0)\d* ms on average, normally 1/);
    expect(first!.exemplars).toEqual(['slow-30']);
    expect(first!.score).toBeGreaterThan(second!.score);
    expect(first!.score).toBeLessThan(1);
    expect(group!.severity).toBe('critical');
  });

  it('blames on evidence alone when windows are given and nobody raised a finding', () => {
    const causes = rankGivenWindow([window({ self: { 30: 9000 } })], baselines(), OPERATIONS);
    expect(causes.map((cause) => cause.service)).toEqual(['store']);
    expect(rankGivenWindow([window({})], baselines(), OPERATIONS)).toEqual([]);
  });

  it('says on which instance most of it happens, and nothing when it happens on all', () => {
    const world = { self: { 30: 5000 } };
    const one = { 'store-a': { n: 50, us: 450_000 }, 'store-b': { n: 50, us: 50_000 } };
    const all = { 'store-a': { n: 50, us: 250_000 }, 'store-b': { n: 50, us: 250_000 } };
    const placeOf = (instances: Record<string, Partial<InstancePart>>) =>
      rankGivenWindow([window({ ...world, instances: { 30: instances } })], baselines(), OPERATIONS)[0]!.instances;
    expect(placeOf(one)).toEqual([{ attribute: 'k8s.pod.name', value: 'store-a', share: 1, ofSpans: 0.5 }]);
    expect(placeOf(all)).toEqual([]);
  });

  it('says what would be gone without a cause, of time and of failures', () => {
    const parts = new Map([
      [10, { us: 100_000, failed: 0 }],
      [20, { us: 300_000, failed: 5 }],
      [30, { us: 900_000, failed: 15 }],
    ]);
    const paths = { traces: 100, durationUs: 1_300_000, failed: 20, parts };
    const world = { self: { 20: 3000, 30: 9000 }, failed: { 30: 15, 20: 5 }, paths: { 10: paths } };
    const [first, second] = rankGivenWindow([window(world)], baselines(), OPERATIONS);
    expect(first!.counterfactuals!.map(({ of, n }) => [of, n])).toEqual([
      ['time', 100],
      ['failures', 100],
    ]);
    // Of 9 ms and 3 ms about 7.9 and 1.9 are beyond the threshold, and all of it is on the path.
    expect(first!.counterfactuals![0]!.share).toBeCloseTo(0.81, 1);
    expect(first!.counterfactuals![0]!.text).toMatch(
      /^without it, 8\d % of the 9\.\d ms that a request takes longer on average would be gone \(100 requests\)$/,
    );
    expect(first!.counterfactuals![1]!.share).toBe(0.75);
    expect(second!.counterfactuals![1]!.share).toBe(0.25);
  });

  it('doubts a cause whose operations were renamed at the same time, and says so first', () => {
    const renamed = (now: number): WindowMeasure => {
      const seen = window({ self: { 30: 9000 } });
      const rollups = seen.rollups.map((rollup) =>
        rollup.operationId === 30 ? { ...rollup, operationId: now } : rollup,
      );
      return { ...seen, rollups };
    };
    const operations = new Map(OPERATIONS).set(31, { ...OPERATIONS.get(30)!, id: 31, name: 'renamed' });
    const known = baselines();
    for (const baseline of known.operations.values()) baseline.n = 6000;
    const [plain] = rank([finding(20)], [renamed(30)], known, operations);
    expect(plain!.causes[0]!.evidence[0]!.kind).toBe('self_time');
    const [doubted] = rank(
      [finding(30, 'calls', { callerId: 21, direction: 'down' })],
      [renamed(31)],
      known,
      operations,
    );
    const cause = doubted!.causes.find(({ service }) => service === 'store')!;
    expect(cause.evidence[0]!.kind).toBe('names_changed');
    expect(cause.score).toBeLessThanOrEqual(0.5);
  });

  it('doubts a drop that all entries show alike', () => {
    const drop = (operationId: number, observed: number) =>
      finding(operationId, 'traffic', { direction: 'down', unit: 'per_window', observed, expected: 100 });
    const doubted = (...observed: number[]): boolean =>
      rank(
        [10, 11, 12].map((operationId, i) => drop(operationId, observed[i]!)),
        [window({})],
        baselines(),
        OPERATIONS,
      )[0]!.causes[0]!.evidence.some(({ kind }) => kind === 'sampling_changed');
    expect(doubted(10, 11, 9)).toBe(true);
    expect(doubted(10, 11, 45)).toBe(false);
  });

  describe('roots', () => {
    const rootsOf = (findings: Finding[], world: World): string[][] =>
      rank(findings, [window(world)], baselines(), OPERATIONS).map(({ roots = [] }) =>
        roots.map(({ service }) => service).toSorted(),
      );
    const own = (operationId: number): Finding[] => [finding(operationId), finding(operationId, 'self_time')];

    it('is the one whose own findings blame itself, whoever suffers', () => {
      expect(rootsOf([finding(10), finding(20), ...own(30)], { self: { 30: 9000 } })).toEqual([['store']]);
    });

    it('are two when two are slow in one request, and both stand first', () => {
      const findings = [finding(10), ...own(20), ...own(30)];
      const world = { self: { 20: 9000, 30: 4000 } };
      expect(rootsOf(findings, world)).toEqual([['back', 'store']]);
      const [group] = rank(findings, [window(world)], baselines(), OPERATIONS);
      expect(group!.causes.slice(0, 2).map(({ score }) => score >= 0.5)).toEqual([true, true]);
    });

    it('is not who has hardly a part in it: that may be an echo', () => {
      expect(rootsOf([finding(10), ...own(20), ...own(30)], { self: { 20: 90_000, 30: 4000 } })).toEqual([['back']]);
    });

    it('part a group when no request meets both', () => {
      // Two doors of one service: what is behind them shares nothing but that service.
      const doors = new Map([
        ...OPERATIONS,
        ...([13, 14] as const).map((id): [number, Operation] => [
          id,
          { id, serviceId: 1, service: 'front', name: `door${id}`, kind: KIND_SERVER },
        ]),
      ]);
      const known = baselines();
      known.operations.set(13, { ...known.operations.get(10)!, shapes: new Map([['20', 1000]]) });
      known.operations.set(14, { ...known.operations.get(10)!, shapes: new Map([['40', 1000]]) });
      known.edges = new Map([
        [edgeKey(13, 20), { ...emptyEdgeBaseline(), windows: 60, callerN: 1000, calls: 1000, gap: hist(500) }],
        [edgeKey(14, 40), { ...emptyEdgeBaseline(), windows: 60, callerN: 1000, calls: 1000, gap: hist(500) }],
      ]);
      const seen = { ...window({ self: { 20: 9000, 40: 9000 } }), edges: [] };
      const findings = [finding(13), finding(14), ...own(20), ...own(40)];
      const groups = rank(findings, [seen], known, doors);
      expect(
        groups.map(({ causes, affected }) => [causes[0]!.service, affected.map((each) => each.operationId)]),
      ).toEqual([
        ['back', [13, 20, 20]],
        ['other', [14, 40, 40]],
      ]);
      // One request that meets both: one incident.
      known.edges.set(edgeKey(13, 40), known.edges.get(edgeKey(13, 20))!);
      expect(rank(findings, [seen], known, doors)).toHaveLength(1);
    });
  });

  it('has nothing to say without findings', () => {
    expect(rank([], [window({})], baselines(), OPERATIONS)).toEqual([]);
  });
});
