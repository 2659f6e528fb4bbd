import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { gatherRows, type PostedSpans, spanTag, unpackRow } from './posting.js';
import type { SegmentRef } from './posting-layout.js';
import { packPosting } from './posting-writer.js';

const entry = fc.record({
  traceId: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  spanTag: fc.nat(0xffff_ffff),
  segmentIndex: fc.nat(254),
  ordinal: fc.nat(0xff_ffff),
  endOffsetUs: fc.nat(9_999_999),
  flags: fc.nat(3),
  durationUs: fc.oneof(fc.nat(1_000_000), fc.nat(0xffff_ffff)),
  weight: fc.constantFrom<number[]>(0, 0, 1, 4, 10_000),
});
type Entry = typeof entry extends fc.Arbitrary<infer T> ? T : never;
const segment: fc.Arbitrary<SegmentRef> = fc.record({
  id: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n).map(String),
  hour: fc.nat(1_000_000),
});

/** A row of these entries, of one operation or of several (by their number of entries). */
function pack(
  entries: readonly Entry[],
  segments: readonly SegmentRef[],
  operations: { id: number; n: number }[] | null = null,
): Buffer {
  const isWeighted = entries.some(({ weight }) => weight > 0);
  return packPosting({ segments, n: entries.length, isWeighted, operations }, (writer) =>
    entries.forEach((each, i) => {
      const { traceId, spanTag: tag, segmentIndex, ordinal, endOffsetUs, flags, durationUs, weight } = each;
      const source = Buffer.concat([Buffer.from('xyz'), traceId]);
      writer.put(i, source, 3, tag, segmentIndex, ordinal, endOffsetUs, flags, durationUs, weight);
    }),
  );
}

function entriesOf(spans: PostedSpans): Entry[] {
  return Array.from({ length: spans.n }, (_, i) => ({
    traceId: new Uint8Array(Buffer.from(spans.traceId(i), 'hex')),
    spanTag: spans.spanTag[i]!,
    segmentIndex: spans.segmentIndex[i]!,
    ordinal: spans.ordinal[i]!,
    endOffsetUs: spans.endOffsetUs[i]!,
    flags: spans.flags[i]!,
    durationUs: spans.durationUs[i]!,
    weight: spans.weight?.[i] ?? 0,
  }));
}

const unpackOne = (entries: Uint8Array) => unpackRow({ operationId: 7, entries })[0]!.spans;

describe('posting', () => {
  it('unpacks what was packed', () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 40 }), fc.array(segment, { maxLength: 17 }), (entries, segments) => {
        const spans = unpackOne(pack(entries, segments));
        expect({ entries: entriesOf(spans), segments: spans.segments }).toEqual({ entries, segments });
      }),
    );
  });

  it('unpacks what several operations share, all of them or those that are wanted', () => {
    const shares = fc.uniqueArray(fc.tuple(fc.integer({ min: 1 }), fc.array(entry, { minLength: 1, maxLength: 5 })), {
      maxLength: 8,
      selector: ([id]) => id,
    });
    fc.assert(
      fc.property(shares, fc.array(segment, { maxLength: 3 }), fc.nat(255), (shared, segments, mask) => {
        const operations = shared.map(([id, its]) => ({ id, n: its.length }));
        const all = shared.flatMap(([, its]) => its);
        const row = { operationId: -1, windowAtMs: 0, entries: pack(all, segments, operations) };
        const wanted = shared.filter((_, i) => mask & (1 << i));
        for (const [some, found] of [
          [shared, unpackRow(row)],
          [wanted, unpackRow(row, new Set(wanted.map(([id]) => id)))],
        ] as const) {
          expect(found.map(({ operationId, spans }) => [operationId, entriesOf(spans)])).toEqual(some);
          for (const { spans } of found) expect(spans.segments).toEqual(segments);
        }
      }),
    );
  });

  it('gathers the spans of an operation from its own rows and those that it shares', () => {
    fc.assert(
      fc.property(fc.array(entry, { minLength: 4, maxLength: 12 }), ([first, second, ...rest]) => {
        const rows = [
          { operationId: 5, windowAtMs: 20, entries: pack(rest, []) },
          { operationId: -1, windowAtMs: 10, entries: pack([first!], [], [{ id: 5, n: 1 }]) },
          // prettier-ignore
          { operationId: -1, windowAtMs: 20, entries: pack([second!, first!], [], [{ id: 3, n: 1 }, { id: 5, n: 1 }]) },
        ];
        const found = gatherRows(rows).map((posting) => ({
          at: [posting.windowAtMs, posting.operationId],
          traces: Array.from({ length: posting.n }, (_, i) => posting.traceId(i)),
          durations: [...posting.durationUs],
          weights: [...(posting.weight ?? [])],
        }));
        const expected = ([at, its]: [number[], Entry[]]) => ({
          at,
          traces: its.map(({ traceId }) => Buffer.from(traceId).toString('hex')),
          durations: its.map(({ durationUs }) => durationUs),
          weights: its.some(({ weight }) => weight > 0) ? its.map(({ weight }) => weight) : [],
        });
        // prettier-ignore
        expect(found).toEqual(([[[10, 5], [first!]], [[20, 3], [second!]], [[20, 5], [...rest, first!]]] as [number[], Entry[]][]).map(expected));
      }),
    );
  });

  it('takes 32 bytes a span, and 4 more each when one of them is weighted', () => {
    const plain: Entry = {
      traceId: new Uint8Array(16),
      spanTag: 1,
      segmentIndex: 0,
      ordinal: 0,
      endOffsetUs: 0,
      flags: 0,
      durationUs: 1,
      weight: 0,
    };
    const segments = [{ id: '-1', hour: 1 }];
    expect(pack(Array(9).fill(plain), segments)).toHaveLength(3 + 12 + 9 * 32);
    expect(pack([...Array(8).fill(plain), { ...plain, weight: 2 }], segments)).toHaveLength(3 + 12 + 9 * 36);
  });

  it.each([
    { name: 'the longest exact duration', durationUs: 4_294_967_295, expected: 4_294_967_295 },
    { name: 'the first in milliseconds', durationUs: 4_294_967_296, expected: 4_294_967_000 },
    { name: '30 days', durationUs: 30 * 86_400 * 1e6 + 499, expected: 30 * 86_400 * 1e6 },
    { name: '55 years', durationUs: 55 * 365 * 86_400 * 1e6, expected: 4_294_967_295_000 },
  ])('keeps $name', ({ durationUs, expected }) => {
    const plan = { segments: [], n: 1, isWeighted: false, operations: null };
    const entries = packPosting(plan, (writer) => writer.put(0, new Uint8Array(16), 0, 1, 0, 0, 0, 1, durationUs, 0));
    const { durationUs: unpacked, flags } = unpackOne(entries);
    expect([unpacked[0], flags[0]]).toEqual([expected, 1]);
  });

  it.each([
    { name: 'nothing', bytes: [] },
    { name: 'another version', bytes: [3, 0, 0, 0, 0] },
    { name: 'shared entries that are missing', bytes: [2, 0, 0, 1, 0, 5, 0, 0, 0, 1, ...Array<number>(31).fill(0)] },
    { name: 'a shared head cut short', bytes: [2, 0, 0] },
    { name: 'a segment cut short', bytes: [1, 1, 0, 5] },
    { name: 'half an entry', bytes: [1, 0, 0, ...Array<number>(16).fill(0)] },
  ])('refuses $name', ({ bytes }) => {
    expect(() => unpackOne(Uint8Array.from(bytes))).toThrow(RangeError);
  });

  it('folds span ids so that all eight bytes count', () => {
    const id = Buffer.from('0102030405060708', 'hex');
    const tags = new Set([spanTag(id, 0)]);
    for (let i = 0; i < 8; i++) {
      const other = Buffer.from(id);
      other[i] = other[i]! ^ 0x10;
      tags.add(spanTag(other, 0));
    }
    // A change in byte i and one in byte i + 4 fold to the same tag.
    expect(tags.size).toBe(5);
  });
});
