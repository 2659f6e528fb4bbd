import { edgeKey } from '../model/baseline.js';
import type { Histogram } from '../model/histogram.js';
import type { InstancePart } from '../model/instance.js';
import type { Paths } from '../model/paths.js';
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
  instances: Map<number, ReadonlyMap<string, InstancePart>[]>;
  paths: Map<number, Paths[]>;
  /** Calls (n) and those of them that failed (k). */
  calls: Map<string, Part[]>;
  gap: Map<string, Histogram[]>;
}

/** A group is ranked several times, as a whole and by its services. */
const observed = new WeakMap<readonly WindowMeasure[], Observed>();

/** Puts windows together; linear in the rollups that they hold. The same list is put together once. */
export function observe(windows: readonly WindowMeasure[]): Observed {
  const known = observed.get(windows);
  if (known !== undefined) return known;
  const seen = together(windows);
  observed.set(windows, seen);
  return seen;
}

function together(windows: readonly WindowMeasure[]): Observed {
  const seen: Observed = {
    traces: 0,
    sampledN: new Map(),
    failures: new Map(),
    selfTime: new Map(),
    shapes: new Map(),
    instances: new Map(),
    paths: new Map(),
    calls: new Map(),
    gap: new Map(),
  };
  for (const window of windows) {
    seen.traces += window.sampledTraces;
    for (const { operationId, sampledN, failedHere, selfTime, shapes, instances, paths } of window.rollups) {
      if (sampledN === 0) continue;
      seen.sampledN.set(operationId, (seen.sampledN.get(operationId) ?? 0) + sampledN);
      put(seen.failures, operationId, { k: failedHere, n: sampledN });
      if (selfTime.count > 0) put(seen.selfTime, operationId, selfTime);
      if (shapes.size > 0) put(seen.shapes, operationId, shapes);
      if (instances.size > 0) put(seen.instances, operationId, instances);
      if (paths !== null) put(seen.paths, operationId, paths);
    }
    for (const { callerId, calleeId, calls, errors, gap } of window.edges) {
      put(seen.calls, edgeKey(callerId, calleeId), { k: errors, n: calls });
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
