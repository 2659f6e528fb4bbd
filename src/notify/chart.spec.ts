import { describe, expect, it } from '@jest/globals';
import { alertNotice, BEGAN_MS, incidentNotice, noticeAlert } from '../../test/support/notices.js';
import { Histogram } from '../model/histogram.js';
import type { OperationStep } from '../model/operation-step.js';
import { chartOf, chartSubject, type ChartSubject } from './chart.js';

const latency = (us: number) => {
  const histogram = new Histogram();
  histogram.add(us, 20);
  return histogram;
};
const step = (atMs: number, us: number, errors = 0): OperationStep => ({
  atMs,
  n: 20,
  errors,
  latency: latency(us),
  selfTime: latency(us / 2),
});
const stepsOf = ({ fromMs, toMs, stepMs, sinceMs }: ChartSubject, before: number, after: number): OperationStep[] =>
  Array.from({ length: (toMs - fromMs) / stepMs }, (_, i) => fromMs + i * stepMs).map((atMs) =>
    step(atMs, atMs < sinceMs ? before : after),
  );

describe('the chart of a message', () => {
  it('shows an incident against where it lay in the hour before', () => {
    const subject = chartSubject(incidentNotice(), null)!;
    expect(subject).toMatchObject({
      service: 'checkout',
      operation: 'PlaceOrder',
      measure: { of: 'latency', quantile: 0.95 },
      unit: 'us',
      stepMs: 10_000,
      limit: null,
    });
    expect(subject.sinceMs - subject.fromMs).toBe(3_600_000);
    const chart = chartOf(subject, stepsOf(subject, 100_000, 1_900_000))!;
    expect(chart.points).toHaveLength(362);
    expect(Math.max(...chart.points.map(([, value]) => value!)) / 1_900_000).toBeCloseTo(1, 1);
    expect(chart.normal).toHaveLength(2);
    for (const [, low, high] of chart.normal) {
      expect(low / 100_000).toBeCloseTo(1, 1);
      expect(high / 100_000).toBeCloseTo(1, 1);
    }
  });

  it('has gaps where nothing is known, and no band when nothing is known of before', () => {
    const subject = chartSubject(incidentNotice(), null)!;
    const late = [...Array(8).keys()].map((i) => step(subject.toMs - 10_000 * (8 - i), 1_000));
    const chart = chartOf({ ...subject, sinceMs: subject.toMs - 80_000 }, late)!;
    expect(chart.normal).toEqual([]);
    // Of a service that nobody knew an hour ago it shows five minutes before.
    expect(chart.points.filter(([, value]) => value === null)).toHaveLength(30);
    expect(chartOf(subject, late.slice(0, 5))).toBeNull();
  });

  it('goes by minutes when it lasts', () => {
    const subject = chartSubject(
      incidentNotice('resolved', { timestamp: new Date(BEGAN_MS + 10 * 3_600_000).toISOString() }),
      null,
    )!;
    expect(subject.stepMs).toBe(60_000);
    expect((subject.toMs - subject.fromMs) / 3_600_000).toBeCloseTo(11, 0);
    const days = chartSubject(incidentNotice('resolved', { timestamp: new Date(BEGAN_MS + 1e9).toISOString() }), null)!;
    expect(days.toMs - days.fromMs).toBe(24 * 3_600_000);
  });

  it('shows a threshold against its limit, and nothing for what is not measured in steps', () => {
    const alert = noticeAlert({ figures: { observed: 0.4, expected: 0.1, unit: 'ratio', n: 20 } });
    const subject = chartSubject(alertNotice([alert]), { measure: 'error_rate', isBelow: false })!;
    expect(subject).toMatchObject({ measure: { of: 'error_rate' }, unit: 'ratio', limit: { above: 0.1 } });
    const steps = stepsOf(subject, 1_000, 1_000).map((each) => ({ ...each, errors: 8 }));
    const chart = chartOf(subject, steps)!;
    expect(chart.points[0]![1]).toBe(0.4);
    expect(chart.normal[0]!.slice(1)).toEqual([0, 0.1]);
    expect(chartOf({ ...subject, limit: { below: 0.2 } }, steps)!.normal[0]!.slice(1)).toEqual([0.2, 0.4]);
    expect(chartSubject(alertNotice([alert]), null)).toBeNull();
    expect(chartSubject(alertNotice([alert]), { measure: 'apdex', isBelow: true })).toBeNull();
    expect(
      chartSubject({ type: 'channel.test', timestamp: alert.startsAt, reason: '', incident: null }, null),
    ).toBeNull();
  });
});
