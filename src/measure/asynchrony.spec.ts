import { describe, expect, it } from '@jest/globals';
import { KIND_CLIENT, KIND_CONSUMER, KIND_PRODUCER, KIND_SERVER, type StructuralSpan } from '../model/span.js';
import type { WindowMeasure } from '../model/rollup.js';
import { measureWindow } from './measure.js';

/** [id, parent, kind, startUs, endUs, failed]; the operation of `a` is 1, of `b` 2, and so on, each of a service of its own. */
type Row = [id: string, parent: string, kind: number, startUs: number, endUs: number, failed?: boolean];
const spansOf = (rows: Row[]): StructuralSpan[] =>
  rows.map(([spanId, parentSpanId, kind, startUs, endUs, failed = false]) => ({
    traceId: '0'.repeat(31) + '1',
    spanId,
    parentSpanId,
    operationId: spanId.charCodeAt(0) - 96,
    serviceId: spanId.charCodeAt(0) - 96,
    kind,
    startUs,
    endUs,
    isError: failed,
  }));
const measured = (rows: Row[]): WindowMeasure => measureWindow(0, [], new Map([['t', spansOf(rows)]]), 1);
const selfOf = (window: WindowMeasure): Record<number, number> =>
  Object.fromEntries(
    window.rollups.map(({ operationId, selfTime }) => [operationId, Math.round(selfTime.excessOver(0) / 100) * 100]),
  );

describe('work that nobody waits for', () => {
  /** A server publishes (b) and goes on working; the consumer (c) takes the message up at 3 ms and calls a database (d). */
  const published = (consumedFrom = 3_000): Row[] => [
    ['a', '', KIND_SERVER, 0, 10_000],
    ['b', 'a', KIND_PRODUCER, 1_000, 2_000],
    ['c', 'b', KIND_CONSUMER, consumedFrom, consumedFrom + 6_000],
    ['d', 'c', KIND_CLIENT, consumedFrom + 1_000, consumedFrom + 2_000],
  ];

  it('takes no time from who published, and none is taken from it', () => {
    const self = selfOf(measured(published()));
    expect(self[1]! / 9_000).toBeCloseTo(1, 1);
    expect(self[2]! / 1_000).toBeCloseTo(1, 1);
    expect(self[3]! / 5_000).toBeCloseTo(1, 1);
    expect(self[4]! / 1_000).toBeCloseTo(1, 1);
  });

  it("has no time in the queue: a message that waits is nobody's work, and no gap", () => {
    const [soon, late] = [measured(published()), measured(published(900_000))];
    expect(selfOf(late)).toEqual(selfOf(soon));
    expect(late.edges.every(({ gap }) => gap.count === 0)).toBe(true);
    expect(late.rollups[0]!.paths).toEqual(soon.rollups[0]!.paths);
    expect([...soon.rollups[0]!.paths!.parts.keys()].toSorted()).toEqual([1, 2]);
  });

  it('is a call all the same, and part of what the sender does', () => {
    const window = measured(published());
    expect(window.edges).toContainEqual(expect.objectContaining({ callerId: 2, calleeId: 3, calls: 1 }));
    expect([...window.rollups[1]!.shapes]).toEqual([['3', 1]]);
  });

  it('does not excuse a failure of the sender, nor is it to blame for it', () => {
    const rows = published().map(([id, parent, kind, from, to]): Row => [id, parent, kind, from, to, id !== 'd']);
    const window = measured(rows);
    expect(window.rollups.map(({ operationId, failedHere }) => [operationId, failedHere])).toEqual([
      [1, 0],
      [2, 1],
      [3, 1],
      [4, 0],
    ]);
    const failed = [...window.rollups[0]!.paths!.parts].filter(([, part]) => part.failed > 0).map(([id]) => id);
    expect(failed).toEqual([2]);
  });

  it('is no client call without an answer when a client span publishes', () => {
    const window = measured([
      ['a', '', KIND_SERVER, 0, 10_000],
      ['b', 'a', KIND_CLIENT, 1_000, 2_000],
      ['c', 'b', KIND_CONSUMER, 1_500, 7_000],
    ]);
    expect(window.edges.every(({ gap }) => gap.count === 0)).toBe(true);
    expect(selfOf(window)[2]! / 1_000).toBeCloseTo(1, 1);
  });

  it('is a call like any other when the sender waits for the reply', () => {
    const window = measured([
      ['a', '', KIND_SERVER, 0, 10_000],
      ['b', 'a', KIND_PRODUCER, 1_000, 9_000],
      ['c', 'b', KIND_CONSUMER, 2_000, 8_000],
    ]);
    const self = selfOf(window);
    expect([self[1]! / 2_000, self[2]! / 2_000, self[3]! / 6_000].map(Math.round)).toEqual([1, 1, 1]);
    expect([...window.rollups[0]!.paths!.parts.keys()].toSorted()).toEqual([1, 2, 3]);
  });
});

describe('links', () => {
  const root = (links: StructuralSpan['links'], operationId = 9): StructuralSpan => ({
    ...spansOf([['z', '', KIND_CONSUMER, 0, 1_000]])[0]!,
    operationId,
    ...(links === undefined ? {} : { links }),
  });
  const known = new Map([
    ['t1/s1', 5],
    ['t1/s2', 9],
  ]);
  const edges = (spans: StructuralSpan[]) =>
    measureWindow(0, [], new Map([['t', spans]]), 1, ({ traceId, spanId }) => known.get(`${traceId}/${spanId}`)).edges;

  it('lead from who sent to who takes up, and are no calls', () => {
    const found = edges([root([{ traceId: 't1', spanId: 's1' }])]);
    expect(found).toMatchObject([{ callerId: 5, calleeId: 9, calls: 0, errors: 0, links: 1 }]);
    expect(found[0]!.gap.count).toBe(0);
  });

  it.each([
    { name: 'to what is not known', spans: [root([{ traceId: 't1', spanId: 'gone' }])] },
    { name: 'to the same operation', spans: [root([{ traceId: 't1', spanId: 's2' }])] },
    { name: 'of a span with a parent', spans: [{ ...root([{ traceId: 't1', spanId: 's1' }]), parentSpanId: 'p' }] },
    { name: 'none', spans: [root(undefined)] },
  ])('lead nowhere: $name', ({ spans }) => expect(edges(spans)).toEqual([]));
});
