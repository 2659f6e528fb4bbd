import { describe, expect, it } from '@jest/globals';
import { emptyOperationBaseline } from '../model/baseline.js';
import { Histogram } from '../model/histogram.js';
import { DEFAULT_POLICY } from '../model/policy.js';
import type { OperationWindow } from './evidence.js';
import { operationTests } from './tests.js';

const durations = (n: number): Histogram => {
  const histogram = new Histogram();
  histogram.add(1000, n);
  return histogram;
};
const past = { ...emptyOperationBaseline(), windows: 60, n: 600, latency: durations(600), selfTime: durations(600) };
const windows = (n: number, errors: number): OperationWindow[] => [
  { windowAtMs: 0, rollup: { n, errors, selfTime: durations(n) } as OperationWindow['rollup'] },
];

describe('operationTests', () => {
  it.each([
    { name: 'durations, when there are spans enough', n: 10, errors: 0, baseline: past, want: 2 },
    { name: 'errors, when something failed', n: 10, errors: 1, baseline: past, want: 3 },
    { name: 'nothing of three spans', n: 2, errors: 0, baseline: past, want: 0 },
    { name: 'nothing while learning', n: 10, errors: 1, baseline: { ...past, windows: 3 }, want: 0 },
    {
      name: 'traffic, at an entry',
      n: 10,
      errors: 0,
      baseline: { ...past, entries: 600, perWindowSum: 600 },
      want: 3,
    },
  ])('counts $name', ({ n, errors, baseline, want }) =>
    expect(operationTests(windows(n, errors), baseline, DEFAULT_POLICY)).toBe(want),
  );
});
