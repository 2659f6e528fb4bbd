import { expect, it } from '@jest/globals';
import { firstSeenOf } from './first-seen.js';

const MIN = 60_000;
const known = (value: string, firstMin: number) => ({
  service: 'cart',
  key: 'service.version',
  value,
  firstMs: firstMin * MIN,
  serviceSinceMs: 0,
});

it.each<[value: string, at: number | null, expected: { atMs: number; isNew: boolean } | null, name: string]>([
  ['1', 0, null, 'there when the service was first seen'],
  ['2', 4, null, 'there soon after'],
  ['3', 60, { atMs: 60 * MIN, isNew: false }, 'long known'],
  ['4', 95, { atMs: 95 * MIN, isNew: true }, 'shortly before'],
  ['5', 101, { atMs: 101 * MIN, isNew: true }, 'after it began'],
  ['6', 111, null, 'later than what was looked at'],
  ['7', null, null, 'never seen'],
] as const)(
  'version %s first seen at minute %s of an incident that began at minute 100: %j (%s)',
  (value, at, expected) => {
    const versions = at === null ? [] : [known(value, at)];
    expect(firstSeenOf(versions, 100 * MIN, 110 * MIN)('cart', 'service.version', value)).toEqual(expected);
  },
);
