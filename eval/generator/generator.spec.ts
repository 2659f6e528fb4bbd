import { describe, expect, it } from '@jest/globals';
import { MINUTE_MS, WINDOW_MS } from '../../src/model/window.js';
import { exportRequest } from '../../tools/replay/otlp.js';
import { buildSystem } from './build.js';
import { Deploy } from './deploy.js';
import { FAULT_KINDS, type Label, planFaults } from './faults.js';
import { encodeGenerated } from './otlp.js';
import { Random } from './random.js';
import { seasonAt } from './season.js';
import { callsOf, type System } from './system.js';
import type { GeneratedSpan } from './trace.js';
import { traffic } from './traffic.js';

const FROM_MS = Date.parse('2026-03-02T09:00:00Z');

interface Made {
  system: System;
  labels: Label[];
  spans: GeneratedSpan[];
}

function make(seed: number, minutes: number, faults = 0, everyMs = 6 * MINUTE_MS): Made {
  const system = buildSystem(60, 80, seed);
  const labels = planFaults(system, faults, FROM_MS, everyMs, new Random(seed, 'faults'));
  const spans: GeneratedSpan[] = [];
  const toMs = FROM_MS + minutes * MINUTE_MS;
  for (const window of traffic(system, { fromMs: FROM_MS, toMs, seed, deploys: [] })) {
    for (const span of window.spans) {
      if (span.endUs < window.windowAtMs * 1000 || span.endUs >= (window.windowAtMs + WINDOW_MS) * 1000) {
        throw new Error('a span stands in a window in which it did not end');
      }
      spans.push(span);
    }
  }
  return { system, labels, spans };
}

describe('a generated system', () => {
  const { system, spans } = make(1, 3);

  it('is the same for the same seed, and another for another', () => {
    expect(make(1, 3).spans).toEqual(spans);
    expect(make(2, 3).spans.slice(0, 50)).not.toEqual(spans.slice(0, 50));
  });

  it('has about the traffic asked for, and calls without cycles', () => {
    expect(spans.length / 180).toBeGreaterThan(50);
    expect(spans.length / 180).toBeLessThan(130);
    const depth = new Map<object, number>();
    for (const service of system.services) {
      for (const endpoint of service.endpoints) {
        depth.set(endpoint, Math.max(0, ...endpoint.calls.map((call) => depth.get(call.target) ?? Infinity)) + 1);
      }
    }
    expect(Math.max(...depth.values())).toBeLessThan(12);
  });

  it('has children within their parents, but for publications, timeouts and clocks that are off', () => {
    const byId = new Map(spans.map((span) => [span.spanId, span]));
    const targetOf = new Map([...callsOf(system)].map(({ call }) => [call.client?.id, call]));
    let checked = 0;
    for (const span of spans) {
      const parent = byId.get(span.parentSpanId);
      if (parent === undefined || targetOf.get(parent.operationId)?.async) continue;
      if (parent.failure === 'deadline exceeded') continue;
      const skewUs = parent.instance.skewUs - span.instance.skewUs;
      expect(span.startUs + skewUs).toBeGreaterThanOrEqual(parent.startUs - 1);
      expect(span.endUs + skewUs).toBeLessThanOrEqual(parent.endUs + 1);
      expect(span.traceId).toBe(parent.traceId);
      checked++;
    }
    expect(checked).toBeGreaterThan(2_000);
  });

  it('keeps only traces above the sampling threshold that it states', () => {
    const sampled = spans.filter((span) => span.sampling < 1);
    expect(sampled.length).toBeGreaterThan(100);
    for (const span of sampled) {
      expect(parseInt(span.traceId.slice(18), 16) / 16 ** 14).toBeGreaterThanOrEqual(1 - span.sampling);
    }
  });

  it('is OTLP with instance, version, sampling, links and failures', () => {
    const linked = spans.find((span) => span.links!.length > 0)!;
    const failed = spans.find((span) => span.isError)!;
    const sampled = spans.find((span) => span.sampling < 1)!;
    const bytes = encodeGenerated([linked, failed, sampled], system.operations, 1_000);
    const text = JSON.stringify(exportRequest.toObject(exportRequest.decode(bytes), { longs: String, bytes: String }));
    expect(text).toContain(Buffer.from(linked.links![0]!.spanId, 'hex').toString('base64'));
    expect(text).toContain('exception.type');
    expect(text).toContain('"traceState":"ot=th:');
    expect(text).toContain(`"endTimeUnixNano":"${(BigInt(failed.endUs) + 1_000_000n) * 1_000n}"`);
    expect(text).toContain(failed.instance.name);
  });
});

describe('faults', () => {
  const { labels, spans } = make(3, FAULT_KINDS.length * 6 + 1, FAULT_KINDS.length);

  it('come in all kinds, one after the other, and each changes something', () => {
    expect(new Set(labels.map((label) => label.kind))).toEqual(new Set(FAULT_KINDS));
    for (const { kind, effects } of labels) {
      expect({ kind, isSeen: effects.every((each) => each.touched > 0) }).toEqual({ kind, isSeen: true });
    }
  });

  const share = (label: Label, isIn: (span: GeneratedSpan) => boolean, isBad: (span: GeneratedSpan) => boolean) => {
    const its = spans.filter(isIn);
    const during = its.filter((span) => span.startUs >= label.fromMs * 1000 && span.startUs < label.toMs * 1000);
    const other = its.filter((span) => span.startUs < label.fromMs * 1000 || span.startUs >= label.toMs * 1000);
    const of = (list: GeneratedSpan[]) => list.filter(isBad).length / list.length;
    return { during: of(during), other: of(other), n: during.length };
  };
  const labelOf = (kind: Label['kind']): Label => labels.find((label) => label.kind === kind)!;
  const endpointsOf = (label: Label) => new Set(label.origins.map((endpoint) => endpoint.operation?.id));

  it('slow: requests of the service take far longer while it lasts, and only then', () => {
    const label = labelOf('slow');
    const ids = endpointsOf(label);
    const { during, other } = share(
      label,
      (span) => ids.has(span.operationId),
      (span) => span.endUs - span.startUs > 60_000,
    );
    expect(during).toBeGreaterThan(0.9);
    expect(other).toBeLessThan(0.7);
  });

  it('errors: requests of the service fail while it lasts', () => {
    const label = labelOf('errors');
    const ids = endpointsOf(label);
    const { during, other } = share(
      label,
      (span) => ids.has(span.operationId),
      (span) => span.isError,
    );
    expect(during).toBeGreaterThan(0.15);
    expect(other).toBeLessThan(0.1);
  });

  it('a drop at an entry leaves few of its requests', () => {
    const label = labelOf('traffic_drop');
    const ids = endpointsOf(label);
    const its = spans.filter((span) => ids.has(span.operationId)).map((span) => span.startUs / 1000);
    const within = (from: number, to: number) => its.filter((at) => at >= from && at < to).length;
    // A window in which it begins or ends is not counted.
    const during = within(label.fromMs + WINDOW_MS, label.toMs - WINDOW_MS);
    expect(during).toBeLessThan(within(label.fromMs - 5 * MINUTE_MS, label.fromMs) * 0.4);
  });
});

it('a deploy gives every instance another name and version, and brings a new operation, but only when it is due', () => {
  const system = buildSystem(40, 60, 5);
  const deploy = Deploy.plan(system, FROM_MS + 2 * MINUTE_MS, 0, new Random(5));
  const seen: { atMs: number; version: string; operation: string }[] = [];
  for (const { windowAtMs, spans } of traffic(system, {
    fromMs: FROM_MS,
    toMs: FROM_MS + 12 * MINUTE_MS,
    seed: 5,
    deploys: [deploy],
  })) {
    for (const { instance, operationId, serviceId } of spans) {
      if (serviceId !== deploy.service.id) continue;
      seen.push({ atMs: windowAtMs, version: instance.version, operation: system.operations.get(operationId)!.name });
    }
  }
  const before = seen.filter(({ atMs }) => atMs < deploy.atMs - WINDOW_MS);
  const after = seen.filter(({ atMs }) => atMs > deploy.atMs + 4 * MINUTE_MS);
  expect(new Set(before.map(({ version }) => version))).toEqual(new Set(['1.0.0']));
  expect(new Set(after.map(({ version }) => version))).toEqual(new Set(['1.1.0']));
  expect(before.some(({ operation }) => operation === 'New0')).toBe(false);
  expect(after.some(({ operation }) => operation === 'New0')).toBe(true);
});

it('has busy and quiet hours, and quieter weekends', () => {
  const season = { dayAmplitude: 0.5, peakHour: 14, weekend: 0.6 };
  const at = (text: string): number => seasonAt(season, Date.parse(text));
  expect(at('2026-03-04T14:00:00Z')).toBeCloseTo(1.5);
  expect(at('2026-03-04T02:00:00Z')).toBeCloseTo(0.5);
  expect(at('2026-03-01T14:00:00Z')).toBeCloseTo(0.9);
});
