import { durationMs } from '../model/duration.js';
import type { Instance } from '../model/alert-memory.js';
import { Histogram } from '../model/histogram.js';
import type { Operation } from '../model/operation.js';
import type { Rule } from '../model/rule.js';
import { SPAN_KIND } from '../model/span.js';
import { WINDOW_MS } from '../model/window.js';
import { evaluate } from './evaluate.js';
import { LiveData } from './live-data.js';
import { type MatchSpan, matchWindow } from './match-window.js';
import { needsOf } from './needs.js';
import type { RuleData, WindowMatches } from './rule-data.js';
import type { RuleTest } from './rule-tests-contract.js';
import { parseSeries } from './series-notation.js';

/** One expectation that was not met, as lines that tell what was expected and what came. */
export interface Failure {
  test: string;
  evalTime: string;
  alertname: string;
  lines: string[];
}

interface Known {
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

/** Runs one test of rules: evaluates them as live evaluation does, and compares what fires with what should. */
export function runRuleTest(rules: readonly Rule[], test: RuleTest): Failure[] {
  const startMs = Date.parse(test.start);
  const lastMs = Math.max(...test.alert_rule_test.map(({ eval_time }) => durationMs(eval_time)));
  const endMs = startMs + Math.ceil(lastMs / WINDOW_MS) * WINDOW_MS;
  const firing = new Map<string, Map<number, Known[]>>();
  for (const rule of rules) {
    const wanted = test.alert_rule_test.filter(({ alertname }) => alertname === rule.name);
    if (wanted.length > 0) firing.set(rule.name, firingAt(rule, dataOf(rule, test, startMs, endMs), startMs, endMs));
  }
  return test.alert_rule_test.flatMap(({ eval_time, alertname, exp_alerts }) => {
    const at = startMs + Math.floor(durationMs(eval_time) / WINDOW_MS) * WINDOW_MS;
    const its = firing.get(alertname);
    const failure = (lines: string[]): Failure[] =>
      lines.length === 0 ? [] : [{ test: test.name, evalTime: eval_time, alertname, lines }];
    if (its === undefined) return failure([`there is no rule named ${alertname}`]);
    const got = its.get(at) ?? [];
    const text = (labels: Record<string, string>, annotations?: Record<string, string>): string =>
      JSON.stringify({ labels: sorted(labels), ...(annotations && { annotations: sorted(annotations) }) });
    const withWords = exp_alerts.some(({ exp_annotations }) => exp_annotations !== undefined);
    const expected = exp_alerts.map(({ exp_labels, exp_annotations }) =>
      text({ alertname, ...exp_labels }, withWords ? (exp_annotations ?? {}) : undefined),
    );
    const came = got.map(({ labels, annotations }) => text(labels, withWords ? annotations : undefined));
    return failure([
      ...expected.filter((each) => !came.includes(each)).map((each) => `- expected ${each}`),
      ...came.filter((each) => !expected.includes(each)).map((each) => `+ came     ${each}`),
    ]);
  });
}

/** What fires after each window, by its end. */
function firingAt(rule: Rule, data: RuleData, startMs: number, endMs: number): Map<number, Known[]> {
  const naming = { idOf: (ruleId: string, key: string) => `${ruleId} ${key}`, ruleUrl: (id: string) => id };
  const instances = new Map<string, Instance>();
  const firing = new Map<number, Known[]>();
  for (let nowMs = startMs + WINDOW_MS; nowMs <= endMs; nowMs += WINDOW_MS) {
    for (const instance of evaluate(rule, data, nowMs, instances, naming).instances)
      instances.set(instance.alert.id, instance);
    const fires = [...instances.values()].filter(
      ({ alert }) => alert.state === 'firing' || alert.state === 'recovering',
    );
    firing.set(
      nowMs,
      fires.map(({ alert: { labels, annotations } }) => ({ labels, annotations })),
    );
  }
  return firing;
}

function dataOf(rule: Rule, test: RuleTest, startMs: number, endMs: number): RuleData {
  const live = new LiveData(needsOf([rule]), startMs);
  const operations = new Map<number, Operation>();
  const idOf = (service: string, name: string, kind: string): number => {
    const number = SPAN_KIND.indexOf(kind as (typeof SPAN_KIND)[number]);
    for (const known of operations.values()) if (known.service === service && known.name === name) return known.id;
    const id = operations.size + 1;
    operations.set(id, { id, serviceId: 0, service, name, kind: number });
    return id;
  };
  const repeat = durationMs(test.interval) / WINDOW_MS;
  /** The value of the window that begins at an instant; null: none. */
  const valueAt = (values: readonly (number | null)[], atMs: number, isConstant: boolean): number | null => {
    const i = Math.floor((atMs - startMs) / WINDOW_MS / repeat);
    return i < values.length ? (values[i] ?? null) : isConstant ? (values.at(-1) ?? null) : null;
  };
  const inputs = test.input_series.map(({ service, operation, kind, n, errors, ms }) => ({
    id: idOf(service, operation, kind),
    n: parseSeries(n),
    errors: parseSeries(errors),
    ms: parseSeries(ms),
  }));
  for (const { timeline } of live.levels) {
    timeline.extend(Math.floor(endMs / timeline.stepMs) * timeline.stepMs);
    const sums = new Map<string, { atMs: number; id: number; n: number; errors: number; latency: Histogram }>();
    for (let atMs = startMs; atMs < endMs; atMs += WINDOW_MS) {
      const stepAt = Math.floor(atMs / timeline.stepMs) * timeline.stepMs;
      if (stepAt + timeline.stepMs > timeline.toMs) continue;
      const isKnown =
        test.traces.length > 0 || test.calls.length > 0 || inputs.some(({ n }) => valueAt(n, atMs, false) !== null);
      if (isKnown) timeline.markKnown(stepAt);
      for (const { id, n, errors, ms } of inputs) {
        const count = valueAt(n, atMs, false) ?? 0;
        if (count === 0) continue;
        const sum = sums.get(`${stepAt} ${id}`) ?? { atMs: stepAt, id, n: 0, errors: 0, latency: new Histogram() };
        sum.n += count;
        sum.errors += Math.min(count, valueAt(errors, atMs, true) ?? 0);
        sum.latency.add(1_000 * (valueAt(ms, atMs, true) ?? 0), count);
        sums.set(`${stepAt} ${id}`, sum);
      }
    }
    for (const { latency, atMs, ...sum } of sums.values()) {
      timeline.put(atMs, { ...sum, represented: sum.n, latency: latency.encode() });
    }
  }
  fillCalls(live, test, idOf, valueAt, startMs, endMs);
  const resources = new Map(
    Object.entries(test.resources).map(([service, values]) => [
      service,
      new Map(Object.entries(values).map(([key, value]) => [key, [value]])),
    ]),
  );
  return live.view(operations, resources, [], new Map([[rule.id, matchesOf(rule, test, startMs, resources)]]));
}

function fillCalls(
  live: LiveData,
  test: RuleTest,
  idOf: (service: string, operation: string, kind: string) => number,
  valueAt: (values: readonly (number | null)[], atMs: number, isConstant: boolean) => number | null,
  startMs: number,
  endMs: number,
): void {
  const inputs = test.calls.map(({ caller, callee, n }) => ({
    callerId: idOf(caller.service, caller.operation, 'server'),
    calleeId: idOf(callee.service, callee.operation, 'server'),
    n: parseSeries(n),
  }));
  const callers = test.input_series.map(({ service, operation, kind, n }) => ({
    id: idOf(service, operation, kind),
    n: parseSeries(n),
  }));
  for (const { timeline } of live.callLevels) {
    timeline.extend(Math.floor(endMs / timeline.stepMs) * timeline.stepMs);
    const sums = new Map<string, { atMs: number; callerId: number; calleeId: number; n: number; errors: number }>();
    const add = (windowMs: number, callerId: number, calleeId: number, n: number): void => {
      const atMs = Math.floor(windowMs / timeline.stepMs) * timeline.stepMs;
      const key = `${atMs} ${callerId} ${calleeId}`;
      const sum = sums.get(key) ?? { atMs, callerId, calleeId, n: 0, errors: 0 };
      sum.n += n;
      sums.set(key, sum);
    };
    for (let atMs = startMs; atMs < endMs; atMs += WINDOW_MS) {
      timeline.markKnown(Math.floor(atMs / timeline.stepMs) * timeline.stepMs);
      for (const { id, n } of callers) add(atMs, id, 0, valueAt(n, atMs, false) ?? 0);
      for (const { callerId, calleeId, n } of inputs) add(atMs, callerId, calleeId, valueAt(n, atMs, false) ?? 0);
    }
    for (const sum of sums.values()) if (sum.n > 0) live.putCall(timeline, sum);
  }
}

function matchesOf(rule: Rule, test: RuleTest, startMs: number, resources: RuleData['resources']): WindowMatches[] {
  if (rule.type !== 'trace_match') return [];
  return test.traces.flatMap(({ at, spans }, i) => {
    const windowAtMs = startMs + Math.floor(durationMs(at) / WINDOW_MS) * WINDOW_MS;
    const trace = spans.map((span): MatchSpan => ({
      spanId: span.id,
      parentSpanId: span.parent,
      service: span.service,
      name: span.operation,
      kind: SPAN_KIND.indexOf(span.kind),
      startTimeUnixNano: `${windowAtMs}000000`,
      durationUs: 1_000 * durationMs(span.duration),
      status: { code: span.status },
      attributes: Object.entries(span.attributes).map(([key, value]) => ({ key, value })),
      resource: Object.entries(span.resource).map(([key, value]) => ({ key, value })),
    }));
    const traceId = String(i).padStart(32, '0');
    return matchWindow(rule, [{ traceId, spans: trace }], resources).map((match) => ({ ...match, windowAtMs }));
  });
}

function sorted(texts: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(texts).sort(([a], [b]) => (a < b ? -1 : 1)));
}
