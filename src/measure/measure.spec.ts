import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { POSTED_ERROR, POSTED_ROOT, type Posting } from '../model/posting.js';
import type { StructuralSpan } from '../model/span.js';
import { measureWindow } from './measure.js';
import { sampleTraces } from './sample.js';

interface Posted {
  trace: number;
  tag: number;
  durationUs: number;
  endUs?: number;
  flags?: number;
}
const traceId = (n: number): string => n.toString(16).padStart(32, '0');
const posting = (operationId: number, spans: Posted[]): Posting => ({
  operationId,
  windowAtMs: 0,
  n: spans.length,
  durationUs: Float64Array.from(spans, (s) => s.durationUs),
  endOffsetUs: Uint32Array.from(spans, (s) => s.endUs ?? 0),
  flags: Uint8Array.from(spans, (s) => s.flags ?? 0),
  spanTag: Uint32Array.from(spans, (s) => s.tag),
  weight: null,
  traceId: (i) => traceId(spans[i]!.trace),
});
const span = (
  spanId: string,
  parentSpanId: string,
  serviceId: number,
  operationId: number,
  startUs: number,
  endUs: number,
  more: Partial<StructuralSpan> = {},
): StructuralSpan => ({
  traceId: traceId(1),
  spanId,
  parentSpanId,
  serviceId,
  operationId,
  kind: 2,
  startUs,
  endUs,
  isError: false,
  ...more,
});

describe('measureWindow', () => {
  it('counts spans, errors and roots, and a copy only once', () => {
    const one = { trace: 1, tag: 7, durationUs: 100, flags: POSTED_ERROR | POSTED_ROOT };
    const measured = measureWindow(
      0,
      [posting(5, [one, { trace: 2, tag: 8, durationUs: 300 }]), posting(5, [one])],
      new Map(),
      1,
    );
    expect(measured).toMatchObject({ n: 2, duplicateSpans: 1, traces: 1 });
    expect(measured.rollups[0]).toMatchObject({
      operationId: 5,
      n: 2,
      errors: 1,
      entries: 1,
      maxDurationUs: 300,
      durationSumUs: 400,
      slowest: [traceId(2), traceId(1)],
      failed: [traceId(1)],
    });
  });

  it('counts what has one id under two names under each: a client and its server, or a span that was renamed on the way', () => {
    const one = { trace: 1, tag: 7, durationUs: 100 };
    const client = span('s', '', 1, 5, 0, 100, { kind: 3 });
    const server = span('s', '', 2, 6, 10, 90);
    const below = span('c', 's', 2, 7, 20, 30);
    for (const spans of [
      [client, server, below],
      [below, server, client],
    ]) {
      const measured = measureWindow(
        0,
        [posting(5, [one]), posting(5, [one]), posting(6, [one]), posting(7, [{ ...one, tag: 8 }])],
        new Map([[traceId(1), spans]]),
        1,
      );
      expect(measured.duplicateSpans).toBe(1);
      expect(measured.rollups.map(({ operationId, n, sampledN }) => [operationId, n, sampledN])).toEqual([
        [5, 1, 1],
        [6, 1, 1],
        [7, 1, 1],
      ]);
      expect(measured.edges.map(({ callerId, calleeId, calls }) => [callerId, calleeId, calls])).toEqual([
        [5, 6, 1],
        [6, 7, 1],
      ]);
    }
  });

  it('keeps siblings of equal time apart', () => {
    const measured = measureWindow(
      0,
      [
        posting(5, [
          { trace: 1, tag: 1, durationUs: 0 },
          { trace: 1, tag: 2, durationUs: 0 },
        ]),
      ],
      new Map(),
      0,
    );
    expect(measured.n).toBe(2);
  });

  it('gives the same numbers for any order and any cut into postings', () => {
    const spans = fc.array(
      fc.record({ trace: fc.nat(20), tag: fc.nat(5), durationUs: fc.nat(50), flags: fc.nat(3), op: fc.nat(2) }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(spans, fc.infiniteStream(fc.nat(7)), (all, cuts) => {
        const whole = [0, 1, 2].map((op) =>
          posting(
            op,
            all.filter((s) => s.op === op),
          ),
        );
        const pieces: Posting[] = [];
        for (const s of all.toReversed()) pieces.splice(cuts.next().value % (pieces.length + 1), 0, posting(s.op, [s]));
        const numbers = (measured: ReturnType<typeof measureWindow>) =>
          measured.rollups
            .filter((r) => r.n > 0)
            .map((r) => ({ ...r, latency: Buffer.from(r.latency.encode()).toString('hex'), selfTime: 0 }));
        // A copy may differ in its flags; which of them counts is then open, so flags are tied to the span here.
        for (const s of all) s.flags = s.tag & 3;
        for (const p of whole) p.flags.forEach((_, i) => (p.flags[i] = p.spanTag[i]! & 3));
        for (const p of pieces) p.flags.forEach((_, i) => (p.flags[i] = p.spanTag[i]! & 3));
        expect(numbers(measureWindow(0, pieces, new Map(), 0))).toEqual(numbers(measureWindow(0, whole, new Map(), 0)));
      }),
    );
  });

  it('finds edges, the network gap, self time and where a failure began', () => {
    const CLIENT = { kind: 3 };
    const trace = [
      span('a', '', 1, 10, 0, 1000, { isError: true }),
      span('b', 'a', 1, 11, 100, 900, { ...CLIENT, isError: true }),
      span('c', 'b', 2, 20, 300, 800, { isError: true }),
      span('d', 'c', 2, 21, 400, 500),
    ];
    const measured = measureWindow(0, [], new Map([[traceId(1), trace]]), 1);
    const rollup = (id: number) => measured.rollups.find((r) => r.operationId === id)!;
    expect(measured.edges.map((e) => [e.callerId, e.calleeId, e.calls, e.errors, e.gap.count])).toEqual([
      [10, 11, 1, 1, 0],
      [11, 20, 1, 1, 1],
      [20, 21, 1, 0, 0],
    ]);
    expect(measured.edges[1]!.gap.quantile(1)! / 300).toBeCloseTo(1, 1);
    expect(rollup(10).selfTime.quantile(1)! / 200).toBeCloseTo(1, 1);
    expect(rollup(11).selfTime.count).toBe(0);
    expect(rollup(20).selfTime.quantile(1)! / 400).toBeCloseTo(1, 1);
    expect([10, 11, 20, 21].map((id) => rollup(id).failedHere)).toEqual([0, 0, 1, 0]);
  });
});

describe('sampleTraces', () => {
  const roots = (traces: number[]): Posting =>
    posting(
      1,
      traces.map((trace) => ({ trace, tag: 0, durationUs: 1, flags: POSTED_ROOT })),
    );

  it('takes the same traces whatever the order, roots only, within the limit', () => {
    const inner = posting(2, [{ trace: 9, tag: 0, durationUs: 1 }]);
    const sample = sampleTraces([inner, roots([3, 1, 2])], 2);
    expect(sample.total).toBe(3);
    expect(sample.traceIds).toHaveLength(2);
    expect(sampleTraces([roots([2, 3]), inner, roots([1, 3])], 2)).toEqual(sample);
    expect(sampleTraces([roots([1, 2, 3])], 3).traceIds.slice(0, 2)).toEqual(sample.traceIds);
  });

  it('does not pass over traces that consistent head sampling has thinned out to high ids', () => {
    const low = Array.from({ length: 1_000 }, (_, i) => i * 7_919);
    const high = low.map((id) => 0xf0_0000_0000_0000 / 16 + id * 16);
    const { traceIds } = sampleTraces([roots(low), roots(high)], 200);
    const taken = traceIds.filter((id) => high.map(traceId).includes(id)).length;
    expect(Math.abs(taken - 100)).toBeLessThan(35);
  });

  it('notes what each span called, as a set', () => {
    const trace = [
      span('a', '', 1, 1, 0, 100),
      span('b', 'a', 1, 3, 10, 20),
      span('c', 'a', 1, 2, 30, 40),
      span('d', 'a', 1, 3, 50, 60),
    ];
    const measured = measureWindow(0, [], new Map([[traceId(1), trace]]), 1);
    expect(measured.rollups.map((rollup) => [rollup.operationId, [...rollup.shapes]])).toEqual([
      [1, [['2,3', 1]]],
      [2, [['', 1]]],
      [3, [['', 2]]],
    ]);
  });
});
