import { type Baselines, edgeKey } from '../model/baseline.js';
import type { Finding } from '../model/anomaly.js';
import type { Policy } from '../model/policy.js';
import { WINDOW_MS } from '../model/window.js';
import type { WindowMeasure } from '../model/rollup.js';
import { detectCalls } from './calls.js';
import { controlDiscoveries } from './discoveries.js';
import { detectErrors } from './errors.js';
import type { CallSignal, OperationSignal } from './evidence.js';
import { detectGap } from './gap.js';
import { detectLatency } from './latency.js';
import { detectSelfTime } from './self-time.js';
import { detectTraffic } from './traffic.js';

const OPERATION_SIGNALS: readonly OperationSignal[] = [detectLatency, detectSelfTime, detectErrors, detectTraffic];
const CALL_SIGNALS: readonly CallSignal[] = [detectCalls, detectGap];

/** Below this nothing is worth remembering unless it was raised. */
const WORTH_KEEPING_SCORE = 6;

/**
 * Verdicts on the newest of `history` (windows of one tenant, oldest first, the last being judged) against what was normal before it.
 * Returns what was raised, and what was held back although the numbers looked odd, with the reason. Nothing is said of a window
 * without data.
 */
export function detect(history: readonly WindowMeasure[], baselines: Baselines, policy: Policy): Finding[] {
  const current = history.at(-1);
  if (current === undefined || current.n === 0) return [];
  const windows = unbroken(history).slice(-policy.historyWindows);
  const rollups = windows.map((window) => new Map(window.rollups.map((rollup) => [rollup.operationId, rollup])));
  const edges = windows.map(
    (window) => new Map(window.edges.map((edge) => [edgeKey(edge.callerId, edge.calleeId), edge])),
  );

  const findings: Finding[] = [];
  let tests = 0;
  for (const [operationId, baseline] of baselines.operations) {
    const recent = windows.map((window, i) => ({
      windowAtMs: window.windowAtMs,
      rollup: rollups[i]!.get(operationId) ?? null,
    }));
    if (recent.every(({ rollup }) => rollup === null) && baseline.entries === 0) continue;
    tests += OPERATION_SIGNALS.length;
    for (const signal of OPERATION_SIGNALS) {
      const finding = signal(operationId, recent, baseline, policy);
      if (finding !== null) findings.push(finding);
    }
  }
  for (const [key, baseline] of baselines.edges) {
    const [callerId, calleeId] = key.split('>').map(Number) as [number, number];
    const recent = windows.map((window, i) => ({
      windowAtMs: window.windowAtMs,
      callerN: rollups[i]!.get(callerId)?.sampledN ?? 0,
      edge: edges[i]!.get(key) ?? null,
    }));
    if (recent.every(({ callerN }) => callerN === 0)) continue;
    tests += CALL_SIGNALS.length;
    for (const signal of CALL_SIGNALS) {
      const finding = signal(callerId, calleeId, recent, baseline, policy);
      if (finding !== null) findings.push(finding);
    }
  }
  return controlDiscoveries(findings, tests, policy.falseDiscoveryRate).filter(
    (finding) => finding.raised || finding.score >= WORTH_KEEPING_SCORE,
  );
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
