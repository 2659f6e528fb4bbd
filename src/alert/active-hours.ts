import { type ActiveHours, WEEKDAYS, type Weekday } from '../model/rule.js';

const formats = new Map<string, Intl.DateTimeFormat>();

/** Whether a rule is at work at an instant, by the clocks of its time zone: an hour that is skipped never comes, one that is repeated comes twice. */
export function isActive(hours: ActiveHours | null, atMs: number): boolean {
  if (hours === null) return true;
  const { day, minute } = wallClock(hours.timeZone, atMs);
  const yesterday = WEEKDAYS[(WEEKDAYS.indexOf(day) + 6) % 7]!;
  return hours.ranges.some(({ days, from, to }) => {
    const [begin, end] = [minuteOf(from), minuteOf(to)];
    if (begin < end) return days.includes(day) && minute >= begin && minute < end;
    return (days.includes(day) && minute >= begin) || (days.includes(yesterday) && minute < end);
  });
}

function wallClock(timeZone: string, atMs: number): { day: Weekday; minute: number } {
  let format = formats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    });
    formats.set(timeZone, format);
  }
  const parts = new Map(format.formatToParts(atMs).map(({ type, value }) => [type, value]));
  const day = parts.get('weekday')!.toLowerCase() as Weekday;
  return { day, minute: Number(parts.get('hour')) * 60 + Number(parts.get('minute')) };
}

function minuteOf(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3));
}
