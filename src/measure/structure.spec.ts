import { describe, expect, it } from '@jest/globals';
import type { StructuralSpan } from '../model/span.js';
import { measureWindow } from './measure.js';

const MANY = 100_000;

function trace(parentOf: (i: number) => number): StructuralSpan[] {
  return Array.from({ length: MANY }, (_, i) => ({
    traceId: 'one',
    spanId: `${i}`,
    parentSpanId: i === 0 ? '' : `${parentOf(i)}`,
    operationId: 1 + (i % 3),
    serviceId: 1 + (i % 2),
    kind: 1 + (i % 3),
    startUs: i,
    endUs: 3 * MANY - i,
    isError: i % 7 === 0,
    servedBy: '',
  }));
}

describe(`a trace of ${MANY} spans`, () => {
  it.each<{ name: string; parentOf: (i: number) => number }>([
    { name: 'one below the other', parentOf: (i) => i - 1 },
    { name: 'all below the first', parentOf: () => 0 },
    { name: 'each its own parent, beside a root', parentOf: (i) => i },
    { name: 'in one circle beside a root', parentOf: (i) => (i === 1 ? MANY - 1 : i - 1) },
    { name: 'in pairs that call each other, beside a root', parentOf: (i) => (i % 2 === 1 ? i + 1 : i - 1) },
    { name: 'whose parents are all missing', parentOf: (i) => MANY + i },
  ])('$name is measured, every span once, in time that grows with their number', ({ parentOf }) => {
    const began = process.cpuUsage();
    const { rollups } = measureWindow(0, [], new Map([['one', trace(parentOf)]]), 1);
    const { user } = process.cpuUsage(began);
    expect(rollups.reduce((sum, { sampledN }) => sum + sampledN, 0)).toBe(MANY);
    expect(user).toBeLessThan(5e6);
  });
});
