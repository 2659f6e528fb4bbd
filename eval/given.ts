import { learn } from '../src/baseline/learn.js';
import type { Baselines } from '../src/model/baseline.js';
import type { EventTemplate } from '../src/model/event.js';
import type { Operation } from '../src/model/operation.js';
import { DEFAULT_POLICY } from '../src/model/policy.js';
import type { WindowMeasure } from '../src/model/rollup.js';
import { floorMinute, MINUTE_MS, WINDOW_MS } from '../src/model/window.js';
import { noEvents } from './pure-run.js';
import { FAULT_REACH_MS } from '../tools/recorded/score.js';

/** When something was wrong, and nothing else that a label says. */
export interface Interval {
  startMs: number;
  endMs: number;
}

/**
 * "Window given": for each interval (in order of start) the causes that ranking finds in its windows, without detection. What is normal is
 * learned from the past only, as of the interval's start; minutes that touch an earlier interval or its tail (FAULT_REACH_MS from its start)
 * teach nothing, as an incident window would not. An interval without data has no causes.
 */
export function rankIntervals<T>(
  windows: readonly WindowMeasure[],
  intervals: readonly Interval[],
  operations: ReadonlyMap<number, Operation>,
  templates: Map<number, EventTemplate>,
  ranking: (windows: readonly WindowMeasure[], baselines: Baselines, operations: ReadonlyMap<number, Operation>) => T,
): (T | null)[] {
  const baselines: Baselines = { operations: new Map(), edges: new Map(), events: noEvents(operations, templates) };
  const byMinute = new Map<number, WindowMeasure[]>();
  for (const window of windows) {
    const minute = floorMinute(window.windowAtMs);
    const list = byMinute.get(minute);
    if (list === undefined) byMinute.set(minute, [window]);
    else list.push(window);
  }
  const minutes = [...byMinute.keys()].sort((a, b) => a - b);
  let next = 0;
  return intervals.map(({ startMs, endMs }) => {
    for (; next < minutes.length && minutes[next]! + MINUTE_MS <= startMs; next += 1) {
      const minute = minutes[next]!;
      const isCalm = !intervals.some(
        (other) => other.startMs < minute + MINUTE_MS && minute < other.startMs + FAULT_REACH_MS,
      );
      if (isCalm) learn(baselines, byMinute.get(minute)!, new Set(), DEFAULT_POLICY);
    }
    const given = windows.filter(
      (window) => window.n > 0 && window.windowAtMs >= startMs && window.windowAtMs + WINDOW_MS <= endMs,
    );
    return given.length === 0 ? null : ranking(given, baselines, operations);
  });
}
