import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { StructuralSpan } from '../model/span.js';
import { depths, parentPositions, selfTimes } from './self-time.js';

/** [id, parent, startUs, endUs] */
type Row = [string, string, number, number];
const spansOf = (rows: Row[]): StructuralSpan[] =>
  rows.map(([spanId, parentSpanId, startUs, endUs]) => ({
    traceId: '0'.repeat(31) + '1',
    spanId,
    parentSpanId,
    operationId: 1,
    serviceId: 1,
    kind: 1,
    startUs,
    endUs,
    isError: false,
  }));
const self = (rows: Row[]): Record<string, number> => {
  const spans = spansOf(rows);
  const times = selfTimes(spans, depths(parentPositions(spans)));
  return Object.fromEntries(spans.map((span, i) => [span.spanId, times[i]!]));
};

describe('selfTimes', () => {
  const table: { name: string; rows: Row[]; want: Record<string, number> }[] = [
    { name: 'nothing', rows: [], want: {} },
    { name: 'one span', rows: [['a', '', 0, 10]], want: { a: 10 } },
    {
      name: 'a child takes its time from the parent',
      rows: [
        ['a', '', 0, 10],
        ['b', 'a', 2, 6],
      ],
      want: { a: 6, b: 4 },
    },
    {
      name: 'of parallel children the later start has the overlap',
      rows: [
        ['a', '', 0, 10],
        ['b', 'a', 1, 5],
        ['c', 'a', 3, 9],
      ],
      want: { a: 2, b: 2, c: 6 },
    },
    {
      name: 'a child that outlives its parent keeps its own time',
      rows: [
        ['a', '', 0, 4],
        ['b', 'a', 2, 9],
      ],
      want: { a: 2, b: 7 },
    },
    {
      name: 'a waiting asynchronous sibling takes no blame for deeper work',
      rows: [
        ['root', '', 0, 100],
        ['wait', 'root', 0, 100],
        ['call', 'root', 5, 95],
        ['work', 'call', 10, 90],
      ],
      want: { root: 0, wait: 10, call: 10, work: 80 },
    },
    {
      name: 'its own parent, a cycle and an orphan are roots',
      rows: [
        ['a', 'a', 0, 1],
        ['b', 'c', 10, 12],
        ['c', 'b', 20, 23],
        ['d', 'gone', 30, 34],
      ],
      want: { a: 1, b: 2, c: 3, d: 4 },
    },
    { name: 'no duration', rows: [['a', '', 5, 5]], want: { a: 0 } },
  ];
  it.each(table)('$name', ({ rows, want }) => {
    expect(self(rows)).toEqual(want);
  });

  it('shares out exactly the time in which any span is active', () => {
    const row = fc.record({ start: fc.nat(1000), length: fc.nat(300), parent: fc.nat(40) });
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 40 }), (rows) => {
        const times = Object.values(
          self(rows.map((r, i) => [`s${i}`, r.parent === i ? '' : `s${r.parent}`, r.start, r.start + r.length])),
        );
        let covered = 0;
        for (let t = 0; t < 1300; t++) if (rows.some((r) => r.start <= t && t < r.start + r.length)) covered++;
        expect(times.reduce((a, b) => a + b, 0)).toBe(covered);
      }),
    );
  });

  it('copes with a chain of 100,000 spans', () => {
    const rows = Array.from({ length: 100_000 }, (_, i): Row => [`s${i}`, i === 0 ? '' : `s${i - 1}`, i, 300_000 - i]);
    expect(self(rows)['s99999']).toBe(300_000 - 2 * 99_999);
  });
});
