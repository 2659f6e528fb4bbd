import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { durationMs, formatDuration, parseDuration } from './duration.js';

describe('parseDuration', () => {
  const cases: [string, number | null][] = [
    ['0s', 0],
    ['90s', 90_000],
    ['1h30m', 5_400_000],
    ['3d', 259_200_000],
    ['2w', 1_209_600_000],
    ['300ms', 300],
    ['5', null],
    ['', null],
    ['-5m', null],
    ['5 m', null],
    ['1.5h', null],
    ['5M', null],
  ];
  it.each(cases)('%s: %p', (text, expected) => {
    expect(parseDuration(text)).toBe(expected);
  });

  it('reads what formatDuration writes', () => {
    fc.assert(
      fc.property(fc.nat(4e9), (ms) => {
        expect(durationMs(formatDuration(ms))).toBe(ms);
      }),
    );
  });
});
