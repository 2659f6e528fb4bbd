import { z } from 'zod';
import type { MuteTime } from '../model/routing.js';
import { line } from '../text-line.js';
import { intervalProblem } from './mute-time.js';

const Ranges = z.array(z.string().max(40)).max(50).default([]);
const Clock = z.string().max(5);
const IntervalInput = z
  .strictObject({
    times: z
      .array(z.strictObject({ start: Clock, end: Clock }))
      .max(20)
      .default([]),
    weekdays: Ranges.describe('`monday`, `monday:friday`'),
    daysOfMonth: Ranges.describe('`1:15`, `-3:-1` from the end'),
    months: Ranges.describe('`january`, `1:3`'),
    years: Ranges.describe('`2026:2028`'),
    location: z.string().max(60).default('UTC').describe('IANA time zone.'),
  })
  .superRefine((interval, context) => {
    const problem = intervalProblem(interval);
    if (problem) context.addIssue({ code: 'custom', path: problem.field.split('.'), message: problem.message });
    if (!isTimeZone(interval.location)) {
      context.addIssue({
        code: 'custom',
        path: ['location'],
        message: 'expected an IANA time zone such as Europe/Berlin',
      });
    }
  });
export const MuteTimeInput = z
  .strictObject({
    intervals: z
      .array(IntervalInput)
      .min(1)
      .max(50)
      .describe('An instant is in the mute time when it is in one of them; in one of each list given.'),
  })
  .meta({ id: 'MuteTimeInput' });
export type MuteTimeInput = z.infer<typeof MuteTimeInput>;
export const MuteTimeView = z.object({ name: z.string(), intervals: z.array(z.unknown()) }).meta({ id: 'MuteTime' });
export const MuteTimeList = z.object({ muteTimes: z.array(MuteTimeView) }).meta({ id: 'MuteTimeList' });
export type MuteTimeList = { muteTimes: MuteTime[] };
export const MuteTimePath = z.strictObject({ name: line(100) });
export type MuteTimePath = z.infer<typeof MuteTimePath>;

function isTimeZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
