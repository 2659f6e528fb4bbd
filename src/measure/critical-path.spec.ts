import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { StructuralSpan } from '../model/span.js';
import { childPositions, criticalPath, deepestFailing } from './critical-path.js';
import { parentPositions } from './self-time.js';

type Row = [id: string, parent: string, startUs: number, endUs: number, isError?: boolean];
const spansOf = (rows: Row[]): StructuralSpan[] =>
  rows.map(([spanId, parentSpanId, startUs, endUs, isError]) => ({
    traceId: '1',
    spanId,
    parentSpanId,
    operationId: 1,
    serviceId: 1,
    kind: 1,
    startUs,
    endUs,
    isError: isError ?? false,
  }));
const path = (rows: Row[]): Record<string, number> => {
  const spans = spansOf(rows);
  const sum: Record<string, number> = {};
  for (const [i, us] of criticalPath(spans, childPositions(parentPositions(spans)), 0)) {
    sum[spans[i]!.spanId] = (sum[spans[i]!.spanId] ?? 0) + us;
  }
  return sum;
};

describe('criticalPath', () => {
  const table: { name: string; rows: Row[]; want: Record<string, number> }[] = [
    { name: 'one span', rows: [['a', '', 0, 10]], want: { a: 10 } },
    {
      name: 'of parallel calls the one that was waited for',
      rows: [
        ['a', '', 0, 100],
        ['b', 'a', 10, 40],
        ['c', 'a', 10, 90],
      ],
      want: { a: 20, c: 80 },
    },
    {
      name: 'calls one after another',
      rows: [
        ['a', '', 0, 100],
        ['b', 'a', 10, 40],
        ['c', 'a', 50, 90],
      ],
      want: { a: 30, b: 30, c: 40 },
    },
    {
      name: 'nobody waits for a child that outlives its parent',
      rows: [
        ['a', '', 0, 100],
        ['b', 'a', 10, 400],
      ],
      want: { a: 100 },
    },
    {
      name: 'a child that seems to begin before its parent has the time of the parent at most',
      rows: [
        ['a', '', 100, 200],
        ['b', 'a', 50, 150],
        ['c', 'b', 60, 120],
      ],
      want: { a: 50, b: 30, c: 20 },
    },
  ];
  it.each(table)('$name', ({ rows, want }) => expect(path(rows)).toEqual(want));

  it('adds up to the duration of the request, whatever the spans', () => {
    const row = fc.tuple(fc.nat(20), fc.nat(100), fc.nat(100));
    fc.assert(
      fc.property(fc.array(row, { maxLength: 20 }), (rows) => {
        const spans = rows.map(([parent, start, length], i): Row => [
          `s${i}`,
          i === 0 ? '' : `s${parent % i}`,
          start,
          start + length,
        ]);
        if (spans.length === 0) return;
        const total = Object.values(path(spans)).reduce((a, b) => a + b, 0);
        expect(total).toBe(spans[0]![3] - spans[0]![2]);
      }),
    );
  });
});

describe('deepestFailing', () => {
  it('goes down from failure to failure, where several fail to the last one', () => {
    const spans = spansOf([
      ['a', '', 0, 100, true],
      ['b', 'a', 0, 20, true],
      ['c', 'a', 30, 90, true],
      ['d', 'c', 40, 80, false],
      ['e', 'd', 50, 70, true],
    ]);
    expect(spans[deepestFailing(spans, childPositions(parentPositions(spans)), 0)]!.spanId).toBe('c');
  });
});
