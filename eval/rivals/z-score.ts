import { byScore, raise, type Normal, type Rival, type RivalCase } from './rival.js';

/** Three-sigma folklore: services by the largest |z| of an operation's mean inclusive duration. */
export const highestDurationZ: Rival = {
  name: 'highest |z| of duration',
  source: 'mean of the window against mean and standard deviation of the past, per operation',
  rank: (given) =>
    largestZ(
      given,
      (trace) => trace.durationUs,
      ({ durationMean, durationSd }) => [durationMean, durationSd],
      Math.abs,
    ),
};

/** The same upwards only, for self time: what a caller waits for is not counted as its own. */
export const highestSelfTimeZ: Rival = {
  name: 'highest z of self time',
  source: 'as above, with the time in which a span is the deepest active one',
  rank: (given) =>
    largestZ(
      given,
      (trace) => trace.selfUs,
      ({ selfMean, selfSd }) => [selfMean, selfSd],
      (z) => z,
    ),
};

function largestZ(
  { traces, past }: RivalCase,
  valuesOf: (trace: RivalCase['traces'][number]) => readonly number[],
  normalOf: (normal: Normal) => [mean: number, sd: number],
  strength: (z: number) => number,
): number[] {
  const sums = new Map<number, { service: number; n: number; sum: number }>();
  for (const trace of traces) {
    const values = valuesOf(trace);
    trace.operation.forEach((id, i) => {
      let entry = sums.get(id);
      if (entry === undefined) sums.set(id, (entry = { service: trace.service[i]!, n: 0, sum: 0 }));
      entry.n += 1;
      entry.sum += values[i]!;
    });
  }
  const scores = new Map<number, number>();
  for (const [id, { service, n, sum }] of sums) {
    const normal = past.get(id);
    if (normal === undefined) continue;
    const [mean, sd] = normalOf(normal);
    if (sd > 0) raise(scores, service, strength((sum / n - mean) / sd));
  }
  return byScore(scores);
}
