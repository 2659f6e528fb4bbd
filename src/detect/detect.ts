import { type Baselines, edgeEnds, edgeKey } from '../model/baseline.js';
import type { Finding } from '../model/anomaly.js';
import type { Policy } from '../model/policy.js';
import { WINDOW_MS } from '../model/window.js';
import type { EdgeRollup, Rollup, WindowMeasure } from '../model/rollup.js';
import { detectCalls } from './calls.js';
import { controlDiscoveries } from './discoveries.js';
import { detectErrors } from './errors.js';
import { detectEvents } from './events.js';
import {
  type CallSignal,
  isWorthKeeping,
  type OperationSignal,
  type Surroundings,
  WORTH_KEEPING_SCORE,
} from './evidence.js';
import { detectGap } from './gap.js';
import { detectLatency } from './latency.js';
import { detectPooled } from './pooled.js';
import { newStructure } from './structure.js';
import { detectSelfTime } from './self-time.js';
import { isOnlyUnseen, withoutCommonSurge } from './telemetry.js';
import { callTests, operationTests } from './tests.js';
import { detectTraffic, isJudgedEntry } from './traffic.js';

const OPERATION_SIGNALS: readonly OperationSignal[] = [detectLatency, detectSelfTime, detectErrors, detectTraffic];
const CALL_SIGNALS: readonly CallSignal[] = [detectCalls, detectGap];

/**
 * Verdicts on the newest of `history` (windows of one tenant, oldest first, the last being judged) against what was normal before it.
 * Returns what was raised, and what was held back although the numbers looked odd, with the reason. Nothing is said of a window
 * without data.
 */
export function detect(
  history: readonly WindowMeasure[],
  baselines: Baselines,
  policy: Policy,
  surroundings: Surroundings,
): Finding[] {
  const current = history.at(-1);
  if (current === undefined || current.n === 0) return [];
  const recentWindows = unbroken(history).slice(-policy.historyWindows);
  const windows = recentWindows.map(indexed);
  const newest = windows.at(-1)!;

  const findings: Finding[] = [];
  let tests = 0;
  let entries = 0;
  for (const [operationId, baseline] of baselines.operations) {
    // What is silent now is judged only where silence itself would be news.
    if (!newest.rollups.has(operationId) && baseline.entries < baseline.n / 2) continue;
    const recent = windows.map(({ windowAtMs, rollups }) => ({
      windowAtMs,
      rollup: rollups.get(operationId) ?? null,
    }));
    tests += operationTests(recent, baseline, policy);
    if (isJudgedEntry(baseline, policy)) entries++;
    for (const signal of OPERATION_SIGNALS) {
      const finding = signal(operationId, recent, baseline, policy, surroundings);
      if (finding !== null) findings.push(finding);
    }
  }
  for (const [key, baseline] of baselines.edges) {
    const [callerId, calleeId] = edgeEnds(key);
    if ((newest.rollups.get(callerId)?.sampledN ?? 0) === 0) continue;
    const recent = windows.map(({ windowAtMs, rollups, edges }) => ({
      windowAtMs,
      callerN: rollups.get(callerId)?.sampledN ?? 0,
      edge: edges.get(key) ?? null,
    }));
    tests += callTests(recent, baseline, policy);
    for (const signal of CALL_SIGNALS) {
      const caller = baselines.operations.get(callerId);
      const finding = signal(callerId, calleeId, recent, baseline, policy, surroundings, caller);
      if (finding !== null) findings.push(finding);
    }
  }
  const pooled = detectPooled(windows, baselines, surroundings.operations, policy);
  const series = [...findings.filter((finding) => !isTakenBy(pooled.findings, finding)), ...pooled.findings];
  const written = detectEvents(recentWindows, baselines, policy);
  return [
    ...withoutCommonSurge(controlDiscoveries(series, tests + pooled.tests, policy.falseDiscoveryRate), entries),
    // Another family of series, controlled by itself: thousands of operations do not drown what a service writes.
    ...controlDiscoveries(written.findings, written.tests, policy.falseDiscoveryRate),
    ...newStructure(recentWindows, baselines, surroundings.operations, policy, WORTH_KEEPING_SCORE),
  ]
    .map((finding) => (finding.raised ? againstMissingSpans(finding, windows, baselines, surroundings) : finding))
    .filter(isWorthKeeping);
}

/** What is said of a rare operation by its pool is not said of it once more. */
function isTakenBy(pooled: readonly Finding[], { signal, operationId }: Finding): boolean {
  return pooled.some((each) => each.signal === signal && each.operationId === operationId);
}

/** The newest windows up to the last gap: a window without data says nothing, and what lies before it is not "just before". */
function unbroken(history: readonly WindowMeasure[]): WindowMeasure[] {
  const windows: WindowMeasure[] = [];
  for (let i = history.length - 1; i >= 0; i--) {
    const window = history[i]!;
    const next = windows[0];
    if (window.n === 0 || (next !== undefined && next.windowAtMs - window.windowAtMs !== WINDOW_MS)) break;
    windows.unshift(window);
  }
  return windows;
}

function againstMissingSpans(
  finding: Finding,
  windows: readonly IndexedWindow[],
  baselines: Baselines,
  { operations }: Surroundings,
): Finding {
  const callerWindows = windows.flatMap(({ windowAtMs, rollups }) => {
    const rollup = rollups.get(finding.callerId);
    return rollup === undefined || windowAtMs < finding.sinceMs ? [] : [rollup];
  });
  if (!isOnlyUnseen(finding, operations, baselines.operations.get(finding.callerId), callerWindows)) return finding;
  return { ...finding, raised: false, reason: 'only_unseen' };
}

interface IndexedWindow {
  windowAtMs: number;
  rollups: ReadonlyMap<number, Rollup>;
  edges: ReadonlyMap<string, EdgeRollup>;
}

/** A window is looked at in as many judgements as there are windows of history: its index is made once. */
const indexes = new WeakMap<WindowMeasure, IndexedWindow>();

function indexed(window: WindowMeasure): IndexedWindow {
  let index = indexes.get(window);
  if (index === undefined) {
    index = {
      windowAtMs: window.windowAtMs,
      rollups: new Map(window.rollups.map((rollup) => [rollup.operationId, rollup])),
      edges: new Map(window.edges.map((edge) => [edgeKey(edge.callerId, edge.calleeId), edge])),
    };
    indexes.set(window, index);
  }
  return index;
}
