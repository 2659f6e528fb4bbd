import type { Finding } from '../model/anomaly.js';
import type { Baselines } from '../model/baseline.js';
import type { Affected, Severity } from '../model/incident.js';
import type { Operation } from '../model/operation.js';
import type { Rollup, WindowMeasure } from '../model/rollup.js';

const MAX_AFFECTED = 20;
const MAX_EXEMPLARS = 5;

/**
 * critical: users at an entry point feel it plainly (a fifth of requests fail, twice as slow, half the traffic gone). info: only more
 * traffic or calls than usual. warning: everything else.
 */
export function severityOf(group: readonly Finding[], baselines: Baselines): Severity {
  const isEntry = (finding: Finding): boolean => {
    const baseline = baselines.operations.get(finding.operationId);
    return baseline !== undefined && baseline.entries > baseline.n / 2;
  };
  const feltAtEntry = group.some(
    (finding) =>
      isEntry(finding) &&
      ((finding.signal === 'errors' && finding.observed >= 0.2) ||
        (finding.signal === 'latency' && finding.observed >= 2 * finding.expected) ||
        (finding.signal === 'traffic' && finding.direction === 'down')),
  );
  if (feltAtEntry) return 'critical';
  const onlyMore = group.every(
    (finding) => finding.direction === 'up' && (finding.signal === 'traffic' || finding.signal === 'calls'),
  );
  return onlyMore ? 'info' : 'warning';
}

export function affectedBy(group: readonly Finding[], operations: ReadonlyMap<number, Operation>): Affected[] {
  return group.slice(0, MAX_AFFECTED).flatMap((finding) => {
    const operation = operations.get(finding.operationId);
    if (operation === undefined) return [];
    const { operationId, signal, quantile, observed, expected, unit, n, score, sinceMs, pooled } = finding;
    return [
      {
        operationId,
        service: operation.service,
        operation: operation.name,
        signal,
        quantile,
        observed,
        expected,
        unit,
        n,
        score,
        sinceMs,
        ...(pooled === undefined ? {} : { pooledOperations: pooled.length }),
      },
    ];
  });
}

/** Every cause looks for its traces in the same windows. */
const indexes = new WeakMap<WindowMeasure, ReadonlyMap<number, Rollup>>();

function rollupsOf(window: WindowMeasure): ReadonlyMap<number, Rollup> {
  let index = indexes.get(window);
  if (index === undefined) {
    index = new Map(window.rollups.map((rollup) => [rollup.operationId, rollup]));
    indexes.set(window, index);
  }
  return index;
}

/**
 * Traces to look at, from the windows in which these operations failed most and were slowest (the newest of those that are alike), since the
 * last ones may lie after the trouble: failed ones before slow ones.
 */
export function exemplarsOf(operationIds: readonly number[], windows: readonly WindowMeasure[]): string[] {
  const wanted = [...new Set(operationIds)];
  const found = windows.toReversed().map((window) => {
    const own = wanted.flatMap((operationId) => rollupsOf(window).get(operationId) ?? []);
    const n = Math.max(1, sum(own.map((rollup) => rollup.n)));
    const meanUs = sum(own.map((rollup) => rollup.durationSumUs)) / n;
    return { own, meanUs, errorRatio: sum(own.map((rollup) => rollup.errors)) / n };
  });
  const mostUs = Math.max(1, ...found.map(({ meanUs }) => meanUs));
  const badness = ({ meanUs, errorRatio }: (typeof found)[number]) => errorRatio + meanUs / mostUs;
  const ids = new Set<string>();
  for (const { own } of found.toSorted((a, b) => badness(b) - badness(a))) {
    for (const rollup of own) for (const id of rollup.failed) ids.add(id);
    for (const rollup of own) for (const id of rollup.slowest) ids.add(id);
    if (ids.size >= MAX_EXEMPLARS) break;
  }
  return [...ids].slice(0, MAX_EXEMPLARS);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
