import { Histogram } from '../model/histogram.js';
import type { LearnedLatency, LoadStep, OperationLoad, ServiceLoad, WeightedLatency } from '../model/load.js';
import type { Policy } from '../model/policy.js';
import { isRare } from '../model/rare.js';
import { SPAN_KIND } from '../model/span.js';
import { waitsByDesign } from '../model/waits.js';
import type { OperationView, RedView, ServiceView } from './services-contract.js';

/** Figures of an operation over `seconds`; null where nothing was seen, since nothing is not zero. */
export function operationView(load: OperationLoad, seconds: number, policy: Policy): OperationView {
  const latency = mergeAll(load.latencies);
  return {
    id: load.id,
    service: load.service,
    name: load.name,
    kind: SPAN_KIND[load.kind] ?? 'unspecified',
    spansPerSecond: ratio(load.n, load.n === 0 ? 0 : seconds),
    errorRatio: ratio(load.errors, load.n),
    unknownWeightShare: unknownShare(load),
    p50Us: latency.quantile(0.5),
    p95Us: latency.quantile(0.95),
    lateShare: load.lateShare,
    waitsByDesign: load.baseline && waitsByDesign(load, load.baseline.latency),
    baseline: load.baseline && {
      p50Us: load.baseline.latency.quantile(0.5),
      p95Us: load.baseline.latency.quantile(0.95),
      n: load.baseline.n,
      state: isReady(load.baseline, policy) ? 'ready' : isRare(load.baseline, policy) ? 'rare' : 'learning',
    },
  };
}

/** Figures of a service over `seconds`; null where nothing was seen. */
export function serviceView(load: ServiceLoad, seconds: number): ServiceView {
  return {
    name: load.name,
    operations: load.operations,
    spansPerSecond: ratio(load.n, load.n === 0 ? 0 : seconds),
    errorRatio: ratio(load.failedRequests, load.requests),
    unknownWeightShare: unknownShare(load),
    p95Us: mergeAll(load.latencies).quantile(0.95),
    lastSeenAt: load.lastSeenAt,
    state: stateOf(load),
  };
}

/** Figures of one step; `seconds`: as much of it as is measured. */
export function redStep(step: LoadStep, seconds: number): RedView['steps'][number] {
  const latency = mergeAll(step.latencies);
  return {
    at: new Date(step.atMs).toISOString(),
    spansPerSecond: step.n / seconds,
    errorRatio: step.n > 0 ? step.errors / step.n : 0,
    p50Us: latency.quantile(0.5) ?? 0,
    p95Us: latency.quantile(0.95) ?? 0,
    p99Us: latency.quantile(0.99) ?? 0,
  };
}

function stateOf(load: ServiceLoad): ServiceView['state'] {
  if (load.inUnresolvedIncident) return 'deviating';
  if (load.n === 0) return 'silent';
  return load.hasReadyBaseline ? 'normal' : 'learning';
}

function isReady(baseline: LearnedLatency, policy: Policy): boolean {
  return baseline.windows >= policy.minWindows && baseline.n >= policy.minBaselineN;
}

function ratio(part: number, whole: number): number | null {
  return whole > 0 ? part / whole : null;
}

/** What stands for most counts fully, the others in proportion. */
function mergeAll(latencies: readonly WeightedLatency[]): Histogram {
  const most = Math.max(...latencies.map(({ weight }) => weight));
  const all = new Histogram();
  for (const { histogram, weight } of latencies) all.mergeScaled(Histogram.decode(histogram), weight / most);
  return all;
}

/** Share of the spans received that do not state how probably they were sampled. */
const unknownShare = ({ unknownWeight, received }: OperationLoad | ServiceLoad) => ratio(unknownWeight, received);
