import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { traceRows } from './trace-rows.js';

const T0 = 1_795_000_000_000_000_000n;
const span = (spanId: string, parentSpanId: string | null, atUs: number, durationUs = 10, code = 'unset') => ({
  spanId,
  parentSpanId,
  service: 'shop',
  name: spanId,
  startTimeUnixNano: String(T0 + BigInt(atUs) * 1_000n),
  durationUs,
  status: { code },
});

describe('traceRows', () => {
  it('puts each span below its caller, with its time after the first', () => {
    const spans = [
      span('root', null, 0, 100),
      span('a', 'root', 10, 50),
      span('b', 'root', 20),
      span('a1', 'a', 30, 5, 'error'),
    ];
    expect(traceRows(spans).map(({ depth, name, startUs, isError }) => [depth, name, startUs, isError])).toEqual([
      [0, 'root', 0, false],
      [1, 'a', 10, false],
      [2, 'a1', 30, true],
      [1, 'b', 20, false],
    ]);
  });

  it('puts to the left what has no caller here, and what calls itself', () => {
    const spans = [span('orphan', 'gone', 5), span('x', 'y', 6), span('y', 'x', 7), span('self', 'self', 8)];
    expect(traceRows(spans).map(({ depth, name }) => [depth, name])).toEqual([
      [0, 'orphan'],
      [0, 'x'],
      [1, 'y'],
      [0, 'self'],
    ]);
    expect(traceRows([])).toEqual([]);
  });

  it('shows each span once, whoever is said to call whom', () => {
    const ids = fc.integer({ min: 0, max: 12 });
    fc.assert(
      fc.property(fc.array(fc.option(ids), { maxLength: 13 }), (parents) => {
        const spans = parents.map((parent, i) => span(`s${i}`, parent === null ? null : `s${parent}`, i));
        const names = traceRows(spans).map(({ name }) => name);
        expect(names.toSorted()).toEqual(spans.map(({ name }) => name).toSorted());
      }),
    );
  });
});
