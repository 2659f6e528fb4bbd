import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { PostingBuilder, spanTag, unpackPosting, type SegmentRef } from './posting.js';

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

function pack(entries: readonly Entry[], segments: readonly SegmentRef[]): Buffer {
  const builder = new PostingBuilder();
  for (const { traceId, spanTag: tag, segmentIndex, ordinal, endOffsetUs, flags, durationUs, weight } of entries) {
    builder.add(
      Buffer.concat([Buffer.from('xyz'), traceId]),
      3,
      tag,
      segmentIndex,
      ordinal,
      endOffsetUs,
      flags,
      durationUs,
      weight,
    );
  }
  return builder.pack(segments);
}

function unpack(bytes: Uint8Array): { entries: Entry[]; segments: SegmentRef[] } {
  const spans = unpackPosting(bytes);
  const entries = Array.from({ length: spans.n }, (_, i) => ({
    traceId: new Uint8Array(Buffer.from(spans.traceId(i), 'hex')),
    spanTag: spans.spanTag[i]!,
    segmentIndex: spans.segmentIndex[i]!,
    ordinal: spans.ordinal[i]!,
    endOffsetUs: spans.endOffsetUs[i]!,
    flags: spans.flags[i]!,
    durationUs: spans.durationUs[i]!,
    weight: spans.weight?.[i] ?? 0,
  }));
  return { entries, segments: spans.segments };
}

describe('posting', () => {
  it('unpacks what was packed', () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 40 }), fc.array(segment, { maxLength: 17 }), (entries, segments) => {
        expect(unpack(pack(entries, segments))).toEqual({ entries, segments });
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
    const builder = new PostingBuilder();
    builder.add(new Uint8Array(16), 0, 1, 0, 0, 0, 1, durationUs, 0);
    const { durationUs: unpacked, flags } = unpackPosting(builder.pack([]));
    expect([unpacked[0], flags[0]]).toEqual([expected, 1]);
  });

  it.each([
    { name: 'nothing', bytes: [] },
    { name: 'another version', bytes: [2, 0, 0] },
    { name: 'a segment cut short', bytes: [1, 1, 0, 5] },
    { name: 'half an entry', bytes: [1, 0, 0, ...Array<number>(16).fill(0)] },
  ])('refuses $name', ({ bytes }) => {
    expect(() => unpackPosting(Uint8Array.from(bytes))).toThrow(RangeError);
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
