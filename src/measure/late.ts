import { MEASURED_AGAIN_MS } from '../model/late.js';
import type { Rollup, WindowMeasure } from '../model/rollup.js';
import { WINDOW_MS } from '../model/window.js';

/**
 * Whether a window that late spans reopened is measured again by the steps of (fromMs, toMs]: a minute after its end, and each minute after
 * that, so that a service that is always late costs as much as measuring once more, however many requests its spans come in.
 */
export function isDueAgain(windowAtMs: number, fromMs: number, toMs: number): boolean {
  for (let stepMs = fromMs + WINDOW_MS; stepMs <= toMs; stepMs += WINDOW_MS) {
    const ageMs = stepMs - (windowAtMs + WINDOW_MS);
    if (ageMs >= MEASURED_AGAIN_MS && ageMs % MEASURED_AGAIN_MS === 0) return true;
  }
  return false;
}

/** A window that was measured again, with how many spans of each operation were not there when it was measured first. */
export function withLate(again: WindowMeasure, before: WindowMeasure): WindowMeasure {
  const inTime = new Map(before.rollups.map(({ operationId, n, lateN = 0 }) => [operationId, n - lateN]));
  const rollups = again.rollups.map((rollup): Rollup => {
    const lateN = rollup.n - (inTime.get(rollup.operationId) ?? 0);
    return lateN > 0 ? { ...rollup, lateN } : rollup;
  });
  return { ...again, rollups };
}
