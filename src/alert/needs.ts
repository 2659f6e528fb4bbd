import { durationMs } from '../model/duration.js';
import type { Rule } from '../model/rule.js';
import { HOUR_MS, MINUTE_MS, WINDOW_MS } from '../model/window.js';
import { FINE_UP_TO_MS, MINUTES_UP_TO_MS } from './history.js';

/** How far back, before the instant of an evaluation, rules look; 0: not at all. */
export interface Needs {
  fineMs: number;
  minutesMs: number;
  hoursMs: number;
  callsFineMs: number;
  callsMinutesMs: number;
  callsHoursMs: number;
  findings: boolean;
  matchesMs: number;
}

export const NO_NEEDS: Needs = {
  fineMs: 0,
  minutesMs: 0,
  hoursMs: 0,
  callsFineMs: 0,
  callsMinutesMs: 0,
  callsHoursMs: 0,
  findings: false,
  matchesMs: 0,
};

/** What has to be in memory to evaluate these rules. */
export function needsOf(rules: readonly Rule[]): Needs {
  const needs = { ...NO_NEEDS };
  for (const rule of rules) {
    if (!rule.enabled) continue;
    for (const { lengthMs, beforeMs } of stretchesOf(rule)) {
      const reach = lengthMs + beforeMs;
      // Whatever the level of its begin, its end is summed from finer steps.
      needs.fineMs = Math.max(
        needs.fineMs,
        lengthMs <= FINE_UP_TO_MS ? reach : Math.min(beforeMs, FINE_UP_TO_MS) + MINUTE_MS,
      );
      if (lengthMs > FINE_UP_TO_MS) {
        needs.minutesMs = Math.max(
          needs.minutesMs,
          lengthMs <= MINUTES_UP_TO_MS ? reach + MINUTE_MS : Math.min(beforeMs, MINUTES_UP_TO_MS) + HOUR_MS,
        );
      }
      if (lengthMs > MINUTES_UP_TO_MS) needs.hoursMs = Math.max(needs.hoursMs, reach + HOUR_MS);
    }
    if (rule.type === 'structural') {
      const [windowMs, referenceMs] = [durationMs(rule.window), durationMs(rule.reference)];
      const reach = windowMs + referenceMs;
      const isLong = referenceMs > MINUTES_UP_TO_MS;
      needs.callsFineMs = Math.max(needs.callsFineMs, referenceMs <= FINE_UP_TO_MS ? reach : windowMs + MINUTE_MS);
      if (referenceMs > FINE_UP_TO_MS) {
        needs.callsMinutesMs = Math.max(needs.callsMinutesMs, isLong ? windowMs + HOUR_MS : reach + MINUTE_MS);
      }
      if (isLong) needs.callsHoursMs = Math.max(needs.callsHoursMs, reach + HOUR_MS);
      needs.fineMs = Math.max(needs.fineMs, WINDOW_MS);
    }
    if (rule.type === 'anomaly' && rule.sensitivity === 'high') {
      needs.findings = true;
      needs.fineMs = Math.max(needs.fineMs, WINDOW_MS);
    }
    if (rule.type === 'trace_match') {
      needs.matchesMs = Math.max(needs.matchesMs, durationMs(rule.window));
      needs.fineMs = Math.max(needs.fineMs, WINDOW_MS);
    }
  }
  return needs;
}

/** Whether what was loaded for `had` is enough for `wanted`. */
export function covers(had: Needs, wanted: Needs): boolean {
  return (Object.keys(wanted) as (keyof Needs)[]).every((name) => Number(had[name]) >= Number(wanted[name]));
}

/** Stretches that the rule sums: their length, and how long before now they end. */
function stretchesOf(rule: Rule): { lengthMs: number; beforeMs: number }[] {
  switch (rule.type) {
    case 'threshold': {
      const lengthMs = durationMs(rule.window);
      const reference =
        rule.effect === null ? [] : [{ lengthMs: durationMs(rule.effect.reference), beforeMs: lengthMs }];
      return [{ lengthMs, beforeMs: 0 }, ...reference];
    }
    case 'burn_rate':
      return rule.windows.flatMap(({ long, short }) =>
        [long, short].map((text) => ({ lengthMs: durationMs(text), beforeMs: 0 })),
      );
    case 'absence': {
      const lengthMs = durationMs(rule.window);
      return [
        { lengthMs, beforeMs: 0 },
        { lengthMs: durationMs(rule.expectedWithin), beforeMs: lengthMs },
      ];
    }
    default:
      return [];
  }
}
