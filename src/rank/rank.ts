import type { Finding } from '../model/anomaly.js';
import type { Baselines } from '../model/baseline.js';
import type { Cause } from '../model/cause.js';
import type { AnomalyGroup } from '../model/group.js';
import type { Operation } from '../model/operation.js';
import type { WindowMeasure } from '../model/rollup.js';
import { suspect, type Suspects } from './blame.js';
import { candidatesOf, hotOperations } from './candidates.js';
import { deepest } from './deepest.js';
import { affectedBy, exemplarsOf, severityOf } from './describe.js';
import { type CallGraph, callGraph } from './graph.js';
import { groupFindings } from './group.js';
import { withNovelties } from './novel.js';
import { type GroupRoot, partedByRoots, rootsOf, toldRoots } from './roots.js';
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
  const since = new Map<number, WindowMeasure[]>();
  const windowsSince = (sinceMs: number): WindowMeasure[] => {
    const windows = since.get(sinceMs) ?? recent.filter((window) => window.windowAtMs >= sinceMs);
    since.set(sinceMs, windows);
    return windows;
  };
  const around: Around = { windowAtMs, recent, graph, windowsSince, baselines, operations };
  return groupFindings(findings, graph, operations).flatMap((group) => {
    const whole = explained(group, around, new Set());
    const parts = partedByRoots(group, whole.roots, graph, operations);
    if (parts.length === 1) return [whole.group];
    return parts.map(({ findings, services }) => {
      const others = parts.flatMap((part) => (part.services === services ? [] : [...part.services]));
      return explained(findings, around, new Set(others)).group;
    });
  });
}

interface Around {
  windowAtMs: number;
  recent: readonly WindowMeasure[];
  graph: CallGraph;
  windowsSince: (sinceMs: number) => WindowMeasure[];
  baselines: Baselines;
  operations: ReadonlyMap<number, Operation>;
}

/** A group with its causes, and which of them are faults of their own. `notThese`: services that are at fault for something else. */
function explained(
  findings: readonly Finding[],
  around: Around,
  notThese: ReadonlySet<string>,
): { group: AnomalyGroup; roots: GroupRoot[] } {
  const { windowAtMs, recent, graph, windowsSince, baselines, operations } = around;
  const sinceMs = Math.min(...findings.map((finding) => finding.sinceMs));
  const windows = windowsSince(sinceMs);
  const candidates = candidatesOf(findings, graph, operations);
  for (const id of candidates) if (notThese.has(operations.get(id)?.service ?? '')) candidates.delete(id);
  const found = scored(suspect(candidates, graph, windows, baselines, operations, findings));
  const suspects = found.length > 0 ? found : deepest(findings, graph, windows, operations);
  const roots = rootsOf(findings, found, graph, windowsSince, baselines, operations);
  const told = toldRoots(roots, found);
  const doubted = withTelemetryDoubts(rootsFirst(suspects, told), findings, windows, baselines, operations);
  const causes = withNovelties(doubted, recent, baselines, operations);
  const group: AnomalyGroup = {
    windowAtMs,
    severity: severityOf(findings, baselines),
    sinceMs,
    affected: affectedBy(findings, operations),
    causes,
    roots: told.map(({ service, score, behind, ways }) => ({ service, score, behind, ways })),
    exemplars: exemplarsOf(hotOperations(findings), windows),
  };
  return { group, roots };
}

/** Each of several roots is as likely as its own findings say: that the trouble has another source too does not speak for it. */
function rootsFirst(causes: readonly Cause[], roots: readonly GroupRoot[]): Cause[] {
  if (roots.length < 2) return [...causes];
  const own = new Map(roots.map(({ service, score }) => [service, score]));
  const most = new Map<string, number>();
  for (const { service, score } of causes) most.set(service, Math.max(most.get(service) ?? 0, score));
  return causes
    .map((cause) => {
      const raise = Math.max(1, (own.get(cause.service) ?? 0) / most.get(cause.service)!);
      return { ...cause, score: cause.score * raise };
    })
    .sort((a, b) => b.score - a.score || a.operationId - b.operationId);
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
