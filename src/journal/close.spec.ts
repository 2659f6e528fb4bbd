import { describe, expect, it } from '@jest/globals';
import { closableThrough } from './close.js';

const T = 1_700_000_000_000;

describe('closableThrough', () => {
  it.each([
    {
      name: 'the watermark less five seconds',
      watermark: 25_000,
      newest: 40_000,
      silent: 0,
      now: 60_000,
      expected: 20_000,
    },
    {
      name: 'not before the grace is over',
      watermark: 24_999,
      newest: 40_000,
      silent: 0,
      now: 60_000,
      expected: 10_000,
    },
    {
      name: 'all that was seen, after 30 s of silence',
      watermark: 25_000,
      newest: 40_000,
      silent: 30_000,
      now: 90_000,
      expected: 50_000,
    },
    { name: 'not yet after 29 s', watermark: 25_000, newest: 40_000, silent: 29_999, now: 90_000, expected: 20_000 },
    {
      name: 'no future of one service',
      watermark: 25_000,
      newest: 300_000,
      silent: 30_000,
      now: 60_000,
      expected: 70_000,
    },
    {
      name: 'a future that all live in',
      watermark: 300_000,
      newest: 310_000,
      silent: 30_000,
      now: 60_000,
      expected: 310_000,
    },
  ])('is $name', ({ watermark, newest, silent, now, expected }) => {
    const clock = { watermarkMs: T + watermark, newestMs: T + newest, updatedMs: T + now - silent };
    expect(closableThrough(clock, T + now) - T).toBe(expected);
  });
});
