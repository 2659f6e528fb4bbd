import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { bearerKey, formatKey, KEY_RANDOM_BYTES, keyPrefix } from './key.js';

describe('keys', () => {
  it('are recognised by their form, and carry every random bit of the secret', () => {
    const random = fc.uint8Array({ minLength: KEY_RANDOM_BYTES, maxLength: KEY_RANDOM_BYTES });
    fc.assert(
      fc.property(random, (bytes) => {
        const { key, prefix } = formatKey(bytes);
        expect(keyPrefix(key)).toBe(prefix);
        expect(bearerKey(`Bearer ${key}`)).toBe(key);
        expect(Buffer.from(key.slice(12), 'base64url')).toEqual(Buffer.from(bytes.subarray(8)));
      }),
    );
  });

  it('are not made from too little chance', () => {
    expect(() => formatKey(new Uint8Array(39))).toThrow(RangeError);
  });

  const secret = 'A'.repeat(43);
  it.each([
    { key: `th_abc12345_${secret}`, prefix: 'abc12345' },
    { key: `th_ABC12345_${secret}`, prefix: null },
    { key: `th_abc1234_${secret}`, prefix: null },
    { key: `th_abc12345_${secret}A`, prefix: null },
    { key: `th_abc12345_${secret}\n`, prefix: null },
    { key: ` th_abc12345_${secret}`, prefix: null },
    { key: '', prefix: null },
  ])('prefix of $key', ({ key, prefix }) => {
    expect(keyPrefix(key)).toBe(prefix);
  });

  it.each([
    { header: 'Bearer abc', key: 'abc' },
    { header: 'bearer   abc  ', key: 'abc' },
    { header: 'Basic abc', key: null },
    { header: 'Bearer', key: null },
    { header: 'Bearer a b', key: null },
    { header: '', key: null },
  ])('key in "$header"', ({ header, key }) => {
    expect(bearerKey(header)).toBe(key);
  });
});
