import { byScore, type Rival, type RivalCase, type RivalTrace } from './rival.js';

const SIGMAS = 3;
const MIN_SUPPORT = 0.1;

/**
 * TraceRCA on single services: Jaccard index of "the trace goes through it" and "the trace is abnormal", from support and confidence, times
 * how many more abnormal traces call it slowly than it calls others slowly (or the other way round). A call between services is abnormal
 * beyond mean + 3 standard deviations, a trace when one of its calls is. The authors look at sets of services too, and then rank by
 * singletons all the same; their anomaly detector looks at more metrics than these data have.
 */
export const traceRca: Rival = {
  name: 'TraceRCA',
  source: 'Li et al. (IWQoS 2021): 1 / (1/support + 1/confidence − 1) × |in − out|, support ≥ 0.1',
  rank({ traces, past }) {
    const [all, bad, slowIn, slowOut] = [new Counts(), new Counts(), new Counts(), new Counts()];
    let abnormal = 0;
    for (const trace of traces) {
      const { into, outOf } = slowCalls(trace, past);
      const services = new Set(trace.service);
      all.add(services);
      if (into.size === 0) continue;
      abnormal += 1;
      bad.add(services);
      slowIn.add(into);
      slowOut.add(outOf);
    }
    const scores = new Map<number, number>();
    for (const [service, count] of bad.entries()) {
      const support = count / abnormal;
      const confidence = count / all.of(service);
      if (support < MIN_SUPPORT) continue;
      const jaccard = 1 / (1 / support + 1 / confidence - 1);
      scores.set(service, jaccard * Math.abs(slowIn.of(service) - slowOut.of(service)));
    }
    return byScore(scores);
  },
};

/** Services that are called, and that call, with an abnormal duration in this trace; a root is called by nobody. */
function slowCalls(trace: RivalTrace, past: RivalCase['past']): { into: Set<number>; outOf: Set<number> } {
  const into = new Set<number>();
  const outOf = new Set<number>();
  trace.operation.forEach((id, i) => {
    const normal = past.get(id);
    const up = trace.parent[i]!;
    if (normal === undefined || (up !== -1 && trace.service[up] === trace.service[i])) return;
    if (trace.durationUs[i]! <= normal.durationMean + SIGMAS * normal.durationSd) return;
    into.add(trace.service[i]!);
    if (up !== -1) outOf.add(trace.service[up]!);
  });
  return { into, outOf };
}

/** In how many traces a service occurs. */
class Counts {
  private readonly counts = new Map<number, number>();

  add(services: Iterable<number>): void {
    for (const service of services) this.counts.set(service, this.of(service) + 1);
  }

  of(service: number): number {
    return this.counts.get(service) ?? 0;
  }

  entries(): Iterable<[number, number]> {
    return this.counts;
  }
}
