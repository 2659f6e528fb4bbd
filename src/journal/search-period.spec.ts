import { describe, expect, it } from '@jest/globals';
import { HOUR_MS } from '../model/window.js';
import { searchPeriod } from './search-period.js';

describe('searchPeriod', () => {
  const H = HOUR_MS;
  const time = { watermarkMs: 10 * H, newestMs: 10 * H + 5_000 };
  const none = { watermarkMs: null, newestMs: null };
  it.each<{
    name: string;
    given: [number | undefined, number | undefined];
    time: typeof time | typeof none;
    expected: [number, number];
  }>([
    {
      name: 'the hour before the watermark and what is ahead',
      given: [undefined, undefined],
      time,
      expected: [9 * H, 10 * H + 5_001],
    },
    { name: 'both as given', given: [H, 2 * H], time, expected: [H, 2 * H] },
    { name: 'an hour before a given end', given: [undefined, 5 * H], time, expected: [4 * H, 5 * H] },
    { name: 'up to the newest from a given start', given: [2 * H, undefined], time, expected: [2 * H, 10 * H + 5_001] },
    { name: 'nothing after the newest', given: [11 * H, undefined], time, expected: [11 * H, 11 * H + 1] },
    { name: 'an end in the future', given: [undefined, 20 * H], time, expected: [9 * H, 20 * H] },
    { name: 'the clock without spans', given: [undefined, undefined], time: none, expected: [99 * H, 100 * H + 1] },
  ])('$name', ({ given: [from, to], time: eventTime, expected: [fromMs, toMs] }) => {
    expect(searchPeriod(from, to, eventTime, 100 * H)).toEqual({ fromMs, toMs });
  });
});
