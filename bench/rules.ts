import { checkedRule } from '../src/alert/rules-contract.js';
import { anomalyAlerts } from '../src/alert/anomaly-alerts.js';
import { evaluate } from '../src/alert/evaluate.js';
import { LiveData } from '../src/alert/live-data.js';
import { needsOf } from '../src/alert/needs.js';
import type { Instance } from '../src/model/alert-memory.js';
import { Histogram } from '../src/model/histogram.js';
import type { Incident } from '../src/model/incident.js';
import type { Operation } from '../src/model/operation.js';
import type { AnomalyRule, Rule } from '../src/model/rule.js';
import { WINDOW_MS } from '../src/model/window.js';

// 500 rules over 200 operations, window by window, and a storm of 10,000 incidents' steps on 500 rules: npm run bench:rules
const OPERATIONS = 200;
const RULES = 500;
const WINDOWS = 12;
const STORM = 10_000;

const operations = new Map<number, Operation>(
  Array.from({ length: OPERATIONS }, (_, i) => [
    i + 1,
    { id: i + 1, serviceId: 1 + (i % 20), service: `s${i % 20}`, name: `op ${i}`, kind: 2 },
  ]),
);
const inputs: object[] = [
  { type: 'threshold', measure: 'p99', window: '5m', above: 500 },
  { type: 'threshold', measure: 'error_rate', window: '5m', above: 0.05 },
  { type: 'threshold', measure: 'rate', window: '5m', below: 0.1 },
  { type: 'burn_rate', objective: 0.999, windows: [{ long: '30m', short: '5m', burnRate: 14.4 }], every: '10s' },
  { type: 'absence', window: '5m', expectedWithin: '30m' },
];
const ruleOf = (input: object, i: number): Rule => ({
  ...checkedRule({ services: [], ...input, name: `r${i}` }),
  id: `r${i}`,
  tenantId: 1,
  epoch: 1,
});
const rules = Array.from({ length: RULES }, (_, i) => ruleOf(inputs[i % inputs.length]!, i));

const needs = needsOf(rules);
const live = new LiveData(needs, 0);
const latency = new Histogram();
for (let i = 0; i < 20; i++) latency.add(100_000 + 3_000 * i);
const encoded = latency.encode();
function measure(atMs: number): void {
  for (const { timeline } of live.levels) {
    timeline.extend(atMs + WINDOW_MS);
    timeline.markKnown(atMs);
    for (const id of operations.keys())
      timeline.put(atMs, { id, n: 20, errors: id % 50 === 0 ? 3 : 0, represented: 20, latency: encoded });
  }
}
for (let atMs = -needs.fineMs; atMs < 0; atMs += WINDOW_MS) measure(atMs);
const instances = new Map<string, Map<string, Instance>>(rules.map(({ id }) => [id, new Map()]));
const naming = { idOf: (ruleId: string, key: string) => `${ruleId} ${key}`, ruleUrl: (id: string) => id };
const cpu = (): number => (({ user, system }) => (user + system) / 1e6)(process.cpuUsage());
let transitions = 0;
let began = cpu();
for (let i = 0; i < WINDOWS; i++) {
  measure(i * WINDOW_MS);
  const view = live.view(operations, new Map(), [], new Map());
  for (const rule of rules) {
    const its = instances.get(rule.id)!;
    const evaluated = evaluate(rule, view, (i + 1) * WINDOW_MS, its, naming);
    for (const instance of evaluated.instances) its.set(instance.alert.id, instance);
    transitions += evaluated.transitions.length;
  }
  if (i === 0) {
    console.log(`first window (all is summed): CPU ${(cpu() - began).toFixed(2)} s`);
    began = cpu();
  }
}
console.log(
  `${RULES} rules, ${OPERATIONS} operations: CPU ${((cpu() - began) / (WINDOWS - 1)).toFixed(3)} s a window, ${transitions} transitions`,
);

const anomalyRules = Array.from({ length: RULES }, (_, i) => ruleOf({ services: [`s${i % 20}*`] }, i)) as AnomalyRule[];
began = cpu();
let alerts = 0;
for (let i = 0; i < STORM; i++) {
  const named = { operationId: 1 + (i % OPERATIONS), service: `s${i % 20}`, operation: 'op' };
  const figures = {
    observed: 900,
    expected: 100,
    unit: 'us',
    n: 50,
    quantile: 0.95,
    score: 9,
    signal: 'latency',
    sinceMs: 0,
  };
  const snapshot = {
    id: `i${i}`,
    severity: 'critical',
    startedMs: 0,
    causes: [{ ...named, evidence: [], score: 1, exemplars: [] }],
    affected: [{ ...named, ...figures }],
    exemplars: [],
  } as unknown as Incident;
  const event = {
    incidentId: `i${i}`,
    kind: 'opened' as const,
    atMs: 0,
    reason: 'storm',
    snapshot: { ...snapshot, openedMs: 0, lastSeenMs: 0, resolvedMs: null },
  };
  alerts += anomalyAlerts(event, anomalyRules, [], { idOf: (id) => `${id} ${i}`, incidentUrl: '' }).length;
}
console.log(`${STORM} incidents on ${RULES} rules: CPU ${(cpu() - began).toFixed(2)} s, ${alerts} alerts`);
