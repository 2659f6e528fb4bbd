import type { RivalCase, RivalTrace } from './rival.js';

/** Standard deviations beyond the mean in the code of MicroRank's authors. */
export const AUTHORS_SIGMAS = 1.5;

/**
 * Whether a trace took longer than expected: its root's duration exceeds the sum, over all its spans, of mean + `sigmas` standard deviations
 * of the own time of the span's operation, as in MicroRank (Yu et al., WWW 2021, section 4.1). Where own times scatter widely hardly
 * any trace does with the authors' factor, and methods that need abnormal traces are silent; so they are tried with 0 as well.
 */
export function isAbnormal(trace: RivalTrace, past: RivalCase['past'], sigmas: number): boolean {
  let actualUs = 0;
  let expectedUs = 0;
  trace.operation.forEach((id, i) => {
    if (trace.parent[i] === -1) actualUs = Math.max(actualUs, trace.durationUs[i]!);
    const normal = past.get(id);
    expectedUs += normal === undefined ? trace.selfUs[i]! : normal.selfMean + sigmas * normal.selfSd;
  });
  return actualUs > expectedUs;
}

/** How a method with that threshold is called in the table. */
export function nameWith(method: string, sigmas: number): string {
  return sigmas === AUTHORS_SIGMAS ? method : `${method}, ${sigmas} σ`;
}
