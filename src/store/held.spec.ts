import { describe, expect, it } from '@jest/globals';
import { Held } from './held.js';

describe('Held', () => {
  it('lets go of what was not asked for longest when it gets too much', () => {
    const held = new Held<string, number>(10);
    held.set('a', 1, 4);
    held.set('b', 2, 4);
    expect(held.get('a')).toBe(1);
    held.set('c', 3, 4);
    expect(['a', 'b', 'c'].map((key) => held.get(key))).toEqual([1, undefined, 3]);
  });

  it('weighs a value by what it is now', () => {
    const held = new Held<string, number>(10);
    held.set('a', 1, 9);
    held.set('a', 2, 1);
    held.set('b', 3, 9);
    expect([held.get('a'), held.get('b')]).toEqual([2, 3]);
  });

  it('does not hold what is too much by itself, nor what that replaced', () => {
    const held = new Held<string, number>(10);
    held.set('a', 1, 1);
    held.set('a', 2, 11);
    expect(held.get('a')).toBeUndefined();
  });
});
