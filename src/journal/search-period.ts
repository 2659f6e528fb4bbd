import { HOUR_MS } from '../model/window.js';

/** How far a tenant's event time has come (epoch ms); null when nothing is stored. */
export interface EventTime {
  watermarkMs: number | null;
  newestMs: number | null;
}

/**
 * The half-open period (epoch ms) that a search covers when it says only part of it: from an hour before the watermark, or before `to`,
 * up to the newest span. Without spans, time is the clock's.
 */
export function searchPeriod(
  fromMs: number | undefined,
  toMs: number | undefined,
  { watermarkMs, newestMs }: EventTime,
  nowMs: number,
): { fromMs: number; toMs: number } {
  // The newest span ended at that instant, perhaps some microseconds later.
  const end = toMs ?? (newestMs ?? nowMs) + 1;
  const from = fromMs ?? Math.min(watermarkMs ?? nowMs, end) - HOUR_MS;
  return { fromMs: from, toMs: Math.max(end, from + 1) };
}
