import { describe, expect, it } from '@jest/globals';
import { fateOf } from './search-trace.js';

describe('fateOf', () => {
  it.each([
    { name: 'met at its newest match', newest: 50, met: 50, expected: 'show' },
    { name: 'met below its newest match', newest: 50, met: 49, expected: 'shown before' },
    { name: 'met by a copy that is not shown', newest: 40, met: 50, expected: 'comes later' },
    { name: 'met by a copy, without a match', newest: null, met: 50, expected: 'comes later' },
  ])('$name: $expected', ({ newest, met, expected }) => {
    expect(fateOf(newest, met)).toBe(expected);
  });
});
