import { floorHour, floorMinute, HOUR_MS, MINUTE_MS } from '../model/window.js';

/** Tables that hold what operations did, by the length of their rows. */
export const GRAINS = ['rollups', 'minute_rollups', 'hour_rollups'] as const;
export type Grain = (typeof GRAINS)[number];

export interface Piece {
  grain: Grain;
  fromMs: number;
  toMs: number;
}

/** Event time in which every measured minute, and every whole hour, has its row. */
export interface Compacted {
  sinceMs: number;
  throughMs: number;
}

/**
 * A half-open period cut so that each piece is read from the coarsest table that has it exactly: hours, at both ends of them minutes, at both
 * ends of those windows. Both ends must be starts of windows. Every row lies within one multiple of `stepMs`. Pieces are in order and not empty.
 */
export function piecesOf(fromMs: number, toMs: number, compacted: Compacted | null, stepMs = HOUR_MS): Piece[] {
  const pieces: Piece[] = [];
  const add = (grain: Grain, from: number, to: number): void => {
    if (from < to) pieces.push({ grain, fromMs: from, toMs: to });
  };
  const minutes = within(fromMs, toMs, stepMs % MINUTE_MS === 0 ? compacted : null, MINUTE_MS, floorMinute);
  const hours = within(minutes.fromMs, minutes.toMs, stepMs % HOUR_MS === 0 ? compacted : null, HOUR_MS, floorHour);
  add('rollups', fromMs, minutes.fromMs);
  add('minute_rollups', minutes.fromMs, hours.fromMs);
  add('hour_rollups', hours.fromMs, hours.toMs);
  add('minute_rollups', hours.toMs, minutes.toMs);
  add('rollups', minutes.toMs, toMs);
  return pieces;
}

/** The whole units of the period that are compacted; empty at its end when there are none. */
function within(
  fromMs: number,
  toMs: number,
  compacted: Compacted | null,
  unitMs: number,
  floor: (ms: number) => number,
): { fromMs: number; toMs: number } {
  if (compacted === null) return { fromMs: toMs, toMs };
  const first = floor(Math.max(fromMs, compacted.sinceMs) + unitMs - 1);
  const end = floor(Math.min(toMs, compacted.throughMs));
  return first < end ? { fromMs: first, toMs: end } : { fromMs: toMs, toMs };
}
