import type { Finding } from '../model/anomaly.js';
import type { Baselines } from '../model/baseline.js';
import type { Cause, Evidence } from '../model/cause.js';
import type { AnomalyGroup } from '../model/group.js';
import type { Affected, Severity } from '../model/incident.js';
import type { Operation } from '../model/operation.js';
import type { WindowMeasure } from '../model/rollup.js';
import {
  type Credit,
  type Dimension,
  failingCredits,
  gapCredits,
  observe,
  selfTimeCredits,
  vanishedCredits,
} from './credit.js';
import { explain } from './explain.js';
import { type CallGraph, callGraph, downstream } from './graph.js';
import { groupFindings } from './group.js';

const MAX_CAUSES = 10;
const MAX_AFFECTED = 20;
const MAX_EXEMPLARS = 5;
/** A caller whose callee has such evidence of its own only passes the trouble on; this much of its credit stays. */
const PASSED_ON = 0.2;

/**
 * Groups the raised findings of the newest window and ranks, for each group, which operations are to blame: every operation that the
 * group reaches through calls is credited with its part of the added time, of the failures and of the missing calls since the group
 * began; a score is the weighted mean of its shares. The weights follow what the group's findings complain of.
 */
export function rank(
  findings: readonly Finding[],
  recent: readonly WindowMeasure[],
  baselines: Baselines,
  operations: ReadonlyMap<number, Operation>,
): AnomalyGroup[] {
  const windowAtMs = recent.at(-1)?.windowAtMs;
  if (windowAtMs === undefined) return [];
  const graph = callGraph(baselines, recent);
  return groupFindings(findings, graph, operations).map((group) => {
    const sinceMs = Math.min(...group.map((finding) => finding.sinceMs));
    const windows = recent.filter((window) => window.windowAtMs >= sinceMs);
    const hot = group.flatMap((finding) =>
      finding.callerId === 0 ? [finding.operationId] : [finding.operationId, finding.callerId],
    );
    const causes = blame(group, downstream(graph, hot), graph, windows, baselines, operations);
    return {
      windowAtMs,
      severity: severityOf(group, baselines),
      sinceMs,
      affected: affectedBy(group, operations),
      causes,
      exemplars: exemplarsOf(hot, windows),
    };
  });
}

/** Ranks over given windows on evidence alone, when nobody has raised a finding: everything that deviates is a candidate. */
export function rankGivenWindow(
  windows: readonly WindowMeasure[],
  baselines: Baselines,
  operations: ReadonlyMap<number, Operation>,
): Cause[] {
  const graph = callGraph(baselines, windows);
  return blame([], new Set(baselines.operations.keys()), graph, windows, baselines, operations);
}

function blame(
  group: readonly Finding[],
  candidates: ReadonlySet<number>,
  graph: CallGraph,
  windows: readonly WindowMeasure[],
  baselines: Baselines,
  operations: ReadonlyMap<number, Operation>,
): Cause[] {
  const seen = observe(windows);
  const failing = failingCredits(seen, baselines, candidates);
  const vanished = vanishedCredits(seen, baselines, candidates, operations);
  const credits = [
    ...selfTimeCredits(seen, baselines, candidates),
    ...gapCredits(seen, baselines, candidates, operations),
    ...failing,
    ...passOn(vanished, [...failing, ...vanished], graph),
  ];
  const totals = new Map<Dimension, number>();
  for (const credit of credits) totals.set(credit.dimension, (totals.get(credit.dimension) ?? 0) + credit.amount);
  const weights = weightsOf(group, totals);

  const causes = new Map<number, Cause>();
  for (const credit of credits) {
    const operation = operations.get(credit.operationId);
    const share = credit.amount / totals.get(credit.dimension)!;
    if (operation === undefined || share < 0.01) continue;
    let cause = causes.get(operation.id);
    if (cause === undefined) {
      cause = {
        operationId: operation.id,
        service: operation.service,
        operation: operation.name,
        score: 0,
        evidence: [],
        exemplars: exemplarsOf([operation.id], windows),
      };
      causes.set(operation.id, cause);
    }
    cause.score += share * (weights.get(credit.dimension) ?? 0);
    const evidence: Evidence = { ...credit.evidence, share, text: '' };
    cause.evidence.push({ ...evidence, text: explain(evidence) });
  }
  for (const cause of causes.values()) cause.evidence.sort((a, b) => b.share - a.share);
  return [...causes.values()]
    .filter((cause) => cause.score > 0.005)
    .sort((a, b) => b.score - a.score || a.operationId - b.operationId)
    .slice(0, MAX_CAUSES);
}

/** Missing calls further down, or failures, explain missing calls further up. */
function passOn(vanished: readonly Credit[], own: readonly Credit[], graph: CallGraph): Credit[] {
  const troubled = new Set(own.map((credit) => credit.operationId));
  return vanished.map((credit) => {
    const below = downstream(graph, graph.callees.get(credit.operationId) ?? []);
    const isPassedOn = [...below].some(
      (operationId) => operationId !== credit.operationId && troubled.has(operationId),
    );
    return isPassedOn ? { ...credit, amount: credit.amount * PASSED_ON } : credit;
  });
}

/** How much each dimension counts: by the strength of the findings that speak of it, among those that have any credit. */
function weightsOf(group: readonly Finding[], totals: ReadonlyMap<Dimension, number>): Map<Dimension, number> {
  const weights = new Map<Dimension, number>();
  for (const finding of group) {
    const dimension = dimensionOf(finding);
    if ((totals.get(dimension) ?? 0) > 0) weights.set(dimension, (weights.get(dimension) ?? 0) + finding.score);
  }
  // Findings without any credit of their kind (a drop at the door, say) leave the word to whatever evidence there is.
  if (weights.size === 0) for (const [dimension, total] of totals) if (total > 0) weights.set(dimension, 1);
  const sum = [...weights.values()].reduce((a, b) => a + b, 0);
  for (const [dimension, weight] of weights) weights.set(dimension, weight / sum);
  return weights;
}

function dimensionOf(finding: Finding): Dimension {
  if (finding.signal === 'latency' || finding.signal === 'self_time' || finding.signal === 'gap') return 'time';
  if (finding.signal === 'errors') return 'failures';
  return 'vanished';
}

/**
 * critical: users at an entry point feel it plainly (a fifth of requests fail, twice as slow, half the traffic gone). info: only more
 * traffic or calls than usual. warning: everything else.
 */
function severityOf(group: readonly Finding[], baselines: Baselines): Severity {
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

function affectedBy(group: readonly Finding[], operations: ReadonlyMap<number, Operation>): Affected[] {
  return group.slice(0, MAX_AFFECTED).flatMap((finding) => {
    const operation = operations.get(finding.operationId);
    if (operation === undefined) return [];
    const { operationId, signal, quantile, observed, expected, unit, n, score, sinceMs } = finding;
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
      },
    ];
  });
}

/** Traces to look at, newest window first: failed ones before slow ones. */
function exemplarsOf(operationIds: readonly number[], windows: readonly WindowMeasure[]): string[] {
  const wanted = new Set(operationIds);
  const ids = new Set<string>();
  for (const window of windows.toReversed()) {
    const rollups = window.rollups.filter((rollup) => wanted.has(rollup.operationId));
    for (const rollup of rollups) for (const id of rollup.failed) ids.add(id);
    for (const rollup of rollups) for (const id of rollup.slowest) ids.add(id);
    if (ids.size >= MAX_EXEMPLARS) break;
  }
  return [...ids].slice(0, MAX_EXEMPLARS);
}
