import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { byPlace, NewestFirst, windowsAfter, type Place } from './search-place.js';
import { fateOf } from './search-trace.js';

const place = fc.record({ endUs: fc.nat(5), traceId: fc.constantFrom('', 'a', 'b', 'c') });
const top: Place = { endUs: 6, traceId: '' };

describe('windowsAfter', () => {
  it.each([
    { name: 'after every trace at a window start', at: { endUs: 20_000_000, traceId: '' }, expected: 20_000_000 },
    { name: 'among the traces at a window start', at: { endUs: 20_000_000, traceId: 'a' }, expected: 30_000_000 },
    { name: 'within a window', at: { endUs: 20_000_001, traceId: '' }, expected: 30_000_000 },
    { name: 'at its last microsecond', at: { endUs: 29_999_999, traceId: 'a' }, expected: 30_000_000 },
  ])('$name', ({ at, expected }) => {
    expect(windowsAfter(at)).toBe(expected);
  });
});

describe('NewestFirst', () => {
  it('keeps exactly what lies after the position, down to its floor', () => {
    fc.assert(
      fc.property(fc.array(place), place, fc.integer({ min: 1, max: 5 }), (all, after, most) => {
        const newest = new NewestFirst<Place>(after, most);
        for (const each of all) if (newest.mayKeep(each.endUs)) newest.add(each);
        const { items, floor } = newest.take();
        const below = all.filter((each) => byPlace(each, after) > 0).sort(byPlace);
        expect(items).toEqual(floor ? below.filter((each) => byPlace(each, floor) <= 0) : below);
        if (floor) expect(items.length).toBeGreaterThanOrEqual(most);
      }),
    );
  });
});

interface Stored extends Place {
  /** The page before which it arrived. */
  arrived: number;
}

/** The rules by which a search pages, on spans in memory: each page looks at a few candidates at a time, as the search does. */
function pageThrough(spans: readonly Stored[], limit: number, most: number): Place[][] {
  const pages: Place[][] = [];
  let position = top;
  for (;;) {
    const stored = spans.filter(({ arrived }) => arrived <= pages.length);
    // What arrived after the first page is met as a candidate, and counts for nothing when its trace is read.
    const newest = new Map<string, number>();
    for (const { traceId, endUs, arrived } of spans) {
      if (arrived === 0) newest.set(traceId, Math.max(newest.get(traceId) ?? 0, endUs));
    }
    const shown: Place[] = [];
    let isLast = false;
    while (shown.length < limit && !isLast) {
      const candidates = new NewestFirst<Stored>(position, most);
      for (const span of stored) candidates.add(span);
      const { items, floor } = candidates.take();
      isLast = floor === null;
      for (const { endUs, traceId } of items) {
        if (shown.length === limit) {
          isLast = false;
          break;
        }
        const isShown = shown.some((each) => each.traceId === traceId);
        if (!isShown && fateOf(newest.get(traceId) ?? null, endUs) === 'show') shown.push({ endUs, traceId });
        position = { endUs, traceId };
      }
    }
    pages.push(shown);
    if (isLast || pages.length > 100) return pages;
  }
}

it('shows each trace of the first moment once, newest first, under equal times and while spans arrive', () => {
  const span = fc.record({
    endUs: fc.nat(5),
    traceId: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    arrived: fc.constantFrom(0, 0, 0, 1, 2, 3),
  });
  fc.assert(
    fc.property(
      fc.array(span),
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 4 }),
      (spans, limit, most) => {
        const newest = new Map<string, Place>();
        for (const { endUs, traceId, arrived } of spans) {
          if (arrived === 0 && endUs >= (newest.get(traceId)?.endUs ?? 0)) newest.set(traceId, { endUs, traceId });
        }
        expect(pageThrough(spans, limit, most).flat()).toEqual([...newest.values()].sort(byPlace));
      },
    ),
  );
});
