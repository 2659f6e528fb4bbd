import type { OperationBaseline } from '../model/baseline.js';
import type { Finding } from '../model/anomaly.js';
import { Histogram } from '../model/histogram.js';
import type { Operation } from '../model/operation.js';
import type { Rollup } from '../model/rollup.js';
import { KIND_CLIENT } from '../model/span.js';

/** A client's median this close to normal, either way, and no more errors: it was answered as ever. */
const SAME_FACTOR = 1.3;
const MORE_ERRORS = 0.02;
/** So many entries must agree, and this closely, before "all alike" means anything. */
const MIN_ENTRIES = 3;
const ALIKE_FACTOR = 1.5;

/**
 * Whether a vanished call is a matter of missing spans: a client in one service was answered as fast and as well as ever, only the span
 * of the server in the other is not there. A service that really did not answer makes its clients fail, wait, or give up at once.
 */
export function isOnlyUnseen(
  finding: Finding,
  operations: ReadonlyMap<number, Operation>,
  baseline: OperationBaseline | undefined,
  callerWindows: readonly Rollup[],
): boolean {
  if (finding.signal !== 'calls' || finding.direction !== 'down' || baseline === undefined) return false;
  const caller = operations.get(finding.callerId);
  const callee = operations.get(finding.operationId);
  if (caller === undefined || callee === undefined) return false;
  if (caller.kind !== KIND_CLIENT || caller.serviceId === callee.serviceId) return false;
  const latency = callerWindows.reduce((sum, rollup) => sum.merge(rollup.latency), new Histogram());
  const errors = callerWindows.reduce((sum, rollup) => sum + rollup.errors, 0);
  const [now, usual] = [latency.quantile(0.5), baseline.latency.quantile(0.5)];
  if (now === null || usual === null || baseline.n === 0) return false;
  const isAsFast = now <= usual * SAME_FACTOR && now >= usual / SAME_FACTOR;
  return isAsFast && errors / latency.count <= baseline.errors / baseline.n + MORE_ERRORS;
}

/**
 * Surges of traffic that every entry shows at once, by the same factor, are held back: senders began to sample more, or spans are sent
 * twice, far rather than that all users came back together. A drop of that kind is still told, since it may be an outage before the door.
 */
export function withoutCommonSurge(findings: readonly Finding[], entries: number): Finding[] {
  const surges = findings.filter((finding) => finding.signal === 'traffic' && finding.direction === 'up');
  if (entries < MIN_ENTRIES || surges.length < entries) return [...findings];
  const ratios = surges.map((finding) => finding.observed / finding.expected);
  if (Math.max(...ratios) > Math.min(...ratios) * ALIKE_FACTOR) return [...findings];
  return findings.map((finding) =>
    surges.includes(finding) && finding.raised ? { ...finding, raised: false, reason: 'all_entries_alike' } : finding,
  );
}
