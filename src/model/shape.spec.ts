import { describe, expect, it } from '@jest/globals';
import { addShape, calleesOf, fadeShapes, shapeOf } from './shape.js';

describe('shape', () => {
  it('is the set of operations that a span called, whatever their order', () => {
    expect(shapeOf(new Set([12, 3]))).toBe('3,12');
    expect(calleesOf('3,12')).toEqual([3, 12]);
    expect(shapeOf(new Set())).toBe('');
    expect(calleesOf('')).toEqual([]);
  });

  it('is bounded: wide spans and too many shapes are counted together', () => {
    expect(shapeOf(new Set(Array.from({ length: 100 }, (_, i) => i)))).toBe('*');
    const shapes = new Map<string, number>();
    for (let i = 0; i < 1000; i++) addShape(shapes, String(i), 1);
    expect(shapes.size).toBeLessThanOrEqual(65);
    expect([...shapes.values()].reduce((a, b) => a + b, 0)).toBe(1000);
  });

  it('fades, and forgets what is gone', () => {
    const shapes = new Map([
      ['1', 10],
      ['2', 0.6],
    ]);
    fadeShapes(shapes);
    expect([...shapes]).toEqual([['1', 5]]);
  });
});
