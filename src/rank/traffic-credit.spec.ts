import { expect, it } from '@jest/globals';
import type { Finding } from '../model/anomaly.js';
import type { Trial } from './credit.js';
import { trafficCredits } from './traffic-credit.js';

/** shop (1) publishes (2), and the worker (3), a trace of its own, is linked to it; 9 is another entry. */
const CALLEES = new Map([
  [1, new Set([2])],
  [2, new Set([3])],
]);
const finding = (operationId: number, more: Partial<Finding> = {}): Finding => ({
  signal: 'traffic',
  operationId,
  callerId: 0,
  windowAtMs: 0,
  raised: true,
  reason: 'raised',
  direction: 'down',
  quantile: null,
  observed: 10,
  expected: 110,
  unit: 'per_window',
  n: 60,
  baselineN: 3000,
  score: 40,
  sinceMs: 0,
  ...more,
});
const amounts = (findings: Finding[]): Record<number, number> => {
  const graph = { callees: CALLEES, callers: new Map() };
  const trial = { findings, windows: [{}], graph } as unknown as Trial;
  return Object.fromEntries(trafficCredits(trial).map(({ operationId, amount }) => [operationId, Math.round(amount)]));
};

it.each([
  { name: 'by itself', findings: [finding(3)], want: { 3: 100 } },
  { name: 'with what sends to it: that explains it', findings: [finding(1), finding(3)], want: { 1: 100, 3: 20 } },
  {
    name: 'when nothing is published any more',
    findings: [finding(2, { signal: 'calls', callerId: 1 }), finding(3)],
    want: { 3: 20 },
  },
  {
    name: 'with an entry that has nothing to do with it',
    findings: [finding(9), finding(3)],
    want: { 9: 100, 3: 100 },
  },
  {
    name: 'while more is sent to it: that explains nothing',
    findings: [finding(1, { direction: 'up' }), finding(3)],
    want: { 1: 100, 3: 100 },
  },
  {
    name: 'with a finding that was held back',
    findings: [finding(1, { raised: false }), finding(3)],
    want: { 3: 100 },
  },
])('a drop at an entry $name', ({ findings, want }) => expect(amounts(findings)).toEqual(want));

it('does not excuse who stand in a circle', () => {
  CALLEES.set(3, new Set([1]));
  expect(amounts([finding(1), finding(3)])).toEqual({ 1: 100, 3: 100 });
});
