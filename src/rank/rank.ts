import type { Finding } from '../model/anomaly.js';
import type { Baselines } from '../model/baseline.js';
import type { Cause } from '../model/cause.js';
import type { AnomalyGroup } from '../model/group.js';
import type { Operation } from '../model/operation.js';
import type { WindowMeasure } from '../model/rollup.js';
import { suspect, type Suspects } from './blame.js';
import { deepest } from './deepest.js';
import { affectedBy, exemplarsOf, severityOf } from './describe.js';
import { type CallGraph, callGraph, downstream } from './graph.js';
import { groupFindings } from './group.js';
import { withNovelties } from './novel.js';
import { scored } from './score.js';
import { withTelemetryDoubts } from './telemetry-doubt.js';

/**
 * Groups the raised findings of the newest window and ranks, for each group, which operations are to blame: by the evidence
 * since the group began or, when there is none, by the findings themselves.
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
    const found = scored(
      suspect(candidatesOf(group, hot, graph, operations), graph, windows, baselines, operations, group),
    );
    const suspects = found.length > 0 ? found : deepest(group, graph, windows, operations);
    const doubted = withTelemetryDoubts(suspects, group, windows, baselines, operations);
    const causes = withNovelties(doubted, recent, baselines, operations);
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

/**
 * Who may be to blame: a cause lies downstream of what suffers, or is the one that suffers: any operation of its service, or, when
 * it is called less than usual, who should have called it.
 */
function candidatesOf(
  group: readonly Finding[],
  hot: readonly number[],
  graph: CallGraph,
  operations: ReadonlyMap<number, Operation>,
): Set<number> {
  const services = new Set(hot.map((operationId) => operations.get(operationId)?.serviceId));
  const from = new Set(hot);
  for (const { operationId, callerId, direction } of group) {
    if (direction !== 'down') continue;
    for (const caller of graph.callers.get(callerId === 0 ? operationId : callerId) ?? []) from.add(caller);
  }
  for (const { id, serviceId } of operations.values()) if (services.has(serviceId)) from.add(id);
  return downstream(graph, from);
}

/** Ranks over given windows on evidence alone, when nobody has raised a finding: everything that deviates is a candidate. */
export function rankGivenWindow(
  windows: readonly WindowMeasure[],
  baselines: Baselines,
  operations: ReadonlyMap<number, Operation>,
): Cause[] {
  return scored(suspectGivenWindow(windows, baselines, operations));
}

/** The same before shares of the trouble became probabilities: what the calibration is fitted to. */
export function suspectGivenWindow(
  windows: readonly WindowMeasure[],
  baselines: Baselines,
  operations: ReadonlyMap<number, Operation>,
): Suspects {
  const graph = callGraph(baselines, windows);
  return suspect(new Set(baselines.operations.keys()), graph, windows, baselines, operations, []);
}
