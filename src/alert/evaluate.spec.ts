import { describe, expect, it } from '@jest/globals';
import type { Instance } from '../model/alert-memory.js';
import type { Finding } from '../model/anomaly.js';
import { Histogram } from '../model/histogram.js';
import type { Operation } from '../model/operation.js';
import type { Rule } from '../model/rule.js';
import { HOUR_MS, MINUTE_MS, WINDOW_MS } from '../model/window.js';
import { endAll, evaluate } from './evaluate.js';
import { LiveData } from './live-data.js';
import { needsOf } from './needs.js';
import type { RuleData, WindowMatches } from './rule-data.js';
import { conditionsOf } from './rule-types/conditions.js';
import { checkedRule } from './rules-contract.js';

const NAMING = { idOf: (ruleId: string, key: string) => `${ruleId} ${key}`, ruleUrl: (id: string) => `http://t/${id}` };
const OPERATIONS: Operation[] = [
  { id: 1, serviceId: 1, service: 'cart', name: 'GetCart', kind: 2 },
  { id: 2, serviceId: 1, service: 'cart', name: 'AddItem', kind: 2 },
  { id: 3, serviceId: 2, service: 'web', name: 'GET /', kind: 3 },
];

interface Did {
  id: number;
  n: number;
  errors?: number;
  ms?: number;
}

function ruleOf(input: object, change: object = {}): Rule {
  return { ...checkedRule({ name: 'r', services: [], ...input }), id: 'r', tenantId: 1, epoch: 1, ...change };
}

/** What operations did in each window from `startMs` on; null is a window of which nothing is known. */
function dataOf(
  rule: Rule,
  windows: (Did[] | null)[],
  extra: { findings?: Finding[]; matches?: WindowMatches[]; calls?: [number, number, number][] } = {},
): RuleData {
  const live = new LiveData(needsOf([rule]), 0);
  for (const { timeline } of live.levels) {
    const { stepMs } = timeline;
    const endMs = Math.floor((windows.length * WINDOW_MS) / stepMs) * stepMs;
    timeline.extend(endMs);
    const sums = new Map<string, { atMs: number; id: number; n: number; errors: number; latency: Histogram }>();
    windows.forEach((window, i) => {
      const atMs = Math.floor((i * WINDOW_MS) / stepMs) * stepMs;
      if (window === null || atMs >= endMs) return;
      timeline.markKnown(atMs);
      for (const { id, n, errors = 0, ms = 100 } of window) {
        const sum = sums.get(`${atMs} ${id}`) ?? { atMs, id, n: 0, errors: 0, latency: new Histogram() };
        sum.n += n;
        sum.errors += errors;
        sum.latency.add(1_000 * ms, n);
        sums.set(`${atMs} ${id}`, sum);
      }
    });
    for (const { atMs, latency, ...sum } of sums.values()) {
      timeline.put(atMs, { ...sum, represented: sum.n, latency: latency.encode() });
    }
  }
  for (const { timeline } of live.callLevels) {
    timeline.extend(Math.floor((windows.length * WINDOW_MS) / timeline.stepMs) * timeline.stepMs);
    for (let atMs = 0; atMs < timeline.toMs; atMs += timeline.stepMs) {
      timeline.markKnown(atMs);
      live.putCall(timeline, { atMs, callerId: 3, calleeId: 0, n: timeline.stepMs / 1_000, errors: 0 });
      for (const [calleeId, fromMs, toMs] of extra.calls ?? []) {
        const n = timeline.stepMs / 1_000;
        if (atMs >= fromMs && atMs < toMs) live.putCall(timeline, { atMs, callerId: 3, calleeId, n, errors: 0 });
      }
    }
  }
  live.putExemplars(1, ['slow1'], ['failed1']);
  const resources = new Map([['cart', new Map([['deployment.environment.name', ['prod']]])]]);
  return live.view(
    new Map(OPERATIONS.map((operation) => [operation.id, operation])),
    resources,
    extra.findings ?? [],
    new Map([['r', extra.matches ?? []]]),
  );
}

function played(rule: Rule, data: RuleData, windows: number): { lines: string[]; instances: Map<string, Instance> } {
  const instances = new Map<string, Instance>();
  const lines: string[] = [];
  for (let i = 1; i <= windows; i++) {
    const evaluated = evaluate(rule, data, i * WINDOW_MS, instances, NAMING);
    for (const instance of evaluated.instances) instances.set(instance.alert.id, instance);
    for (const { atMs, from, to, reason, snapshot } of evaluated.transitions) {
      const { service = '-', operation = '-', callee_operation: callee } = snapshot.labels;
      const where = [service, operation, callee].filter(Boolean).join('/');
      lines.push(`${atMs / 1_000} ${where} ${from}>${to} ${reason} ${snapshot.labels['severity']}`);
    }
  }
  return { lines, instances };
}

const times = <T>(n: number, value: T): T[] => Array.from({ length: n }, () => value);
const good: Did[] = [
  { id: 1, n: 10 },
  { id: 3, n: 10 },
];

describe('evaluate', () => {
  it('threshold: latency over a window, with labels, figures, words and traces', () => {
    const rule = ruleOf({
      type: 'threshold',
      services: ['cart'],
      measure: 'p95',
      window: '1m',
      above: 500,
      for: '20s',
      labels: { team: 'shop', who: '{{ labels.service }}' },
      annotations: { text: '{{ labels.operation }} takes {{ value }}, limit {{ limit }}' },
      runbookUrl: 'https://runbook.test/x',
    });
    const slow: Did[] = [
      { id: 1, n: 10, ms: 900 },
      { id: 3, n: 10 },
    ];
    const data = dataOf(rule, [...times(6, good), ...times(6, slow), ...times(12, good)]);
    const { lines, instances } = played(rule, data, 24);
    expect(lines).toEqual([
      '70 cart/GetCart inactive>pending holds warning',
      '90 cart/GetCart pending>firing held_for warning',
      '180 cart/GetCart firing>resolved clear warning',
    ]);
    const [instance] = instances.values();
    expect(instance?.alert).toMatchObject({
      labels: { alertname: 'r', severity: 'warning', service: 'cart', operation: 'GetCart', team: 'shop', who: 'cart' },
      annotations: { text: 'GetCart takes 893 ms, limit 500 ms', runbook_url: 'https://runbook.test/x' },
      figures: { expected: 500_000, unit: 'us', n: 60 },
      exemplars: ['slow1'],
      activeAtMs: 70_000,
      firedAtMs: 90_000,
      endsAtMs: 180_000,
      sequence: 3,
    });
  });

  it('threshold: recovers at another value than it fires at', () => {
    const at = (errors: number): Did[] => [{ id: 1, n: 100, errors }];
    const rule = ruleOf({ type: 'threshold', measure: 'error_rate', window: '10s', above: 0.1, recoverAt: 0.05 });
    const data = dataOf(rule, [at(0), at(11), at(8), at(6), at(5), at(8)]);
    expect(played(rule, data, 6).lines.map((line) => line.split(' ').slice(0, 3).join(' '))).toEqual([
      '20 cart/GetCart inactive>firing',
      '50 cart/GetCart firing>resolved',
    ]);
  });

  it('threshold: a rate of nothing is a rate, a ratio of nothing is none', () => {
    const rate = ruleOf({
      type: 'threshold',
      services: ['cart'],
      operations: ['GetCart'],
      measure: 'rate',
      window: '20s',
      below: 0.5,
    });
    const windows = [...times(3, good), ...times(3, [{ id: 3, n: 10 }])];
    expect(played(rate, dataOf(rate, windows), 6).lines).toEqual(['50 cart/GetCart inactive>firing holds warning']);
    const ratio = ruleOf({ type: 'threshold', services: ['cart'], measure: 'error_rate', window: '10s', above: 0.5 });
    const failing: Did[] = [
      { id: 1, n: 10, errors: 9 },
      { id: 3, n: 1 },
    ];
    const kept = [failing, ...times(3, [{ id: 3, n: 10 }])];
    expect(played(ratio, dataOf(ratio, kept), 4).lines).toEqual(['10 cart/GetCart inactive>firing holds warning']);
  });

  it('threshold: few spans, small effects and hours off keep it quiet', () => {
    const slow: Did[] = [{ id: 1, n: 3, ms: 900 }];
    const base = { type: 'threshold', measure: 'p50', window: '10s', above: 500 };
    const few = ruleOf({ ...base, minVolume: 4 });
    expect(played(few, dataOf(few, times(5, slow)), 5).lines).toEqual([]);
    const usual = ruleOf({ ...base, effect: { reference: '1m', minRelative: 0.5 } });
    const steps = [...times(9, slow), [{ id: 1, n: 3, ms: 1_500 }]];
    expect(played(usual, dataOf(usual, steps), 10).lines.map((line) => line.split(' ')[0])).toEqual(['100']);
    const off = ruleOf({ ...base, activeHours: { timeZone: 'UTC', ranges: [{ days: ['fri'] }] } });
    expect(played(off, dataOf(off, times(5, slow)), 5).lines).toEqual([]);
    const absolute = ruleOf({ ...base, nOfM: { n: 2, m: 3 } });
    expect(played(absolute, dataOf(absolute, [slow, good, slow, good, good]), 5).lines).toEqual([
      '30 cart/GetCart inactive>firing holds warning',
      '40 cart/GetCart firing>resolved clear warning',
    ]);
  });

  it('threshold: Apdex', () => {
    const rule = ruleOf({
      type: 'threshold',
      measure: 'apdex',
      apdexT: '200ms',
      window: '10s',
      below: 0.7,
      groupBy: [],
    });
    const data = dataOf(rule, [
      [{ id: 1, n: 10, ms: 100 }],
      [{ id: 1, n: 10, ms: 500 }],
      [
        { id: 1, n: 5, ms: 100 },
        { id: 2, n: 5, ms: 500 },
      ],
    ]);
    const { lines } = played(rule, data, 3);
    expect(lines).toEqual(['20 -/- inactive>firing holds warning', '30 -/- firing>resolved clear warning']);
  });

  it('selects by kind, glob and environment, and groups', () => {
    const base = { type: 'threshold', measure: 'rate', window: '10s', above: 0 };
    const all: Did[] = [
      { id: 1, n: 1 },
      { id: 2, n: 1 },
      { id: 3, n: 1 },
    ];
    const who = (change: object) => {
      const rule = ruleOf({ ...base, ...change });
      return played(rule, dataOf(rule, [all]), 1).lines.map((line) => line.split(' ')[1]);
    };
    expect(who({})).toEqual(['cart/AddItem', 'cart/GetCart', 'web/GET /'.split(' ')[0]]);
    expect(who({ kinds: ['server'], operations: ['Get*'] })).toEqual(['cart/GetCart']);
    expect(who({ environments: ['pr?d'], groupBy: ['service'] })).toEqual(['cart/-']);
    expect(who({ namespaces: ['x'] })).toEqual([]);
    expect(who({ attributes: [{ key: 'deployment.environment.name', values: ['prod'] }], groupBy: ['kind'] })).toEqual([
      '-/-',
    ]);
  });

  it('burn rate: long and short window, guarded by events and by how much is known', () => {
    const rule = ruleOf({
      type: 'burn_rate',
      objective: 0.99,
      every: '10s',
      windows: [
        { long: '2m', short: '30s', burnRate: 10, severity: 'critical' },
        { long: '5m', short: '1m', burnRate: 5, severity: 'warning' },
      ],
      minEvents: 50,
      groupBy: ['service'],
    });
    const failing: Did[] = [{ id: 1, n: 100, errors: 30 }];
    const fine: Did[] = [{ id: 1, n: 100 }];
    const data = dataOf(rule, [...times(30, fine), ...times(12, failing), ...times(30, fine)]);
    const { lines } = played(rule, data, 72);
    expect(lines).toEqual([
      '350 cart/- inactive>firing holds critical',
      '440 cart/- firing>firing escalated warning',
      '470 cart/- firing>resolved clear warning',
    ]);
    for (let i = 1; i <= 72; i++) {
      for (const { verdict, guards } of conditionsOf(rule, data, 10_000 * i)) {
        // In rows of four: it holds when all guards of one row pass.
        const rows = guards.length === 4 ? [guards] : [guards.slice(0, 4), guards.slice(4)];
        expect(verdict === 'holds').toBe(rows.some((row) => row.every(({ passes }) => passes)));
        expect(verdict === 'no_data').toBe(rows.every((row) => !(row[0]!.passes && row[1]!.passes)));
      }
    }
    const short = dataOf(rule, times(5, failing));
    expect(played(rule, short, 5).lines).toEqual([]);
  });

  it('absence: what was there is gone, but not what was never there, nor when all is gone', () => {
    const rule = ruleOf({ type: 'absence', window: '30s', expectedWithin: '1m' });
    const gone: Did[] = [{ id: 3, n: 10 }];
    const data = dataOf(rule, [...times(6, good), ...times(12, gone)]);
    expect(played(rule, data, 18).lines).toEqual([
      '90 cart/GetCart inactive>firing holds warning',
      '150 cart/GetCart firing>resolved clear warning',
    ]);
    expect(played(rule, dataOf(rule, [...times(6, good), ...times(12, null)]), 18).lines).toEqual([]);
  });

  it('structural: new, missing and repeated calls', () => {
    const base = { type: 'structural', window: '1m', reference: '10m', every: '1m', minVolume: 1, keepFiringFor: '0s' };
    const windows = times(120, good);
    const at = (change: string, calls: [number, number, number][], more: object = {}) => {
      const rule = ruleOf({ ...base, change, ...more });
      return played(rule, dataOf(rule, windows, { calls }), 120).lines.map((line) =>
        line.split(' ').slice(0, 4).join(' '),
      );
    };
    expect(
      at('new_call', [
        [1, 900_000, 1_200_000],
        [2, 0, 1_200_000],
      ]),
    ).toEqual(['960 web/GET //GetCart inactive>firing', '1020 web/GET //GetCart firing>resolved']);
    expect(at('missing_call', [[1, 0, 900_000]])[0]).toBe('960 web/GET //GetCart inactive>firing');
    expect(at('repeated_call', [[1, 0, 1_200_000]], { minRatio: 2 })).toEqual([]);
    expect(at('repeated_call', [[1, 0, 1_200_000]], { minRatio: 1 })[0]).toBe('60 web/GET //GetCart inactive>firing');
  });

  it('anomaly of high sensitivity: also what no incident is opened for', () => {
    const rule = ruleOf({ services: ['cart'], sensitivity: 'high', keepFiringFor: '0s', signals: ['latency'] });
    const finding = (change: Partial<Finding>): Finding => ({
      signal: 'latency',
      operationId: 1,
      callerId: 0,
      windowAtMs: 0,
      raised: false,
      reason: 'not_significant',
      direction: 'up',
      quantile: 0.95,
      observed: 300,
      expected: 100,
      unit: 'us',
      n: 9,
      baselineN: 99,
      score: 5,
      sinceMs: 0,
      ...change,
    });
    const findings = [finding({}), finding({ windowAtMs: 10_000, reason: 'seasonal' }), finding({ operationId: 3 })];
    expect(played(rule, dataOf(rule, times(3, good), { findings }), 3).lines).toEqual([
      '10 cart/GetCart inactive>firing holds info',
      '20 cart/GetCart firing>resolved clear info',
    ]);
  });

  it('trace match: enough traces within the window', () => {
    const rule = ruleOf({ type: 'trace_match', where: [{}], window: '30s', minTraces: 3, keepFiringFor: '0s' });
    const labels = { service: 'cart', operation: 'GetCart' };
    const matches = [0, 10_000, 20_000].map((windowAtMs) => ({
      windowAtMs,
      labels,
      n: 1,
      exemplars: [`t${windowAtMs}`],
    }));
    const { lines, instances } = played(rule, dataOf(rule, times(6, good), { matches }), 6);
    expect(lines).toEqual([
      '30 cart/GetCart inactive>firing holds warning',
      '40 cart/GetCart firing>resolved clear warning',
    ]);
    expect([...instances.values()][0]?.alert.exemplars).toEqual(['t20000', 't10000', 't0']);
  });

  it('keeps what fires when nothing at all is known, and ends with the rule', () => {
    const rule = ruleOf({ type: 'threshold', services: ['cart'], measure: 'error_rate', window: '10s', above: 0.5 });
    const failing: Did[] = [{ id: 1, n: 10, errors: 9 }];
    const data = dataOf(rule, [failing, null, null]);
    const { instances } = played(rule, data, 3);
    const ends = (change: object) =>
      evaluate({ ...rule, ...change }, data, 30_000, instances, NAMING).transitions.map(
        ({ to, reason }) => `${to} ${reason}`,
      );
    expect(ends({})).toEqual([]);
    expect(ends({ epoch: 2 })).toEqual(['resolved rule_changed']);
    expect(ends({ enabled: false })).toEqual(['resolved rule_disabled']);
    expect(endAll([...instances.values()], 'rule_deleted', 30_000).transitions).toHaveLength(1);
  });

  it('looks at long windows in minutes and hours', () => {
    const rule = ruleOf({ type: 'threshold', services: ['cart'], measure: 'rate', window: '2h', above: 0.9 });
    const windows = (3 * HOUR_MS) / WINDOW_MS;
    const data = dataOf(rule, times(windows, good));
    expect(needsOf([rule])).toMatchObject({ fineMs: MINUTE_MS, minutesMs: 2 * HOUR_MS + MINUTE_MS, hoursMs: 0 });
    const evaluated = evaluate(rule, data, 3 * HOUR_MS, new Map(), NAMING);
    expect(evaluated.transitions[0]?.snapshot.figures).toMatchObject({ observed: 1, n: 7_200 });
  });
});

describe('a rule that cannot be evaluated', () => {
  const rule = ruleOf({ type: 'threshold', measure: 'error_rate', window: '10s', above: 0.1, keepFiringFor: '1m' });
  const failing: Did[] = [{ id: 1, n: 10, errors: 5 }];

  it('is in state error with the reason until it can, and its alerts stay as they are', () => {
    const data = dataOf(rule, [...times(3, failing), ...times(3, failing), ...times(3, failing)]);
    const instances = new Map<string, Instance>();
    const lines: string[] = [];
    for (let i = 1; i <= 9; i++) {
      const now =
        i > 3 && i <= 6
          ? {
              ...data,
              get operations(): never {
                throw new Error('a bad\u0000 row');
              },
            }
          : data;
      const { instances: changed, transitions } = evaluate(rule, now, 10_000 * i, instances, NAMING);
      for (const instance of changed) instances.set(instance.alert.id, instance);
      for (const { atMs, from, to, reason, snapshot } of transitions) {
        lines.push(`${atMs / 1_000} ${snapshot.labels['service'] ?? snapshot.labels['error']} ${from}>${to} ${reason}`);
      }
    }
    expect(lines).toEqual([
      '10 cart inactive>firing holds',
      '40 evaluation inactive>error failed: a bad row',
      '70 evaluation error>inactive evaluated',
    ]);
  });

  it('is so for what cannot be read alone: all others fire, recover and begin as ever', () => {
    const slow = ruleOf({ type: 'threshold', measure: 'p90', window: '20s', above: 300, groupBy: ['operation'] });
    const at = (first: number, second: number, third: number): Did[] => [
      { id: 1, n: 10, ms: first },
      { id: 2, n: 10, ms: second },
      { id: 3, n: 10, ms: third },
    ];
    const data = dataOf(slow, [at(900, 900, 1), at(900, 900, 1), at(900, 1, 900), ...times(4, at(900, 1, 900))]);
    const unreadable = { id: 1, n: 10, errors: 0, represented: 10, latency: new Uint8Array([7]) };
    data.history.levels[0]!.put(20_000, unreadable);
    const { lines } = played(slow, data, 7);
    expect(lines).toEqual([
      '10 -/AddItem inactive>firing holds warning',
      '10 -/GetCart inactive>firing holds warning',
      '30 -/GET / inactive>firing holds warning',
      '30 -/- inactive>error failed: GetCart: histogram format 7 is not known warning',
      '40 -/AddItem firing>resolved clear warning',
      '50 -/- error>inactive evaluated warning',
    ]);
    const [said] = conditionsOf(slow, data, 40_000).filter(({ verdict }) => verdict === 'error');
    expect(said).toMatchObject({ labels: { operation: 'GetCart' }, failure: 'histogram format 7 is not known' });
  });

  it('says how many sets of labels it cannot look at', () => {
    const slow = ruleOf({
      type: 'burn_rate',
      objective: 0.9,
      latency: '1s',
      every: '10s',
      windows: [{ long: '1m', short: '10s', burnRate: 1 }],
      minEvents: 1,
    });
    const data = dataOf(
      slow,
      times(6, [
        { id: 1, n: 10 },
        { id: 3, n: 10 },
      ]),
    );
    for (const id of [1, 3]) {
      data.history.levels[0]!.put(50_000, { id, n: 10, errors: 0, represented: 10, latency: new Uint8Array([7]) });
    }
    expect(played(slow, data, 6).lines).toEqual([
      '60 -/- inactive>error failed: cart GetCart: histogram format 7 is not known (and 1 more) warning',
    ]);
  });

  it('is so also for a rule about incidents that another version wrote', () => {
    const strange = ruleOf({ services: ['*'] }, { activeHours: { timeZone: 'Mars/Olympus', ranges: [] } });
    const data = dataOf(rule, times(1, failing));
    const { transitions } = evaluate(strange, data, 10_000, new Map(), NAMING);
    expect(transitions).toMatchObject([
      {
        to: 'error',
        reason: 'failed: activeHours.timeZone: must be an IANA time zone such as Europe/Berlin (and 1 more)',
      },
    ]);
  });

  it('ends with the rule', () => {
    const bad = { ...rule, every: 'often' };
    const { instances } = evaluate(bad, dataOf(rule, times(1, failing)), 10_000, new Map(), NAMING);
    expect(instances).toMatchObject([{ alert: { state: 'error' }, memory: { state: 'error' } }]);
    const known = new Map(instances.map((each) => [each.alert.id, each]));
    const ended = evaluate({ ...bad, enabled: false }, dataOf(rule, []), 20_000, known, NAMING);
    expect(ended.transitions).toMatchObject([{ from: 'error', to: 'inactive', reason: 'rule_disabled' }]);
  });
});

describe('a rule with too many alerts', () => {
  it('keeps those it has, and says of how many it does not', () => {
    const rule = ruleOf({ type: 'threshold', measure: 'error_rate', window: '10s', above: 0.1 });
    const many = (n: number): Did[] => Array.from({ length: n }, (_, i) => ({ id: 1_000 + i, n: 10, errors: 5 }));
    const operations = new Map(
      many(1_203).map(({ id }) => [id, { id, serviceId: 1, service: 'cart', name: `op ${id}`, kind: 2 }]),
    );
    const data = { ...dataOf(rule, [many(1_203), many(1_203), many(1_000), many(1_000)]), operations };
    const instances = new Map<string, Instance>();
    const said = [1, 2, 3].map((i) => {
      const { instances: changed, transitions } = evaluate(rule, data, 10_000 * i, instances, NAMING);
      for (const instance of changed) instances.set(instance.alert.id, instance);
      const bound = transitions.find(({ snapshot }) => snapshot.labels['bound'] !== undefined);
      return { n: transitions.length, bound: bound && `${bound.to} ${bound.snapshot.annotations['summary']}` };
    });
    expect(said).toEqual([
      { n: 1_001, bound: 'firing r: 1203 alerts (limit 1000 alerts)' },
      { n: 0, bound: undefined },
      { n: 1, bound: 'resolved r: 1203 alerts (limit 1000 alerts)' },
    ]);
  });
});
