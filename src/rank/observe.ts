import { edgeKey } from '../model/baseline.js';
import type { Histogram } from '../model/histogram.js';
import type { WindowMeasure } from '../model/rollup.js';
import type { Part } from './surprise.js';

/** What the windows of an incident hold, by operation and by edge: a list has one entry for each window that has something. */
export interface Observed {
  /** Sampled whole traces. */
  traces: number;
  sampledN: Map<number, number>;
  failures: Map<number, Part[]>;
  selfTime: Map<number, Histogram[]>;
  shapes: Map<number, ReadonlyMap<string, number>[]>;
  gap: Map<string, Histogram[]>;
}

/** Puts windows together; linear in the rollups that they hold. */
export function observe(windows: readonly WindowMeasure[]): Observed {
  const seen: Observed = {
    traces: 0,
    sampledN: new Map(),
    failures: new Map(),
    selfTime: new Map(),
    shapes: new Map(),
    gap: new Map(),
  };
  for (const window of windows) {
    seen.traces += window.sampledTraces;
    for (const { operationId, sampledN, failedHere, selfTime, shapes } of window.rollups) {
      if (sampledN === 0) continue;
      seen.sampledN.set(operationId, (seen.sampledN.get(operationId) ?? 0) + sampledN);
      put(seen.failures, operationId, { k: failedHere, n: sampledN });
      if (selfTime.count > 0) put(seen.selfTime, operationId, selfTime);
      if (shapes.size > 0) put(seen.shapes, operationId, shapes);
    }
    for (const { callerId, calleeId, gap } of window.edges) {
      if (gap.count > 0) put(seen.gap, edgeKey(callerId, calleeId), gap);
    }
  }
  return seen;
}

function put<K, T>(map: Map<K, T[]>, key: K, item: T): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [item]);
  else list.push(item);
}
