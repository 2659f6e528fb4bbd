import { describe, expect, it } from '@jest/globals';
import { parseSeries } from './series-notation.js';

describe('parseSeries', () => {
  const cases: [string, (number | null)[]][] = [
    ['5', [5]],
    ['1 2 3', [1, 2, 3]],
    ['0+10x3', [0, 10, 20, 30]],
    ['10-2x2', [10, 8, 6]],
    ['-2+4x3', [-2, 2, 6, 10]],
    ['1x4', [1, 1, 1, 1, 1]],
    ['1 _ 2', [1, null, 2]],
    ['_x3 1.5', [null, null, null, 1.5]],
  ];
  it.each(cases)('%s', (text, expected) => {
    expect(parseSeries(text)).toEqual(expected);
  });

  it.each(['', 'x3', '1x', '1+x2', 'stale', '1,2'])('refuses %p', (text) => {
    expect(() => parseSeries(text)).toThrow('is no value of a series');
  });
});
