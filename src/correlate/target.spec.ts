import { describe, expect, it } from '@jest/globals';
import type { Finding } from '../model/anomaly.js';
import type { Incident } from '../model/incident.js';
import { targetsOf } from './target.js';

function finding(operationId: number, score: number, change: Partial<Finding> = {}): Finding {
  return {
    signal: 'latency',
    operationId,
    callerId: 0,
    windowAtMs: 100,
    raised: true,
    reason: 'raised',
    direction: 'up',
    quantile: 0.95,
    observed: 2,
    expected: 1,
    unit: 'us',
    n: 10,
    baselineN: 100,
    score,
    sinceMs: 80,
    ...change,
  };
}

const incident = (causeId: number) =>
  ({
    causes: [{ operationId: causeId, service: `s${Math.floor(causeId / 10)}` }],
    affected: [11, 12, 21, 31].map((operationId) => ({ operationId, service: `s${Math.floor(operationId / 10)}` })),
  }) as Pick<Incident, 'affected' | 'causes'>;

describe('targetsOf', () => {
  it.each([
    ['the operation that is blamed', [finding(11, 90), finding(21, 20)], 21, 21],
    ['one of the blamed service', [finding(31, 90), finding(12, 20)], 11, 12],
    ['the strongest', [finding(31, 20), finding(12, 90)], 21, 12],
    ['the first of equals', [finding(31, 20), finding(12, 20)], 21, 12],
  ])('%s', (_name, findings, cause, expected) => {
    expect(targetsOf(findings, incident(cause))[0]).toEqual({
      operationId: expected,
      calleeId: null,
      bad: 'slow',
      sinceMs: 80,
    });
  });

  it('looks at the caller when calls deviate', () => {
    const calls = { signal: 'calls', callerId: 5, unit: 'calls_per_call' } as const;
    const target = { operationId: 5, calleeId: 11, sinceMs: 80 };
    expect(targetsOf([finding(11, 9, { ...calls, direction: 'down' })], incident(11))).toEqual([
      {
        ...target,
        bad: 'lacking_call',
      },
    ]);
    expect(targetsOf([finding(11, 9, { ...calls, direction: 'up' })], incident(11))).toEqual([
      {
        ...target,
        bad: 'repeating_call',
      },
    ]);
  });

  it('looks at the caller when time between the two deviates', () => {
    const gap = finding(11, 9, { signal: 'gap', callerId: 5 });
    expect(targetsOf([gap], incident(11))).toEqual([{ operationId: 5, calleeId: null, bad: 'slow', sinceMs: 80 }]);
  });

  it('names what is equally bad once, and three at most', () => {
    const all = [11, 12, 21, 31].flatMap((id) => [finding(id, id), finding(id, id, { signal: 'self_time' })]);
    expect(targetsOf(all, incident(21)).map((target) => target.operationId)).toEqual([21, 31, 12]);
  });

  it('begins with the first deviating window of any of its series', () => {
    expect(targetsOf([finding(11, 90), finding(12, 20, { sinceMs: 60 })], incident(11))[0]?.sinceMs).toBe(60);
  });

  it.each([
    ['nothing', []],
    ['what was held back', [finding(11, 90, { raised: false, reason: 'low_volume' })]],
    ['another incident', [finding(99, 90)]],
    ['less traffic', [finding(11, 90, { signal: 'traffic', direction: 'down' })]],
  ])('has none: %s', (_name, findings) => {
    expect(targetsOf(findings, incident(11))).toEqual([]);
  });
});
