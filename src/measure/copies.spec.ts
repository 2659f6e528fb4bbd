import { describe, expect, it } from '@jest/globals';
import type { Posting } from '../model/posting.js';
import { Copies } from './copies.js';

function postingOf(n: number, tagOf: (i: number) => number): Posting {
  return {
    operationId: 1,
    windowAtMs: 0,
    n,
    durationUs: new Float64Array(n).fill(5),
    endOffsetUs: new Uint32Array(n).fill(7),
    flags: new Uint8Array(n),
    spanTag: Uint32Array.from({ length: n }, (_, i) => tagOf(i)),
    weight: null,
    traceId: () => 'one trace',
  };
}

describe('Copies', () => {
  it('finds each copy once, wherever it lies', () => {
    const postings = [postingOf(3, (i) => i), postingOf(4, (i) => i)];
    const copies = new Copies(postings);
    const found = postings.map(({ n }, no) => Array.from({ length: n }, (_, i) => copies.isCopy(no, i)));
    expect(found).toEqual([
      [false, false, false],
      [true, true, true, false],
    ]);
  });

  it.each([
    { name: 'count in their low bits', tagOf: (i: number) => i },
    {
      name: 'count in their high bits',
      tagOf: (i: number) => (((i & 255) << 24) | ((i & 0xff00) << 8) | (i >>> 16)) >>> 0,
    },
  ])('takes no longer for 200,000 siblings whose ids $name', ({ tagOf }) => {
    const n = 200_000;
    const copies = new Copies([postingOf(n, tagOf)]);
    const began = process.cpuUsage();
    let found = 0;
    for (let i = 0; i < n; i++) if (copies.isCopy(0, i)) found++;
    const { user } = process.cpuUsage(began);
    expect({ found, isQuick: user < 1.5e6 }).toEqual({ found: 0, isQuick: true });
  });
});
