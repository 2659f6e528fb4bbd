import { displayText, formatQuantity } from '../src/model/display.js';
import type { Finding } from '../src/model/anomaly.js';
import type { Operation } from '../src/model/operation.js';
import { Histogram } from '../src/model/histogram.js';
import type { Evaluated } from './evaluate.js';
import { table } from './report.js';

const ROWS = 20;

/** A closer look at one fault (counted from 0): what the stream found in its windows and why it was held back, and what was slower. */
export function lookText({ result, windows, operations, run }: Evaluated, faultNo: number): string {
  const fault = result.given[faultNo]?.fault;
  if (!fault) return `${result.dataset} has ${result.given.length} faults`;
  const isInside = ({ windowAtMs }: { windowAtMs: number }): boolean =>
    windowAtMs >= fault.startMs && windowAtMs < fault.endMs;
  const inside = windows.filter(isInside);
  const lines = [`fault ${faultNo + 1}: ${fault.service}, ${fault.type}, ${new Date(fault.startMs).toISOString()}`];
  lines.push(`spans a window: ${inside.map((window) => window.n).join(' ')}`, '');
  lines.push('What the stream found (score, window, found, because):');
  lines.push(table(findingRows(run.findings.filter(isInside), operations)), '');
  lines.push('Operations by their median duration against the baseline of the stream (as of its end):');
  lines.push(table(slowRows(inside, run.baselines.operations, operations)));
  return lines.join('\n');
}

/** Each series once, with its highest score. */
function findingRows(findings: readonly Finding[], operations: ReadonlyMap<number, Operation>): string[][] {
  const series = new Map<string, { times: number; worst: Finding }>();
  for (const finding of findings) {
    const key = `${finding.signal} ${finding.callerId} ${finding.operationId} ${finding.reason}`;
    const known = series.get(key);
    if (known === undefined) series.set(key, { times: 1, worst: finding });
    else series.set(key, { times: known.times + 1, worst: finding.score > known.worst.score ? finding : known.worst });
  }
  const rows = [...series.values()]
    .sort((a, b) => b.worst.score - a.worst.score)
    .slice(0, ROWS)
    .map(({ times, worst }) => [
      worst.score.toFixed(1),
      new Date(worst.windowAtMs).toISOString().slice(11, 19),
      `${times} x`,
      worst.signal + (worst.quantile === null ? '' : ` p${worst.quantile * 100}`),
      (worst.callerId === 0 ? '' : `${nameOf(worst.callerId, operations)} > `) + nameOf(worst.operationId, operations),
      `${formatQuantity(worst.observed, worst.unit)}, normally ${formatQuantity(worst.expected, worst.unit)}, n ${worst.n}`,
      worst.reason,
    ]);
  return [['score', 'window', 'times', 'signal', 'series', 'seen', 'reason'], ...rows];
}

function slowRows(
  inside: Evaluated['windows'],
  baselines: Evaluated['run']['baselines']['operations'],
  operations: ReadonlyMap<number, Operation>,
): string[][] {
  const seen = new Map<number, { n: number; latency: Histogram; selfTime: Histogram }>();
  for (const rollup of inside.flatMap((window) => window.rollups)) {
    const sum = seen.get(rollup.operationId) ?? { n: 0, latency: new Histogram(), selfTime: new Histogram() };
    sum.n += rollup.n;
    sum.latency.merge(rollup.latency);
    sum.selfTime.merge(rollup.selfTime);
    seen.set(rollup.operationId, sum);
  }
  const us = (value: number | null | undefined): string => (value == null ? '-' : formatQuantity(value, 'us'));
  const rows = [...seen]
    .flatMap(([id, { n, latency, selfTime }]) => {
      const baseline = baselines.get(id);
      const normal = baseline?.latency.quantile(0.5);
      if (baseline === undefined || normal == null) return [];
      return [{ id, n, latency, selfTime, baseline, ratio: (latency.quantile(0.5) ?? 0) / Math.max(1, normal) }];
    })
    .sort((a, b) => b.ratio - a.ratio)
    .slice(0, ROWS)
    .map(({ id, n, latency, selfTime, baseline, ratio }) => [
      nameOf(id, operations),
      String(n),
      (baseline.perWindowSum / Math.max(1, baseline.windows)).toFixed(1),
      ratio.toFixed(2),
      `${us(latency.quantile(0.5))} / ${us(baseline.latency.quantile(0.5))}`,
      `${us(latency.quantile(0.9))} / ${us(baseline.latency.quantile(0.9))}`,
      `${us(selfTime.quantile(0.5))} / ${us(baseline.selfTime.quantile(0.5))}`,
    ]);
  return [['operation', 'n', 'a window', 'ratio', 'p50', 'p90', 'own p50'], ...rows];
}

function nameOf(id: number, operations: ReadonlyMap<number, Operation>): string {
  const operation = operations.get(id);
  return operation ? `${displayText(operation.service, 30)}/${displayText(operation.name, 50)}` : String(id);
}
