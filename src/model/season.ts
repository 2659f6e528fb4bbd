/** Extremes of what an operation did, minute by minute, in one hour. */
export interface HourSeen {
  /** Fewest and most spans a window. */
  leastN: number;
  mostN: number;
  /** Highest median, upper decile and error ratio of a minute; 0 where no minute held enough spans. */
  p50Us: number;
  p90Us: number;
  selfP90Us: number;
  errorRatio: number;
}

/** In the order in which they are stored. */
export const FIGURES = [
  'leastN',
  'mostN',
  'p50Us',
  'p90Us',
  'selfP90Us',
  'errorRatio',
] as const satisfies (keyof HourSeen)[];

/** One hour of the week of one operation: the hour under way or last seen, and the weeks before it. */
export interface WeekHour {
  startMs: number;
  now: HourSeen;
  weeks: number;
  past: HourSeen | null;
}

/** The same hour on the seven days of the week, Sunday first; null where it was never seen. */
export type DayHours = (WeekHour | null)[];

/** What operations did by hour of the week, by `seasonKey`. */
export type Seasons = Map<string, DayHours>;

export interface HourOfWeek {
  day: number;
  hour: number;
}

export function seasonKey(operationId: number, hour: number): string {
  return `${operationId}@${hour}`;
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const formats = new Map<string, Intl.DateTimeFormat>();

/** Day (0 is Sunday) and hour of an instant by the clocks of an IANA time zone, daylight saving included. Throws on an unknown zone. */
export function hourOfWeek(instantMs: number, timeZone: string): HourOfWeek {
  let format = formats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', { timeZone, weekday: 'short', hour: '2-digit', hourCycle: 'h23' });
    formats.set(timeZone, format);
  }
  const parts = new Map(format.formatToParts(instantMs).map(({ type, value }) => [type, value]));
  return { day: DAYS.indexOf(parts.get('weekday')!), hour: Number(parts.get('hour')) };
}

/**
 * What this hour of the week was like before: that of earlier weeks, drawn towards the same hour of other days the fewer weeks there were
 * (w / (w + 1) and the rest). Null when neither was seen.
 */
export function seasonalNormal(days: DayHours | undefined, day: number, atMs: number): HourSeen | null {
  if (days === undefined) return null;
  const same = days[day] ?? null;
  const own = same === null ? null : isUnderWay(same, atMs) ? same.past : mixed(same.now, same.past, same.weeks);
  const weeks = same === null || own === null ? 0 : isUnderWay(same, atMs) ? same.weeks : same.weeks + 1;
  const others = days.flatMap((other, i) =>
    other === null || i === day ? [] : [mixed(other.now, other.past, other.weeks)],
  );
  const other = others.length === 0 ? null : mean(others);
  if (own === null || other === null) return own ?? other;
  return blend(own, other, weeks / (weeks + 1));
}

const HALF_A_DAY_MS = 12 * 3_600_000;

/** The clocks may show the same hour twice when daylight saving ends, up to three hours apart where they are set half an hour off: it is one. */
export function isUnderWay(hour: WeekHour, atMs: number): boolean {
  return atMs - hour.startMs < HALF_A_DAY_MS;
}

/** The newest week weighs half, or its equal share while there were fewer. */
export function mixed(now: HourSeen, past: HourSeen | null, weeks: number): HourSeen {
  return past === null ? now : blend(now, past, Math.max(0.5, 1 / (weeks + 1)));
}

function mean(hours: readonly HourSeen[]): HourSeen {
  return hours.reduce((sum, hour, i) => blend(hour, sum, 1 / (i + 1)));
}

function blend(a: HourSeen, b: HourSeen, weight: number): HourSeen {
  const between = (of: (hour: HourSeen) => number): number => of(a) * weight + of(b) * (1 - weight);
  return {
    leastN: between((hour) => hour.leastN),
    mostN: between((hour) => hour.mostN),
    p50Us: between((hour) => hour.p50Us),
    p90Us: between((hour) => hour.p90Us),
    selfP90Us: between((hour) => hour.selfP90Us),
    errorRatio: between((hour) => hour.errorRatio),
  };
}
