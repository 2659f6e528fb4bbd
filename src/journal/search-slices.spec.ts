import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { HOUR_MS } from '../model/window.js';
import { chunksOf, nextSliceMs } from './search-slices.js';

describe('nextSliceMs', () => {
  it.each([
    { name: 'begins with a minute', last: null, expected: 60_000 },
    { name: 'grows eightfold where little is', last: { lengthMs: 60_000, postings: 10 }, expected: 480_000 },
    { name: 'grows no further than an hour', last: { lengthMs: 3_000_000, postings: 0 }, expected: HOUR_MS },
    { name: 'shrinks where much is', last: { lengthMs: 60_000, postings: 60_000 }, expected: 20_000 },
    { name: 'is a window at least', last: { lengthMs: 10_000, postings: 1e7 }, expected: 10_000 },
  ])('$name', ({ last, expected }) => {
    expect(nextSliceMs(last)).toBe(expected);
  });
});

describe('chunksOf', () => {
  const weights = (...spans: number[]) =>
    spans.map((each, i) => ({ windowMs: 90_000 - i * 10_000, postings: 1, spans: each }));

  it.each([
    { name: 'an empty slice is one chunk', given: [], expected: [[0, 100_000, 0]] },
    { name: 'what fits is one chunk', given: weights(3, 4, 3), expected: [[0, 100_000, 10]] },
    {
      name: 'what does not fit is cut between windows',
      given: weights(3, 4, 4),
      expected: [
        [80_000, 100_000, 7],
        [0, 80_000, 4],
      ],
    },
    {
      name: 'a window is never cut',
      given: weights(30, 1),
      expected: [
        [90_000, 100_000, 30],
        [0, 90_000, 1],
      ],
    },
    { name: 'windows without weight cost nothing', given: weights(0, 0, 5, 0, 5), expected: [[0, 100_000, 10]] },
  ])('$name', ({ given, expected }) => {
    const chunks = chunksOf(0, 100_000, given, 10);
    expect(chunks.map(({ fromMs, toMs, spans }) => [fromMs, toMs, spans])).toEqual(expected);
  });

  it('covers the slice without gap or overlap, newest first', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { maxLength: 10 }), fc.integer({ min: 1, max: 30 }), (spans, most) => {
        const chunks = chunksOf(0, 100_000, weights(...spans), most);
        expect(chunks[0]!.toMs).toBe(100_000);
        expect(chunks.at(-1)!.fromMs).toBe(0);
        chunks.slice(1).forEach((chunk, i) => expect(chunk.toMs).toBe(chunks[i]!.fromMs));
        expect(chunks.reduce((sum, chunk) => sum + chunk.spans, 0)).toBe(spans.reduce((sum, each) => sum + each, 0));
      }),
    );
  });
});
