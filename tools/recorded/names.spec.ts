import { describe, expect, it } from '@jest/globals';
import { Names } from './names.js';

describe('Names', () => {
  it('refuses more names than there are numbers', () => {
    const names = new Names(1);
    expect([names.number('a'), names.number('b'), names.number('a')]).toEqual([0, 1, 0]);
    expect(() => names.number('c')).toThrow('more than 2');
  });
});
