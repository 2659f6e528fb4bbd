import { describe, expect, it } from '@jest/globals';
import { Histogram } from '../model/histogram.js';
import type { OperationLoad, ServiceLoad } from '../model/load.js';
import { DEFAULT_POLICY } from '../model/policy.js';
import { operationView, serviceView } from './load.js';

const histogram = (...values: number[]): Histogram => {
  const all = new Histogram();
  for (const value of values) all.add(value);
  return all;
};
const within = (value: number | null, expected: number): boolean =>
  value !== null && Math.abs(value - expected) <= expected * 0.017;

const operation: OperationLoad = {
  id: 7,
  service: 'cart',
  name: 'GetCart',
  kind: 2,
  received: 0,
  unknownWeight: 0,
  n: 0,
  errors: 0,
  latencies: [],
  lateShare: null,
  baseline: null,
};
const service: ServiceLoad = {
  name: 'cart',
  operations: 3,
  received: 600,
  unknownWeight: 600,
  n: 600,
  requests: 200,
  failedRequests: 50,
  latencies: [],
  lastSeenAt: '2026-03-01T12:00:00.000Z',
  hasReadyBaseline: true,
  inUnresolvedIncident: false,
};

describe('operationView', () => {
  it('shows null, not zero, where nothing was seen', () => {
    expect(operationView(operation, 300, DEFAULT_POLICY)).toEqual({
      id: 7,
      service: 'cart',
      name: 'GetCart',
      kind: 'server',
      spansPerSecond: null,
      unknownWeightShare: null,
      errorRatio: null,
      p50Us: null,
      p95Us: null,
      lateShare: null,
      waitsByDesign: null,
      baseline: null,
    });
  });

  it('merges the histograms of all windows before it takes quantiles', () => {
    const quick = Array.from({ length: 90 }, () => 1_000);
    const slow = Array.from({ length: 10 }, () => 80_000);
    const latencies = [quick, slow].map((values) => ({ histogram: histogram(...values).encode(), weight: 1 }));
    const view = operationView({ ...operation, n: 100, errors: 0, latencies }, 50, DEFAULT_POLICY);
    expect(view).toMatchObject({ spansPerSecond: 2, errorRatio: 0 });
    expect([within(view.p50Us, 1_000), within(view.p95Us, 80_000)]).toEqual([true, true]);
  });

  it('lets a window count for all spans that it stands for', () => {
    const quick = { histogram: histogram(...Array.from({ length: 100 }, () => 1_000)).encode(), weight: 9 };
    const slow = { histogram: histogram(...Array.from({ length: 100 }, () => 80_000)).encode(), weight: 1 };
    const load = { ...operation, received: 200, unknownWeight: 50, n: 1_000, errors: 10, latencies: [quick, slow] };
    const view = operationView(load, 50, DEFAULT_POLICY);
    expect(view).toMatchObject({ spansPerSecond: 20, errorRatio: 0.01, unknownWeightShare: 0.25 });
    expect([within(view.p50Us, 1_000), within(view.p95Us, 80_000)]).toEqual([true, true]);
    const p85 = operationView({ ...load, latencies: [quick, { ...slow, weight: 9 }] }, 50, DEFAULT_POLICY);
    expect(within(p85.p50Us, 1_000)).toBe(true);
  });

  const { minWindows, minBaselineN } = DEFAULT_POLICY;
  it.each([
    { name: 'too few windows', windows: minWindows - 1, n: minBaselineN, expected: 'learning' },
    { name: 'too few spans', windows: minWindows, n: minBaselineN - 1, expected: 'learning' },
    { name: 'hardly any spans for long', windows: 60, n: 3, expected: 'rare' },
    { name: 'not even that', windows: 60, n: 2, expected: 'learning' },
    { name: 'enough of both', windows: minWindows, n: minBaselineN, expected: 'ready' },
  ])('a baseline of $name is $expected', ({ windows, n, expected }) => {
    const baseline = { windows, n, latency: histogram(5_000) };
    const view = operationView({ ...operation, baseline }, 300, DEFAULT_POLICY).baseline;
    expect(view).toMatchObject({ n, state: expected });
    expect(within(view?.p95Us ?? null, 5_000)).toBe(true);
  });

  it('names a kind beyond the known ones unspecified', () => {
    expect(operationView({ ...operation, kind: 99 }, 300, DEFAULT_POLICY).kind).toBe('unspecified');
  });
});

describe('serviceView', () => {
  it('counts all spans for the rate, and requests for the error ratio', () => {
    expect(serviceView(service, 300)).toMatchObject({ spansPerSecond: 2, errorRatio: 0.25, p95Us: null });
  });

  it.each([
    { name: 'in an unresolved incident', change: { inUnresolvedIncident: true, n: 0 }, expected: 'deviating' },
    { name: 'without a span', change: { n: 0, hasReadyBaseline: false }, expected: 'silent' },
    { name: 'without a ready baseline', change: { hasReadyBaseline: false }, expected: 'learning' },
    { name: 'with all that', change: {}, expected: 'normal' },
  ])('a service $name is $expected', ({ change, expected }) => {
    expect(serviceView({ ...service, ...change }, 300).state).toBe(expected);
  });

  it('shows null, not zero, where nothing was seen', () => {
    const view = serviceView({ ...service, n: 0, requests: 0, failedRequests: 0 }, 300);
    expect(view).toMatchObject({ spansPerSecond: null, errorRatio: null, p95Us: null });
  });
});
