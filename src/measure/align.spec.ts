import { describe, expect, it } from '@jest/globals';
import type { StructuralSpan } from '../model/span.js';
import { alignClocks } from './align.js';
import { depths, parentPositions } from './self-time.js';

type Row = [
  id: string,
  parent: string,
  serviceId: number,
  startUs: number,
  endUs: number,
  more?: Partial<StructuralSpan>,
];
const aligned = (rows: Row[]): Record<string, [number, number]> => {
  const spans = rows.map(([spanId, parentSpanId, serviceId, startUs, endUs, more]): StructuralSpan => ({
    traceId: '1',
    spanId,
    parentSpanId,
    operationId: 1,
    serviceId,
    kind: 2,
    startUs,
    endUs,
    isError: false,
    ...more,
  }));
  const parents = parentPositions(spans);
  const moved = alignClocks(spans, parents, depths(parents));
  return Object.fromEntries(moved.map((span) => [span.spanId, [span.startUs, span.endUs]]));
};

describe('alignClocks', () => {
  const table: { name: string; rows: Row[]; want: Record<string, [number, number]> }[] = [
    {
      name: 'leaves alone what fits',
      rows: [
        ['a', '', 1, 0, 100],
        ['b', 'a', 2, 5, 60],
      ],
      want: { a: [0, 100], b: [5, 60] },
    },
    {
      name: 'puts a call on a host whose clock is behind into the middle, and what runs there along with it',
      rows: [
        ['a', '', 1, 1000, 1100],
        ['b', 'a', 2, 400, 460],
        ['c', 'b', 2, 410, 430],
      ],
      want: { a: [1000, 1100], b: [1020, 1080], c: [1030, 1050] },
    },
    {
      name: 'never moves a span within its own instance',
      rows: [
        ['a', '', 1, 0, 100],
        ['b', 'a', 1, 90, 120],
      ],
      want: { a: [0, 100], b: [90, 120] },
    },
    {
      name: 'tells instances of one service apart',
      rows: [
        ['a', '', 1, 0, 100, { servedBy: 'x' }],
        ['b', 'a', 1, 500, 560, { servedBy: 'y' }],
      ],
      want: { a: [0, 100], b: [20, 80] },
    },
    {
      name: 'lets a callee outlive the caller that gave up, but not begin before it',
      rows: [
        ['a', '', 1, 100, 200],
        ['b', 'a', 2, 110, 900],
        ['c', 'a', 3, 50, 600],
      ],
      want: { a: [100, 200], b: [110, 900], c: [100, 650] },
    },
    {
      name: 'leaves a message to be taken up whenever',
      rows: [
        ['a', '', 1, 0, 10, { kind: 4 }],
        ['b', 'a', 2, 5000, 5005, { kind: 5 }],
      ],
      want: { a: [0, 10], b: [5000, 5005] },
    },
  ];
  it.each(table)('$name', ({ rows, want }) => expect(aligned(rows)).toEqual(want));
});
