import { Histogram } from '../model/histogram.js';
import type { Baselines } from '../model/baseline.js';
import { representedSpans, type Rollup, type WindowMeasure } from '../model/rollup.js';
import {
  type DayHours,
  FIGURES,
  hourOfWeek,
  type HourSeen,
  isUnderWay,
  mixed,
  seasonKey,
  type Seasons,
} from '../model/season.js';
import { floorHour, floorMinute } from '../model/window.js';

/** Fewer spans in a minute have no quantiles to speak of. */
const MIN_SPANS = 5;

/**
 * Folds windows, oldest first, into what the hours of the week are like, a minute at a time, and returns the keys that changed. As in
 * `learn`, operations in `excluded` and windows without data teach nothing. `entries` are operations whose silence is worth remembering.
 */
export function learnSeasons(
  seasons: Seasons,
  windows: readonly WindowMeasure[],
  entries: Iterable<number>,
  excluded: ReadonlySet<number>,
  timeZone: string,
): Set<string> {
  const changed = new Set<string>();
  for (const [minuteMs, minute] of byMinute(windows)) {
    const { day, hour } = hourOfWeek(minuteMs, timeZone);
    const rollups = new Map<number, Rollup[]>([...entries].map((operationId) => [operationId, []]));
    for (const rollup of minute.flatMap((window) => window.rollups)) {
      if (rollup.n === 0) continue;
      const its = rollups.get(rollup.operationId);
      if (its === undefined) rollups.set(rollup.operationId, [rollup]);
      else its.push(rollup);
    }
    for (const [operationId, its] of rollups) {
      if (excluded.has(operationId)) continue;
      const key = seasonKey(operationId, hour);
      let days = seasons.get(key);
      if (days === undefined) seasons.set(key, (days = Array.from({ length: 7 }, () => null)));
      if (observe(days, day, floorHour(minuteMs), minuteSeen(its, minute.length))) changed.add(key);
    }
  }
  return changed;
}

function byMinute(windows: readonly WindowMeasure[]): Map<number, WindowMeasure[]> {
  const minutes = new Map<number, WindowMeasure[]>();
  for (const window of windows) {
    if (window.n === 0) continue;
    const minuteMs = floorMinute(window.windowAtMs);
    const minute = minutes.get(minuteMs);
    if (minute === undefined) minutes.set(minuteMs, [window]);
    else minute.push(window);
  }
  return minutes;
}

function minuteSeen(rollups: readonly Rollup[], windows: number): HourSeen {
  const n = rollups.reduce((sum, rollup) => sum + rollup.n, 0);
  const perWindow = rollups.reduce((sum, rollup) => sum + representedSpans(rollup), 0) / windows;
  const errors = rollups.reduce((sum, rollup) => sum + rollup.errors, 0);
  const latency = rollups.reduce((sum, rollup) => sum.merge(rollup.latency), new Histogram());
  const selfTime = rollups.reduce((sum, rollup) => sum.merge(rollup.selfTime), new Histogram());
  const enough = latency.count >= MIN_SPANS;
  return {
    leastN: perWindow,
    mostN: perWindow,
    p50Us: enough ? latency.quantile(0.5)! : 0,
    p90Us: enough ? latency.quantile(0.9)! : 0,
    selfP90Us: selfTime.count >= MIN_SPANS ? selfTime.quantile(0.9)! : 0,
    errorRatio: enough ? errors / n : 0,
  };
}

/** False when the minute was within what the hour had shown before, as most are. */
function observe(days: DayHours, day: number, hourMs: number, seen: HourSeen): boolean {
  const before = days[day] ?? null;
  if (before === null) days[day] = { startMs: hourMs, now: seen, weeks: 0, past: null };
  else if (isUnderWay(before, hourMs)) {
    const now = widened(before.now, seen);
    if (FIGURES.every((figure) => now[figure] === before.now[figure])) return false;
    before.now = now;
  } else {
    const past = mixed(before.now, before.past, before.weeks);
    days[day] = { startMs: hourMs, now: seen, weeks: before.weeks + 1, past };
  }
  return true;
}

function widened(a: HourSeen, b: HourSeen): HourSeen {
  return {
    leastN: Math.min(a.leastN, b.leastN),
    mostN: Math.max(a.mostN, b.mostN),
    p50Us: Math.max(a.p50Us, b.p50Us),
    p90Us: Math.max(a.p90Us, b.p90Us),
    selfP90Us: Math.max(a.selfP90Us, b.selfP90Us),
    errorRatio: Math.max(a.errorRatio, b.errorRatio),
  };
}

/** Operations at which traffic comes in, so that their silence says something. */
export function entriesOf(known: Baselines): number[] {
  return [...known.operations].flatMap(([operationId, { n, entries }]) =>
    entries >= n / 2 && n > 0 ? [operationId] : [],
  );
}
