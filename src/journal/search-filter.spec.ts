import { describe, expect, it } from '@jest/globals';
import { unpackRow } from './posting.js';
import { packPosting } from './posting-writer.js';
import { mayMatch, type SpanFilter } from './search-filter.js';

const ANY: SpanFilter = {
  minDurationUs: 0,
  maxDurationUs: Infinity,
  errorsOnly: false,
  attributes: [],
  fromUs: 0,
  toUs: 1e12,
};
const WINDOW_US = 20_000_000;

function posted(endOffsetUs: number, durationUs: number, flags = 0) {
  const plan = { segments: [{ id: '1', hour: 1 }], n: 1, isWeighted: false, operations: null };
  const entries = packPosting(plan, (writer) =>
    writer.put(0, new Uint8Array(16), 0, 1, 0, 0, endOffsetUs, flags, durationUs, 0),
  );
  return unpackRow({ operationId: 1, entries })[0]!.spans;
}

describe('mayMatch', () => {
  const HOURS_2_US = 7_200_000_000;
  it.each<{ name: string; span: [number, number, number?]; filter: Partial<SpanFilter>; expected: boolean }>([
    { name: 'no filter', span: [5, 10], filter: {}, expected: true },
    { name: 'as long as asked', span: [5, 10], filter: { minDurationUs: 10, maxDurationUs: 10 }, expected: true },
    { name: 'too short', span: [5, 10], filter: { minDurationUs: 11 }, expected: false },
    { name: 'too long', span: [5, 10], filter: { maxDurationUs: 9 }, expected: false },
    { name: 'at the beginning', span: [5, 10], filter: { fromUs: WINDOW_US + 5 }, expected: true },
    { name: 'before the beginning', span: [5, 10], filter: { fromUs: WINDOW_US + 6 }, expected: false },
    { name: 'at the end', span: [5, 10], filter: { toUs: WINDOW_US + 5 }, expected: false },
    { name: 'failed', span: [5, 10, 1], filter: { errorsOnly: true }, expected: true },
    { name: 'not failed', span: [5, 10], filter: { errorsOnly: true }, expected: false },
    { name: 'a root is no failure', span: [5, 10, 2], filter: { errorsOnly: true }, expected: false },
    {
      name: 'rounded down when posted',
      span: [5, HOURS_2_US + 400],
      filter: { minDurationUs: HOURS_2_US + 400 },
      expected: true,
    },
    {
      name: 'rounded up when posted',
      span: [5, HOURS_2_US + 600],
      filter: { maxDurationUs: HOURS_2_US + 600 },
      expected: true,
    },
  ])('$name: $expected', ({ span, filter, expected }) => {
    expect(mayMatch({ ...ANY, ...filter }, WINDOW_US, posted(...span), 0)).toBe(expected);
  });
});
