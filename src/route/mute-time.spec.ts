import { describe, expect, it } from '@jest/globals';
import type { TimeInterval } from '../model/routing.js';
import { intervalProblem, isWithin, quietBecauseOf } from './mute-time.js';

function interval(change: Partial<TimeInterval>): TimeInterval {
  return { times: [], weekdays: [], daysOfMonth: [], months: [], years: [], location: 'UTC', ...change };
}

describe('isWithin', () => {
  const night = [
    { start: '00:00', end: '06:00' },
    { start: '22:00', end: '24:00' },
  ];
  const cases: [string, Partial<TimeInterval>, string, boolean][] = [
    ['always', {}, '2026-11-21T12:00:00Z', true],
    ['from', { times: [{ start: '09:00', end: '17:00' }] }, '2026-11-21T09:00:00Z', true],
    ['to, exclusive', { times: [{ start: '09:00', end: '17:00' }] }, '2026-11-21T17:00:00Z', false],
    ['the last second', { times: [{ start: '09:00', end: '17:00' }] }, '2026-11-21T16:59:59Z', true],
    ['a night, late', { times: night }, '2026-11-21T23:59:59Z', true],
    ['a night, early', { times: night }, '2026-11-22T05:59:00Z', true],
    ['a night, by day', { times: night }, '2026-11-22T06:00:00Z', false],
    ['Saturday', { weekdays: ['saturday:saturday'] }, '2026-11-21T12:00:00Z', true],
    ['weekdays on Saturday', { weekdays: ['monday:friday'] }, '2026-11-21T12:00:00Z', false],
    ['Sunday begins the week', { weekdays: ['Sunday'] }, '2026-11-22T12:00:00Z', true],
    [
      'Friday in Berlin is Saturday in Auckland',
      { weekdays: ['saturday'], location: 'Pacific/Auckland' },
      '2026-11-20T12:00:00Z',
      true,
    ],
    ['last day of February', { daysOfMonth: ['-1'] }, '2026-02-28T12:00:00Z', true],
    ['last day of a leap February', { daysOfMonth: ['-1'] }, '2028-02-28T12:00:00Z', false],
    ['leap day', { daysOfMonth: ['-1'] }, '2028-02-29T12:00:00Z', true],
    ['more days than the month has', { daysOfMonth: ['-31:-1'] }, '2026-02-01T12:00:00Z', true],
    ['a day that the month has not', { daysOfMonth: ['31'] }, '2026-02-28T12:00:00Z', false],
    ['from the middle to the end', { daysOfMonth: ['15:-1'] }, '2026-02-14T12:00:00Z', false],
    ['months by name', { months: ['november:december'] }, '2026-11-21T12:00:00Z', true],
    ['months by number', { months: ['1:3'] }, '2026-11-21T12:00:00Z', false],
    ['years', { years: ['2026:2027'] }, '2028-01-01T00:00:00Z', false],
    ['new year in another zone', { years: ['2027'], location: 'Asia/Tokyo' }, '2026-12-31T15:00:00Z', true],
    [
      'all lists have to hold',
      { weekdays: ['saturday'], times: [{ start: '09:00', end: '17:00' }] },
      '2026-11-21T18:00:00Z',
      false,
    ],
    // Berlin: clocks go from 02:00 to 03:00 on 2026-03-29 and from 03:00 back to 02:00 on 2026-10-25.
    [
      'before the hour that is left out',
      { times: [{ start: '02:00', end: '03:00' }], location: 'Europe/Berlin' },
      '2026-03-29T00:59:59Z',
      false,
    ],
    [
      'the hour that is left out never comes',
      { times: [{ start: '02:00', end: '03:00' }], location: 'Europe/Berlin' },
      '2026-03-29T01:00:00Z',
      false,
    ],
    [
      'after it',
      { times: [{ start: '03:00', end: '04:00' }], location: 'Europe/Berlin' },
      '2026-03-29T01:00:00Z',
      true,
    ],
    [
      'the hour that comes twice, first',
      { times: [{ start: '02:00', end: '03:00' }], location: 'Europe/Berlin' },
      '2026-10-25T00:30:00Z',
      true,
    ],
    [
      'the hour that comes twice, second',
      { times: [{ start: '02:00', end: '03:00' }], location: 'Europe/Berlin' },
      '2026-10-25T01:30:00Z',
      true,
    ],
    [
      'nine in New York, summer',
      { times: [{ start: '09:00', end: '10:00' }], location: 'America/New_York' },
      '2026-07-01T13:30:00Z',
      true,
    ],
    [
      'nine in New York, winter',
      { times: [{ start: '09:00', end: '10:00' }], location: 'America/New_York' },
      '2026-12-01T13:30:00Z',
      false,
    ],
    [
      'half-hour zones',
      { times: [{ start: '12:00', end: '12:30' }], location: 'Asia/Kolkata' },
      '2026-11-21T06:30:00Z',
      true,
    ],
  ];
  it.each(cases)('%s', (_name, change, at, expected) => {
    expect(intervalProblem(interval(change))).toBeNull();
    expect(isWithin({ intervals: [interval(change)] }, Date.parse(at))).toBe(expected);
  });
});

describe('intervalProblem', () => {
  it.each([
    [{ times: [{ start: '22:00', end: '06:00' }] }, 'times.0'],
    [{ times: [{ start: '09:00', end: '24:01' }] }, 'times.0'],
    [{ times: [{ start: '9:00', end: '10:00' }] }, 'times.0'],
    [{ weekdays: ['monday', 'someday'] }, 'weekdays.1'],
    [{ weekdays: ['friday:monday'] }, 'weekdays.0'],
    [{ weekdays: ['monday:tuesday:friday'] }, 'weekdays.0'],
    [{ daysOfMonth: ['0'] }, 'daysOfMonth.0'],
    [{ daysOfMonth: ['32'] }, 'daysOfMonth.0'],
    [{ daysOfMonth: ['5:1'] }, 'daysOfMonth.0'],
    [{ daysOfMonth: ['-1:5'] }, 'daysOfMonth.0'],
    [{ months: ['13'] }, 'months.0'],
    [{ months: [''] }, 'months.0'],
    [{ years: ['2027:2026'] }, 'years.0'],
  ])('%j: %s', (change, field) => {
    expect(intervalProblem(interval(change))?.field).toBe(field);
  });
});

describe('quietBecauseOf', () => {
  const times = [
    { name: 'saturdays', intervals: [interval({ weekdays: ['saturday'] })] },
    { name: 'office', intervals: [interval({ times: [{ start: '09:00', end: '17:00' }] })] },
  ];
  const noon = Date.parse('2026-11-21T12:00:00Z');
  const evening = Date.parse('2026-11-22T20:00:00Z');
  it.each([
    [{ muteTimes: [], activeTimes: [] }, noon, null],
    [{ muteTimes: ['saturdays'], activeTimes: [] }, noon, 'saturdays'],
    [{ muteTimes: ['saturdays'], activeTimes: [] }, evening, null],
    [{ muteTimes: [], activeTimes: ['office'] }, noon, null],
    [{ muteTimes: [], activeTimes: ['office'] }, evening, 'not office'],
    [{ muteTimes: ['saturdays'], activeTimes: ['office'] }, noon, 'saturdays'],
    [{ muteTimes: ['deleted'], activeTimes: [] }, noon, null],
  ])('%j at %d: %s', (settings, at, expected) => {
    expect(quietBecauseOf(settings, times, at)).toBe(expected);
  });
});
