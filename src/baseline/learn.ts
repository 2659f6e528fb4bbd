import {
  edgeKey,
  emptyEdgeBaseline,
  emptyOperationBaseline,
  type Baselines,
  type EdgeBaseline,
  type OperationBaseline,
} from '../model/baseline.js';
import type { Policy } from '../model/policy.js';
import { type EdgeRollup, type Rollup, type WindowMeasure, representedSpans } from '../model/rollup.js';
import { fadeCalls, passWindows } from '../model/fading.js';
import { addShape, inStoredOrder } from '../model/shape.js';
import { observeCount, observeShare, roundSpread } from '../model/spread.js';
import { floorMinute, MINUTE_MS } from '../model/window.js';
import { observeDurations } from './observe.js';
import { learnEvents } from './events.js';

/** Those that are not seen are written this often, so that whoever reads them has not much to count. */
const WRITTEN_EVERY_MINUTES = 60;
/** Windows before dispersion is measured: earlier, what is normal is itself too uncertain. */
const MIN_WINDOWS_FOR_DISPERSION = 6;

/** Baselines to be written. */
export interface Learned {
  /**
   * Those that were seen, those that were kept from learning, and of the rest each once an hour. Of the others only the number of windows has changed, by the windows in
   * which anything was seen since they were written: whoever reads them counts these (`passWindows`).
   */
  operations: Set<number>;
  edges: Set<string>;
  /** Keys of event baselines; those no longer there were forgotten. */
  events: Set<string>;
}

/**
 * Folds windows, oldest first, into what is normal, minute by minute, and returns which baselines are to be written. Operations in `excluded`
 * (they deviate, or belong to an open incident) learn nothing, nor do their edges; windows of which nothing is known (n = 0) teach
 * nothing.
 */
export function learn(
  known: Baselines,
  windows: readonly WindowMeasure[],
  excluded: ReadonlySet<number>,
  policy: Policy,
): Learned {
  const changed: Learned = { operations: new Set(), edges: new Set(), events: new Set() };
  for (const minute of minutesOf(windows)) {
    learnOperations(known, minute, excluded, policy, changed.operations);
    learnEdges(known, minute, excluded, policy, changed.edges);
    learnEvents(known, minute, excluded, changed.events);
  }
  return changed;
}

function minutesOf(windows: readonly WindowMeasure[]): WindowMeasure[][] {
  const minutes: WindowMeasure[][] = [];
  for (const window of windows) {
    if (window.n === 0) continue;
    const last = minutes.at(-1);
    if (last !== undefined && floorMinute(last[0]!.windowAtMs) === floorMinute(window.windowAtMs)) last.push(window);
    else minutes.push([window]);
  }
  return minutes;
}

function learnOperations(
  known: Baselines,
  minute: readonly WindowMeasure[],
  excluded: ReadonlySet<number>,
  policy: Policy,
  changed: Set<number>,
): void {
  const rollups = minute.map((window) => new Map(window.rollups.map((rollup) => [rollup.operationId, rollup])));
  const firstSeen = new Map<number, number>();
  rollups.forEach((its, i) => {
    for (const operationId of its.keys()) {
      if (known.operations.has(operationId)) continue;
      known.operations.set(operationId, emptyOperationBaseline());
      firstSeen.set(operationId, i);
    }
  });
  const minuteNo = floorMinute(minute[0]!.windowAtMs) / MINUTE_MS;
  for (const [operationId, baseline] of known.operations) {
    if ((operationId + minuteNo) % WRITTEN_EVERY_MINUTES === 0) changed.add(operationId);
    if (excluded.has(operationId)) {
      changed.add(operationId);
      continue;
    }
    const its = rollups.slice(firstSeen.get(operationId) ?? 0).map((window) => window.get(operationId));
    const seen = its.filter((rollup): rollup is Rollup => rollup !== undefined);
    if (baseline.windows >= MIN_WINDOWS_FOR_DISPERSION) observeOperation(baseline, seen, policy);
    for (const rollup of seen) addRollup(baseline, rollup);
    if (seen.length > 0) {
      roundSpread(baseline.latencySpread);
      roundSpread(baseline.selfTimeSpread);
      inStoredOrder(baseline);
      changed.add(operationId);
    }
    passWindows(baseline, its.length);
  }
}

function addRollup(baseline: OperationBaseline, rollup: Rollup): void {
  baseline.n += rollup.n;
  baseline.errors += rollup.errors;
  baseline.entries += rollup.entries;
  const traffic = representedSpans(rollup);
  baseline.perWindowSum += traffic;
  baseline.perWindowSumSq += traffic * traffic;
  baseline.latency.merge(rollup.latency);
  baseline.sampledN += rollup.sampledN;
  baseline.failedHere += rollup.failedHere;
  baseline.selfTime.merge(rollup.selfTime);
  for (const [shape, n] of rollup.shapes) addShape(baseline.shapes, shape, n);
}

function observeOperation(baseline: OperationBaseline, seen: readonly Rollup[], policy: Policy): void {
  const latencies = seen.map((rollup) => rollup.latency);
  observeDurations(baseline.latencySpread, baseline.latency, baseline.windows, latencies, policy.latency);
  const selfTimes = seen.map((rollup) => rollup.selfTime);
  observeDurations(baseline.selfTimeSpread, baseline.selfTime, baseline.windows, selfTimes, policy.latency);
  const past = (baseline.errors + 0.5) / (baseline.n + 1);
  for (const { errors, n } of seen) observeShare(baseline.errorChi, errors, n, past, baseline.n);
}

function learnEdges(
  known: Baselines,
  minute: readonly WindowMeasure[],
  excluded: ReadonlySet<number>,
  policy: Policy,
  changed: Set<string>,
): void {
  const sampled = minute.map(
    (window) => new Map(window.rollups.map((rollup) => [rollup.operationId, rollup.sampledN])),
  );
  const seen = minute.map(
    (window) => new Map(window.edges.map((edge) => [edgeKey(edge.callerId, edge.calleeId), edge])),
  );
  for (const edge of seen.flatMap((its) => [...its.values()])) {
    const key = edgeKey(edge.callerId, edge.calleeId);
    if (known.edges.has(key) || excluded.has(edge.callerId) || excluded.has(edge.calleeId)) continue;
    const baseline = emptyEdgeBaseline();
    // The caller was at work before this call was first seen: it did not call then. (This minute's spans are added below.)
    const caller = known.operations.get(edge.callerId);
    const now = sampled.reduce((sum, its) => sum + (its.get(edge.callerId) ?? 0), 0);
    if (caller !== undefined) baseline.callerN = Math.max(0, caller.sampledN - now);
    known.edges.set(key, baseline);
  }
  for (const [key, baseline] of known.edges) {
    const [callerId, calleeId] = key.split('>').map(Number) as [number, number];
    if (excluded.has(callerId) || excluded.has(calleeId)) continue;
    const its = seen.map((window, i) => ({ callerN: sampled[i]!.get(callerId) ?? 0, edge: window.get(key) }));
    const spoke = its.filter(({ callerN, edge }) => callerN > 0 || edge !== undefined);
    if (spoke.length === 0) continue;
    const gaps = spoke.map(({ edge }) => edge?.gap).filter((gap) => gap !== undefined);
    if (baseline.windows >= MIN_WINDOWS_FOR_DISPERSION) {
      observeDurations(baseline.gapSpread, baseline.gap, baseline.windows, gaps, policy.latency);
      const rate = (baseline.calls + 0.5) / (baseline.callerN + 1);
      for (const { callerN, edge } of spoke) {
        if (callerN === 0) continue;
        observeCount(baseline.callsChi, edge?.calls ?? 0, callerN * rate, callerN, Math.max(1, baseline.callerN));
      }
    }
    for (const { callerN, edge } of spoke) addEdge(baseline, callerN, edge);
    roundSpread(baseline.gapSpread);
    fadeCalls(baseline);
    changed.add(key);
  }
}

function addEdge(baseline: EdgeBaseline, callerN: number, edge: EdgeRollup | undefined): void {
  baseline.windows++;
  baseline.callerN += callerN;
  if (edge === undefined) return;
  baseline.calls += edge.calls;
  baseline.errors += edge.errors;
  baseline.gap.merge(edge.gap);
}
