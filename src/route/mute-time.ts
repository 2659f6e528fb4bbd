import type { MuteTime, TimeInterval } from '../model/routing.js';

const WEEKDAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];
const MONTHS = [
  'january',
  'february',
  'march',
  'april',
  'may',
  'june',
  'july',
  'august',
  'september',
  'october',
  'november',
  'december',
];
const DAY_MS = 86_400_000;

/** Why a route is quiet now: the mute time that is on, or the active time that is not. Null: it is not quiet. */
export function quietBecauseOf(
  settings: { muteTimes: readonly string[]; activeTimes: readonly string[] },
  times: readonly MuteTime[],
  nowMs: number,
): string | null {
  const isOn = (name: string) => times.some((time) => time.name === name && isWithin(time, nowMs));
  const muted = settings.muteTimes.find(isOn);
  if (muted !== undefined) return muted;
  if (settings.activeTimes.length === 0 || settings.activeTimes.some(isOn)) return null;
  return `not ${settings.activeTimes.join(' or ')}`;
}

/** Whether the instant lies in one of the intervals: what the clock on the wall in its time zone shows, so a skipped hour never comes and a repeated one comes twice. */
export function isWithin(time: Pick<MuteTime, 'intervals'>, nowMs: number): boolean {
  return time.intervals.some((interval) => liesIn(interval, nowMs));
}

function liesIn(interval: TimeInterval, nowMs: number): boolean {
  const wall = wallClock(interval.location, nowMs);
  const any = <T>(ranges: readonly T[], holds: (range: T) => boolean) => ranges.length === 0 || ranges.some(holds);
  return (
    any(interval.times, ({ start, end }) => wall.minute >= minutes(start) && wall.minute < minutes(end)) &&
    any(interval.weekdays, (text) => isBetween(wall.weekday, bounds(text, weekday))) &&
    any(interval.daysOfMonth, (text) => isDayOfMonth(text, wall)) &&
    any(interval.months, (text) => isBetween(wall.month, bounds(text, month))) &&
    any(interval.years, (text) => isBetween(wall.year, bounds(text, Number)))
  );
}

interface WallClock {
  year: number;
  month: number;
  day: number;
  weekday: number;
  /** Since midnight, as the clock shows it. */
  minute: number;
  daysInMonth: number;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function wallClock(location: string, nowMs: number): WallClock {
  let format = formats.get(location);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: location,
      calendar: 'iso8601',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
    });
    formats.set(location, format);
  }
  const parts = Object.fromEntries(format.formatToParts(nowMs).map(({ type, value }) => [type, Number(value)]));
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0 } = parts;
  const midnight = Date.UTC(year, month - 1, day);
  return {
    year,
    month,
    day,
    weekday: new Date(midnight).getUTCDay(),
    minute: hour * 60 + minute,
    daysInMonth: (Date.UTC(year, month, 1) - Date.UTC(year, month - 1, 1)) / DAY_MS,
  };
}

/** Days before the first or after the last of a month are cut to it: `-31:-1` is the whole of February. */
function isDayOfMonth(text: string, { day, daysInMonth }: WallClock): boolean {
  const [first, last] = bounds(text, Number);
  const begin = Math.max(1, first < 0 ? daysInMonth + 1 + first : first);
  const end = Math.min(daysInMonth, last < 0 ? daysInMonth + 1 + last : last);
  return day >= begin && day <= end;
}

/** Null when the interval can be used, or what is wrong with it; `field` names where. */
export function intervalProblem(interval: TimeInterval): { field: string; message: string } | null {
  for (const [index, { start, end }] of interval.times.entries()) {
    const field = `times.${index}`;
    if (!isTime(start, 1_439) || !isTime(end, 1_440)) return { field, message: 'times are 00:00 to 24:00' };
    if (minutes(start) >= minutes(end)) {
      return { field, message: 'the end must be after the start; for a night, give two ranges' };
    }
  }
  const lists = [
    ['weekdays', interval.weekdays, weekday, 0, 6],
    ['months', interval.months, month, 1, 12],
    ['years', interval.years, Number, 1_970, 9_999],
  ] as const;
  for (const [field, ranges, number, least, most] of lists) {
    for (const [index, text] of ranges.entries()) {
      const [first, last] = bounds(text, number);
      if (!isWhole(first, least, most) || !isWhole(last, least, most) || first > last) {
        return { field: `${field}.${index}`, message: `expected a value or a range such as ${EXAMPLES[field]}` };
      }
    }
  }
  for (const [index, text] of interval.daysOfMonth.entries()) {
    const [first, last] = bounds(text, Number);
    const isDay = (day: number) => isWhole(day, -31, 31) && day !== 0;
    // A range from a day counted from the start to one counted from the end depends on the month.
    const backwards = first < 0 === last < 0 && first > last;
    if (!isDay(first) || !isDay(last) || backwards || (first < 0 && last > 0)) {
      return { field: `daysOfMonth.${index}`, message: 'expected a day or a range such as 1:15 or -3:-1' };
    }
  }
  return null;
}

const EXAMPLES = { weekdays: 'monday:friday', months: 'january or 1:3', years: '2026 or 2026:2028' };

function bounds(text: string, number: (word: string) => number): [number, number] {
  const [first = '', last = first, ...more] = text.split(':').map((word) => word.trim().toLowerCase());
  const read = (word: string) => (word === '' || more.length > 0 ? NaN : number(word));
  return [read(first), read(last)];
}

function weekday(word: string): number {
  const at = WEEKDAYS.indexOf(word);
  return at < 0 ? NaN : at;
}

function month(word: string): number {
  const at = MONTHS.indexOf(word);
  return at < 0 ? Number(word) : at + 1;
}

function minutes(time: string): number {
  const [hour, minute] = time.split(':');
  return Number(hour) * 60 + Number(minute);
}

function isTime(text: string, most: number): boolean {
  return /^([01]\d|2[0-4]):[0-5]\d$/.test(text) && minutes(text) <= most;
}

function isBetween(value: number, [first, last]: [number, number]): boolean {
  return value >= first && value <= last;
}

function isWhole(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}
