import { describe, expect, it } from '@jest/globals';
import type { ActiveHours } from '../model/rule.js';
import { isActive } from './active-hours.js';

const office: ActiveHours = {
  timeZone: 'Europe/Berlin',
  ranges: [{ days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '09:00', to: '17:30' }],
};
const night: ActiveHours = { timeZone: 'UTC', ranges: [{ days: ['fri'], from: '22:00', to: '06:00' }] };
const always: ActiveHours = { timeZone: 'Asia/Kolkata', ranges: [{ days: ['sun'], from: '00:00', to: '24:00' }] };

describe('isActive', () => {
  const cases: [string, ActiveHours | null, string, boolean][] = [
    ['no hours', null, '2026-11-21T00:00:00Z', true],
    ['winter, before nine in Berlin', office, '2026-11-20T07:59:50Z', false],
    ['winter, nine in Berlin', office, '2026-11-20T08:00:00Z', true],
    ['summer, nine in Berlin', office, '2026-07-03T07:00:00Z', true],
    ['the end is exclusive', office, '2026-11-20T16:30:00Z', false],
    ['weekend', office, '2026-11-21T12:00:00Z', false],
    ['Friday night', night, '2026-11-20T23:00:00Z', true],
    ['its morning', night, '2026-11-21T05:59:59Z', true],
    ['Friday morning', night, '2026-11-20T05:00:00Z', false],
    ['Saturday night', night, '2026-11-21T23:00:00Z', false],
    ['half an hour of zone', always, '2026-11-21T18:30:00Z', true],
    ['half an hour of zone, before', always, '2026-11-21T18:29:59Z', false],
  ];
  it.each(cases)('%s', (_name, hours, at, expected) => {
    expect(isActive(hours, Date.parse(at))).toBe(expected);
  });
});
