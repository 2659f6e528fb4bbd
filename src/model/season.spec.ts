import { describe, expect, it } from '@jest/globals';
import { type DayHours, type HourSeen, hourOfWeek, seasonalNormal } from './season.js';

const at = (iso: string): number => Date.parse(iso);

describe('hourOfWeek', () => {
  const table: [instant: string, zone: string, day: number, hour: number][] = [
    ['2026-11-22T23:30:00Z', 'UTC', 0, 23],
    ['2026-11-22T23:30:00Z', 'Europe/Berlin', 1, 0],
    ['2026-11-22T23:30:00Z', 'Asia/Kolkata', 1, 5],
    // Daylight saving: nine in the morning stays nine in the morning.
    ['2026-03-27T08:00:00Z', 'Europe/Berlin', 5, 9],
    ['2026-03-30T07:00:00Z', 'Europe/Berlin', 1, 9],
    ['2026-10-26T08:00:00Z', 'Europe/Berlin', 1, 9],
    // The same hour twice, and an hour that there is not.
    ['2026-10-25T00:30:00Z', 'Europe/Berlin', 0, 2],
    ['2026-10-25T01:30:00Z', 'Europe/Berlin', 0, 2],
    ['2026-03-29T00:59:59Z', 'Europe/Berlin', 0, 1],
    ['2026-03-29T01:00:00Z', 'Europe/Berlin', 0, 3],
    // The day changes with the clocks of the people; some are set quarters of an hour off, and some by half an hour in summer.
    ['2026-03-01T04:30:00Z', 'America/New_York', 6, 23],
    ['2026-03-01T18:20:00Z', 'Asia/Kathmandu', 1, 0],
    ['2026-04-04T14:45:00Z', 'Australia/Lord_Howe', 0, 1],
    ['2026-04-04T15:15:00Z', 'Australia/Lord_Howe', 0, 1],
  ];
  it.each(table)('%s in %s', (instant, zone, day, hour) =>
    expect(hourOfWeek(at(instant), zone)).toEqual({ day, hour }),
  );

  it('throws on a zone that there is not', () => {
    expect(() => hourOfWeek(0, 'Mars/Olympus')).toThrow();
  });
});

describe('seasonalNormal', () => {
  const HOUR = 3_600_000;
  const seen = (p50Us: number): HourSeen => ({ leastN: 1, mostN: 1, p50Us, p90Us: 0, selfP90Us: 0, errorRatio: 0 });
  const days = (known: Record<number, DayHours[number]>): DayHours =>
    Array.from({ length: 7 }, (_, day) => known[day] ?? null);
  const now = 1000 * HOUR;
  const week = 168 * HOUR;
  const p50 = (known: Record<number, DayHours[number]>) => seasonalNormal(days(known), 1, now)?.p50Us ?? null;

  it('knows nothing of an hour that was never seen', () => {
    expect(seasonalNormal(undefined, 1, now)).toBeNull();
    expect(p50({})).toBeNull();
  });

  it('does not take the hour under way for its own past', () => {
    expect(p50({ 1: { startMs: now, now: seen(900), weeks: 0, past: null } })).toBeNull();
    expect(p50({ 1: { startMs: now, now: seen(900), weeks: 1, past: seen(100) } })).toBe(100);
  });

  it('takes the same hour of other days while the week is young, and believes the week the more the longer it is known', () => {
    const yesterday = { startMs: now - 24 * HOUR, now: seen(300), weeks: 0, past: null };
    expect(p50({ 0: yesterday })).toBe(300);
    expect(p50({ 0: yesterday, 1: { startMs: now - week, now: seen(100), weeks: 0, past: null } })).toBe(200);
    expect(p50({ 0: yesterday, 1: { startMs: now - week, now: seen(100), weeks: 8, past: seen(100) } })).toBe(120);
  });
});
