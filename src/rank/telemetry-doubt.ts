import type { Finding } from '../model/anomaly.js';
import type { Baselines } from '../model/baseline.js';
import type { Cause, Evidence } from '../model/cause.js';
import type { Operation } from '../model/operation.js';
import type { WindowMeasure } from '../model/rollup.js';
import { explain } from './explain.js';

/** An operation that fell silent is missed when so many spans of it were due; one is new when it has been learned for less than two minutes. */
const MIN_DUE = 5;
const NEW_BELOW_WINDOWS = 12;
/** New names stand in for old ones when they make up between half and twice of what is missing. */
const ALIKE_FACTOR = 2;
/** So many entries must have lost the same part of their traffic, within this factor. */
const MIN_ENTRIES = 3;
const SAME_FACTOR = 1.5;
/** There are two explanations then, and nothing in the spans tells which is true. */
const CONFIDENCE = 0.5;

/**
 * Causes with what speaks against them: where the names of a service's operations, or the sampling of all, changed in the same windows, it may be
 * the telemetry that changed and not the system. It is the first evidence of such causes, and their scores are halved.
 */
export function withTelemetryDoubts(
  causes: readonly Cause[],
  group: readonly Finding[],
  windows: readonly WindowMeasure[],
  baselines: Baselines,
  operations: ReadonlyMap<number, Operation>,
): Cause[] {
  const sampling = samplingDoubt(group);
  const names = nameDoubts(windows, baselines, operations);
  return causes
    .map((cause) => {
      const doubt = names.get(operations.get(cause.operationId)?.serviceId ?? 0) ?? sampling;
      return doubt === null
        ? cause
        : { ...cause, score: cause.score * CONFIDENCE, evidence: [doubt, ...cause.evidence] };
    })
    .sort((a, b) => b.score - a.score || a.operationId - b.operationId);
}

/** By service: operations never seen before in the place of known ones that fell silent. */
function nameDoubts(
  windows: readonly WindowMeasure[],
  baselines: Baselines,
  operations: ReadonlyMap<number, Operation>,
): Map<number, Evidence> {
  const seen = new Map<number, number>();
  for (const { operationId, n } of windows.flatMap(({ rollups }) => rollups)) {
    seen.set(operationId, (seen.get(operationId) ?? 0) + n);
  }
  const sums = new Map<number, { missing: number; fresh: number; all: number }>();
  const sumOf = (operationId: number): { missing: number; fresh: number; all: number } => {
    const serviceId = operations.get(operationId)?.serviceId ?? 0;
    let sum = sums.get(serviceId);
    if (sum === undefined) sums.set(serviceId, (sum = { missing: 0, fresh: 0, all: 0 }));
    return sum;
  };
  for (const [operationId, n] of seen) {
    const sum = sumOf(operationId);
    sum.all += n;
    if ((baselines.operations.get(operationId)?.windows ?? 0) < NEW_BELOW_WINDOWS) sum.fresh += n;
  }
  for (const [operationId, { n, windows: learned }] of baselines.operations) {
    const due = (n / Math.max(1, learned)) * windows.length;
    if (due >= MIN_DUE && learned >= NEW_BELOW_WINDOWS && !seen.has(operationId)) sumOf(operationId).missing += due;
  }
  const doubts = new Map<number, Evidence>();
  for (const [serviceId, { missing, fresh, all }] of sums) {
    if (missing === 0 || fresh < missing / ALIKE_FACTOR || fresh > missing * ALIKE_FACTOR) continue;
    doubts.set(serviceId, doubt('names_changed', fresh / all, fresh));
  }
  return doubts;
}

/** A drop of traffic that many entries show at once, by the same factor: less is sampled, or spans do not arrive. */
function samplingDoubt(group: readonly Finding[]): Evidence | null {
  const drops = group.filter(({ signal, direction }) => signal === 'traffic' && direction === 'down');
  if (drops.length < MIN_ENTRIES) return null;
  const kept = drops.map(({ observed, expected }) => observed / expected);
  const least = Math.min(...kept);
  if (least <= 0 || Math.max(...kept) > least * SAME_FACTOR) return null;
  const n = drops.reduce((sum, finding) => sum + finding.n, 0);
  return doubt('sampling_changed', kept.reduce((a, b) => a + b, 0) / kept.length, n);
}

function doubt(kind: 'names_changed' | 'sampling_changed', observed: number, n: number): Evidence {
  const evidence = { kind, observed, expected: kind === 'names_changed' ? 0 : 1, unit: 'ratio' as const, n, share: 0 };
  return { ...evidence, text: explain(evidence) };
}
