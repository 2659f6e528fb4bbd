import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { wellFormed } from './well-formed.js';

describe('wellFormed', () => {
  it('mends halves of pairs, in names too, and leaves all else', () => {
    expect(wellFormed({ 'a\ud83d': ['b\udc00c', 1, null, true, { d: '🛒' }] })).toEqual({
      'a\uFFFD': ['b\uFFFDc', 1, null, true, { d: '🛒' }],
    });
    expect(wellFormed(undefined)).toBeUndefined();
  });

  it.each([
    [{ labels: [{ name: 'x\0' }] }, 'labels.0.name'],
    [{ labels: { 'x\0': 1 } }, 'labels'],
    ['\0', undefined],
  ])('refuses a NUL character and says where: %j', (value, field) => {
    expect(() => wellFormed(value)).toThrow(expect.objectContaining({ status: 400, field }));
  });

  it('changes nothing of what is well-formed', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        fc.pre(!text.includes('\\u0000') && !/\\ud[89a-f]/i.test(text));
        expect(wellFormed(value)).toEqual(value);
      }),
    );
  });
});
