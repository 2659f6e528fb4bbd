import { HOUR_MS } from '../../src/model/window.js';
import type { Season } from './system.js';

const DAY_MS = 24 * HOUR_MS;
/** 1970-01-05 was a Monday. */
const MONDAY_MS = 4 * DAY_MS;
const CHANGE_MS = 3 * HOUR_MS;

/** Traffic at an instant over its mean on a working day: a wave of a day's length, lower at the weekend, UTC. */
export function seasonAt(season: Season, atMs: number): number {
  const hour = (atMs % DAY_MS) / HOUR_MS;
  const day = 1 + season.dayAmplitude * Math.cos((2 * Math.PI * (hour - season.peakHour)) / 24);
  return day * weekFactor(season, atMs);
}

/** Weekends begin and end within three hours, not at a stroke. */
function weekFactor(season: Season, atMs: number): number {
  const inWeekMs = (((atMs - MONDAY_MS) % (7 * DAY_MS)) + 7 * DAY_MS) % (7 * DAY_MS);
  const sinceSaturday = (inWeekMs - 5 * DAY_MS) / CHANGE_MS;
  const sinceMonday = inWeekMs / CHANGE_MS;
  const weekendness = sinceSaturday >= 0 ? Math.min(1, sinceSaturday) : Math.max(0, 1 - sinceMonday);
  return 1 + (season.weekend - 1) * weekendness;
}
