import { WINDOW_MS, windowOf } from '../model/window.js';
import { GRACE_MS, IDLE_CLOSE_MS } from '../pipeline.js';

/** What closing needs of a tenant's clock; event times in epoch milliseconds, `updatedMs` wall clock. */
interface EventTime {
  watermarkMs: number;
  newestMs: number;
  updatedMs: number;
}

/**
 * The instant before which a tenant's windows can be closed: the watermark less the grace time, and after a silence everything that was
 * seen, except what lies in the future when the tenant as a whole does not (a host whose clock is ahead).
 */
export function closableThrough({ watermarkMs, newestMs, updatedMs }: EventTime, nowMs: number): number {
  const byWatermark = windowOf(watermarkMs - GRACE_MS);
  if (nowMs - updatedMs < IDLE_CLOSE_MS) return byWatermark;
  return Math.max(byWatermark, windowOf(Math.min(newestMs, Math.max(watermarkMs, nowMs))) + WINDOW_MS);
}
