import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Histogram } from '../model/histogram.js';
import { HistogramSum } from '../model/histogram-sum.js';
import type { Operation } from '../model/operation.js';
import type { Rule } from '../model/rule.js';
import { WINDOW_MS } from '../model/window.js';
import { LiveData } from './live-data.js';
import { needsOf } from './needs.js';
import { replay } from './replay.js';
import type { RuleData } from './rule-data.js';
import { conditionsOf } from './rule-types/conditions.js';
import { checkedRule } from './rules-contract.js';
import { type StepRow, Timeline } from './timeline.js';

const RULES = [
  { type: 'threshold', measure: 'p90', window: '1m', above: 300, recoverAt: 150, for: '20s' },
  { type: 'threshold', measure: 'error_rate', window: '30s', above: 0.2, minVolume: 5, keepFiringFor: '20s' },
  { type: 'threshold', measure: 'rate', window: '30s', below: 0.3, effect: { reference: '2m', minRelative: 0.2 } },
  { type: 'threshold', measure: 'apdex', apdexT: '100ms', window: '1m', below: 0.7, groupBy: [] },
  {
    type: 'burn_rate',
    objective: 0.9,
    every: '10s',
    windows: [{ long: '2m', short: '30s', burnRate: 2 }],
    minEvents: 9,
  },
  {
    type: 'burn_rate',
    objective: 0.9,
    every: '10s',
    latency: '200ms',
    windows: [{ long: '32m', short: '1m', burnRate: 3 }],
    minEvents: 9,
    groupBy: ['service'],
  },
  { type: 'absence', window: '30s', expectedWithin: '2m', noData: 'fire' },
  { type: 'structural', change: 'new_call', window: '30s', reference: '10m', every: '10s', minVolume: 2 },
  { type: 'structural', change: 'missing_call', window: '30s', reference: '10m', every: '10s', minVolume: 2 },
].map((input): Rule => ({ ...checkedRule({ name: 'r', services: [], ...input }), id: 'r', tenantId: 1, epoch: 1 }));

const OPERATIONS = new Map<number, Operation>(
  [1, 2, 3].map((id) => [id, { id, serviceId: id % 2, service: `s${id % 2}`, name: `op ${id}`, kind: 2 }]),
);

/** What an operation did in a window; null: nothing is known of the window. */
const bad = fc.oneof(
  { weight: 40, arbitrary: fc.nat(4) },
  { weight: 20, arbitrary: fc.integer({ min: 5, max: 7 }) },
  { weight: 1, arbitrary: fc.constant(8) },
);
const did = fc.record({ n: fc.nat(8), bad, ms: fc.constantFrom(50, 120, 400, 900) });
const windowsOf = fc.array(fc.option(fc.array(did, { minLength: 3, maxLength: 3 }), { freq: 12, nil: null }), {
  minLength: 120,
  maxLength: 260,
});

type Windows = ({ n: number; bad: number; ms: number }[] | null)[];

/** As a live worker fills it, a row after the other, or as a replay does, a series at once. */
function dataOf(rule: Rule, windows: Windows, isPacked: boolean): RuleData {
  const live = new LiveData(needsOf([rule]), 0);
  for (const { timeline } of live.levels) {
    const rows = rowsOf(timeline, windows);
    if (!isPacked) for (const row of rows) timeline.put(row.atMs, row);
    else
      for (const id of OPERATIONS.keys())
        putAll(
          timeline,
          id,
          rows.filter((row) => row.id === id),
        );
  }
  for (const { timeline } of live.callLevels) {
    for (const { atMs, id, n, errors } of rowsOf(timeline, windows)) {
      live.putCall(timeline, { atMs, callerId: id, calleeId: 0, n, errors: 0 });
      if (errors === 8) live.putCall(timeline, { atMs, callerId: id, calleeId: (id % 3) + 1, n: 40, errors: 0 });
    }
  }
  return live.view(OPERATIONS, new Map(), [], new Map());
}

function rowsOf(timeline: Timeline, windows: Windows): (StepRow & { atMs: number })[] {
  const { stepMs } = timeline;
  timeline.extend(Math.floor((windows.length * WINDOW_MS) / stepMs) * stepMs);
  const sums = new Map<string, { atMs: number; id: number; n: number; errors: number; latency: Histogram }>();
  windows.forEach((window, i) => {
    const atMs = Math.floor((i * WINDOW_MS) / stepMs) * stepMs;
    if (window === null || atMs >= timeline.toMs) return;
    timeline.markKnown(atMs);
    window.forEach(({ n, bad, ms }, k) => {
      if (n === 0) return;
      const sum = sums.get(`${atMs} ${k}`) ?? { atMs, id: k + 1, n: 0, errors: 0, latency: new Histogram() };
      sum.n += n;
      sum.errors += bad > 4 ? Math.min(n, bad) : 0;
      sum.latency.add(1_000 * ms, n);
      sums.set(`${atMs} ${k}`, sum);
    });
  });
  return [...sums.values()].map(({ latency, ...sum }) => ({
    ...sum,
    represented: sum.n / 3,
    latency: latency.encode(),
  }));
}

function putAll(timeline: Timeline, id: number, rows: readonly (StepRow & { atMs: number })[]): void {
  const column = (value: (row: StepRow & { atMs: number }) => number): Float64Array => Float64Array.from(rows, value);
  const to = rows.map(
    (
      (end) =>
      ({ latency }) =>
        (end += latency!.length)
    )(0),
  );
  timeline.putAll({
    id,
    atMs: column(({ atMs }) => atMs),
    n: column(({ n }) => n),
    errors: column(({ errors }) => errors),
    represented: column(({ represented }) => represented),
    latency: {
      bytes: Buffer.concat(rows.map(({ latency }) => latency!)),
      from: Uint32Array.from(to, (end, i) => end - rows[i]!.latency!.length),
      to: Uint32Array.from(to),
    },
  });
}

const told = (rule: Rule, data: RuleData, windows: number): string[] =>
  [...replay(rule, data, 0, windows * WINDOW_MS, WINDOW_MS)]
    .flat()
    .map(({ atMs, alertId, from, to, reason, snapshot }) =>
      JSON.stringify([atMs / 1_000, alertId, from, to, reason, snapshot.figures]),
    );

describe('a replay', () => {
  it.each(RULES.map((rule, i) => ({ rule, name: `${i} ${rule.type}` })))(
    'of packed series comes to what one of single rows comes to, and sees nothing newer than the instant: $name',
    ({ rule }) => {
      let all = 0;
      fc.assert(
        fc.property(windowsOf, fc.nat(1_000), (windows, cut) => {
          const whole = told(rule, dataOf(rule, windows, true), windows.length);
          expect(whole).toEqual(told(rule, dataOf(rule, windows, false), windows.length));
          const until = Math.max(1, cut % windows.length);
          const earlier = told(rule, dataOf(rule, windows.slice(0, until), true), until);
          const upTo = whole.filter((line) => (JSON.parse(line) as [number])[0] <= (until * WINDOW_MS) / 1_000);
          expect(earlier).toEqual(upTo);
          all += whole.length;
        }),
        { numRuns: 8 },
      );
      expect(all).toBeGreaterThan(0);
    },
  );

  it.each(RULES.map((rule, i) => ({ rule, name: `${i} ${rule.type}` })))(
    'is told of the conditions that it wants, and of no others: $name',
    ({ rule }) => {
      fc.assert(
        fc.property(windowsOf, fc.func(fc.boolean()), (windows, wanted) => {
          const [some, every] = [dataOf(rule, windows, true), dataOf(rule, windows, false)];
          for (let i = 1; i <= windows.length; i++) {
            const said = ({ key, labels, verdict, severity, figures, guards }: ReturnType<typeof conditionsOf>[0]) =>
              JSON.stringify({ key, labels, verdict, severity, figures, guards });
            const all = conditionsOf(rule, every, i * WINDOW_MS);
            expect(conditionsOf(rule, some, i * WINDOW_MS, wanted).map(said)).toEqual(
              all.filter(({ key, verdict }) => wanted(key, verdict)).map(said),
            );
          }
        }),
        { numRuns: 3 },
      );
    },
  );
});

describe('Timeline', () => {
  const S = WINDOW_MS;
  const change = fc.record({ i: fc.nat(40), n: fc.nat(9), clear: fc.boolean(), from: fc.nat(45), to: fc.nat(45) });

  it('counts what one gets by adding up step by step, whatever is put, cleared and asked for in between', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
        const timeline = new Timeline(S, 0, 4);
        const plain: number[] = [];
        for (const { i, n, clear, from, to } of changes) {
          timeline.extend((i + 1) * S);
          if (clear) timeline.clear(i * S);
          else timeline.put(i * S, { id: 1, n, errors: 2 * n, represented: n / 2, latency: null });
          plain[i] = clear ? 0 : n;
          let sum = 0;
          for (let k = from; k < to; k++) sum += plain[k] ?? 0;
          const counts = { n: 0, errors: 0, represented: 0 };
          timeline.addCounts(1, from * S, to * S, counts);
          expect(counts).toEqual({ n: sum, errors: 2 * sum, represented: sum / 2 });
        }
      }),
    );
  });

  it('adds the same latencies whether they were put one by one or all at once', () => {
    fc.assert(
      fc.property(windowsOf, fc.nat(260), fc.nat(260), (windows, from, to) => {
        const [plain, packed] = [new Timeline(S, 0), new Timeline(S, 0)];
        for (const row of rowsOf(plain, windows)) plain.put(row.atMs, row);
        const rows = rowsOf(packed, windows);
        for (const id of OPERATIONS.keys())
          putAll(
            packed,
            id,
            rows.filter((row) => row.id === id),
          );
        const [a, b] = [new HistogramSum(), new HistogramSum()];
        plain.addLatency(1, from * S, to * S, a, 1);
        packed.addLatency(1, from * S, to * S, b, 1);
        expect([b.count, b.quantile(0.5), b.quantile(0.99)]).toEqual([a.count, a.quantile(0.5), a.quantile(0.99)]);
      }),
      { numRuns: 30 },
    );
  });
});
