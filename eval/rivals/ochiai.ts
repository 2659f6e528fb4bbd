import { isAbnormal, nameWith } from './abnormal-trace.js';
import { byScore, type Rival } from './rival.js';

/**
 * Spectrum-based fault localisation: a service is suspect when abnormal traces go through it and normal ones do not.
 * ef / √((ef + nf)(ef + ep)), with ef and nf abnormal traces with and without it, ep normal ones with it.
 */
export const ochiai = (sigmas: number): Rival => ({
  name: nameWith('Ochiai', sigmas),
  source: 'Abreu, Zoeteweij, van Gemund (PRDC 2006), on services',
  rank({ traces, past }) {
    const failed = new Map<number, number>();
    const passed = new Map<number, number>();
    let abnormal = 0;
    for (const trace of traces) {
      const bad = isAbnormal(trace, past, sigmas);
      if (bad) abnormal += 1;
      const counts = bad ? failed : passed;
      for (const service of new Set(trace.service)) counts.set(service, (counts.get(service) ?? 0) + 1);
    }
    const scores = new Map<number, number>();
    for (const [service, ef] of failed) {
      scores.set(service, ochiaiOf(ef, abnormal - ef, passed.get(service) ?? 0));
    }
    return byScore(scores);
  },
});

/** Ochiai's coefficient; 0 when nothing failed. */
export function ochiaiOf(ef: number, nf: number, ep: number): number {
  return ef === 0 ? 0 : ef / Math.sqrt((ef + nf) * (ef + ep));
}
