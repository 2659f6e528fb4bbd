import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { encodeRequest, span, text } from '../../test/support/otlp-proto.js';
import type { AnyValue, KeyValue, ResourceSpansFields, SpanFields } from '../../test/support/otlp-proto.js';
import { decoded, scanned } from '../../test/support/scan-reference.js';
import { TooManySpans, scan } from './scan.js';
import { SPAN_TOO_DEEP, type SpanTable } from './span-table.js';
import { WireError } from './wire.js';

const LIMITS = { maxAttributeDepth: 4, maxSpans: 1_000 };
/** Keeps the whole file well below ten seconds. */
const RUNS = { numRuns: 300, interruptAfterTimeLimit: 4_000 };
const HOUR_NS = 3_600_000_000_000n;

const id = (size: number) => fc.uint8Array({ minLength: size, maxLength: size });
const nanoseconds = fc.bigInt(0n, 500_000n * HOUR_NS).map(String);
const { value: anyValue } = fc.letrec<{ value: AnyValue; pair: KeyValue }>((tie) => ({
  pair: fc.record({ key: fc.string({ unit: 'grapheme', maxLength: 8 }), value: tie('value') }),
  value: fc.oneof(
    { maxDepth: 5, depthSize: 'small' },
    fc.record({ stringValue: fc.string({ unit: 'grapheme' }) }),
    fc.record({ boolValue: fc.boolean() }),
    fc.record({ intValue: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n).map(String) }),
    fc.record({ doubleValue: fc.double() }),
    fc.record({ bytesValue: fc.uint8Array({ maxLength: 200 }) }),
    fc.record({ arrayValue: fc.record({ values: fc.array(tie('value'), { maxLength: 3 }) }) }),
    fc.record({ kvlistValue: fc.record({ values: fc.array(tie('pair'), { maxLength: 3 }) }) }),
  ),
}));
const attributes = fc.array(
  fc.record({ key: fc.constantFrom('service.name', 'a', '', 'http.route'), value: anyValue }),
  { maxLength: 4 },
);
const spanFields: fc.Arbitrary<SpanFields> = fc.record(
  {
    traceId: fc.oneof(id(16), id(3)),
    spanId: fc.oneof(id(8), id(0)),
    traceState: fc.constantFrom('', 'ot=th:8', 'other=1,ot=rv:1;th:c', 'ot=th:xyz'),
    parentSpanId: fc.oneof(id(8), id(0), id(7)),
    name: fc.oneof(fc.constantFrom('GET', 'POST'), fc.string({ unit: 'grapheme' })),
    kind: fc.integer({ min: -1, max: 9 }),
    startTimeUnixNano: nanoseconds,
    endTimeUnixNano: nanoseconds,
    attributes,
    events: fc.array(fc.record({ timeUnixNano: nanoseconds, name: fc.string(), attributes }), { maxLength: 2 }),
    links: fc.array(fc.record({ traceId: id(16), spanId: id(8), attributes }), { maxLength: 2 }),
    status: fc.record({ code: fc.integer({ min: 0, max: 3 }), message: fc.string() }),
  },
  { requiredKeys: ['traceId', 'spanId', 'name', 'startTimeUnixNano', 'endTimeUnixNano'] },
);
const request: fc.Arbitrary<ResourceSpansFields[]> = fc.array(
  fc.record(
    {
      resource: fc.record({ attributes }),
      scopeSpans: fc.array(
        fc.record(
          { scope: fc.record({ name: fc.string() }), spans: fc.array(spanFields, { maxLength: 4 }) },
          { requiredKeys: ['spans'] },
        ),
        { maxLength: 2 },
      ),
    },
    { requiredKeys: ['scopeSpans'] },
  ),
  { maxLength: 3 },
);

/** The fields of a message in another order, with an unknown one among them; singular fields of the same number keep their order. */
function shuffled(bytes: Uint8Array, seed: number, depth: number): Uint8Array {
  const reader = new WireReaderForTests(bytes);
  const fields: { number: number; bytes: Uint8Array }[] = [];
  while (reader.pos < bytes.length) {
    const at = reader.pos;
    const tag = reader.varint();
    const number = tag >>> 3;
    if ((tag & 7) === 2) {
      const length = reader.varint();
      const body = bytes.subarray(reader.pos, reader.pos + length);
      reader.pos += length;
      const isMessage = depth < 3 && (depth === 2 ? number === 2 : depth === 0 ? number === 1 : number === 2);
      const inner = isMessage ? shuffled(body, seed + 1, depth + 1) : body;
      fields.push({ number, bytes: Buffer.concat([varint(tag), varint(inner.length), inner]) });
    } else {
      reader.pos += (tag & 7) === 1 ? 8 : (tag & 7) === 5 ? 4 : 0;
      if ((tag & 7) === 0) reader.varint();
      fields.push({ number, bytes: bytes.subarray(at, reader.pos) });
    }
  }
  const order = (number: number) => (number * 2_654_435_761 + seed * 40_503) % 1_000;
  fields.sort((a, b) => order(a.number) - order(b.number));
  const unknown = [varint((999 << 3) | 2), varint(3), Buffer.from('xyz'), varint((998 << 3) | 0), varint(seed + 300)];
  return Buffer.concat([...fields.map((field) => field.bytes), ...unknown]);
}

class WireReaderForTests {
  pos = 0;
  constructor(private readonly bytes: Uint8Array) {}
  varint(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.bytes[this.pos++]!;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  }
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 128) + 128);
  }
}

describe('scan', () => {
  it('sees what protobufjs sees', () => {
    fc.assert(
      fc.property(request, (fields) => {
        const bytes = encodeRequest(fields);
        expect(scanned(scan(bytes, LIMITS))).toEqual(decoded(bytes, LIMITS.maxAttributeDepth));
      }),
      RUNS,
    );
  });

  it('sees the same in any order of fields, among unknown fields and in several messages', () => {
    fc.assert(
      fc.property(request, request, fc.nat(1_000), (first, second, seed) => {
        const bytes = Buffer.concat([shuffled(encodeRequest(first), seed, 0), encodeRequest(second)]);
        expect(scanned(scan(bytes, LIMITS))).toEqual(decoded(bytes, LIMITS.maxAttributeDepth));
      }),
      RUNS,
    );
  });

  it('rejects damaged bytes or sees what protobufjs sees', () => {
    let accepted = 0;
    let rejected = 0;
    fc.assert(
      fc.property(
        request,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 }),
        (fields, edits) => {
          const bytes = encodeRequest(fields);
          if (bytes.length === 0) return;
          for (const [at, byte] of edits) bytes[at % bytes.length] = byte;
          let table: SpanTable;
          try {
            table = scan(bytes, LIMITS);
          } catch (error) {
            rejected++;
            expect(error).toBeInstanceOf(WireError);
            return;
          }
          accepted++;
          let expected: ReturnType<typeof decoded>;
          try {
            expected = decoded(bytes, LIMITS.maxAttributeDepth);
          } catch (error) {
            // Names are kept as bytes, so text that is not UTF-8 is no reason to lose a span; and nobody looks below the limit of depth.
            const isDeep =
              [...table.resources, ...table.scopes].some(({ tooDeep }) => tooDeep) ||
              table.flags.some((f) => (f & SPAN_TOO_DEEP) !== 0);
            if (!isDeep) expect(String(error)).toMatch(/utf8|UTF-8/i);
            return;
          }
          expect(scanned(table)).toEqual(expected);
        },
      ),
      { ...RUNS, numRuns: 1_500 },
    );
    expect(Math.min(accepted, rejected)).toBeGreaterThan(20);
  });

  it('rejects every truncation that cuts a field', () => {
    const bytes = encodeRequest([
      { resource: { attributes: [text('service.name', 'cart')] }, scopeSpans: [{ spans: [span(1e12)] }] },
    ]);
    for (let length = 1; length < bytes.length; length++) {
      expect(() => scan(bytes.subarray(0, length), LIMITS)).toThrow(WireError);
    }
  });

  it.each([
    { name: 'a group', bytes: [0x0b, 0x0c], offset: 0 },
    { name: 'an end of a group', bytes: [0x0c], offset: 0 },
    { name: 'a reserved wire type', bytes: [0x0e], offset: 0 },
    { name: 'field number 0', bytes: [0x02, 0x00], offset: 0 },
    { name: 'a known field of another type', bytes: [0x09, 0, 0, 0, 0, 0, 0, 0, 0], offset: 0 },
    { name: 'a negative length', bytes: [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], offset: 1 },
    { name: 'an endless varint', bytes: [0x10, ...Array<number>(11).fill(0x80)], offset: 1 },
    { name: 'a length beyond the enclosing message', bytes: [0x0a, 0x02, 0x0a, 0x05, 1, 2, 3, 4, 5], offset: 3 },
  ])('rejects $name with its offset', ({ bytes, offset }) => {
    expect(() => scan(Uint8Array.from(bytes), LIMITS)).toThrow(expect.objectContaining({ name: 'WireError', offset }));
  });

  it('does not descend below the limit of depth, however deep it goes', () => {
    let value: AnyValue = { stringValue: 'x' };
    for (let i = 0; i < 30; i++) value = { arrayValue: { values: [value] } };
    const shallow: AnyValue = {
      arrayValue: { values: [{ arrayValue: { values: [{ arrayValue: { values: [] } }] } }] },
    };
    const spans = [
      span(1e12, { attributes: [{ key: 'deep', value }] }),
      span(1e12, { attributes: [{ key: 'not', value: shallow }] }),
    ];
    expect(scanned(scan(encodeRequest([{ scopeSpans: [{ spans }] }]), LIMITS)).map(({ isDeep }) => isDeep)).toEqual([
      true,
      false,
    ]);
  });

  it('stops at the limit of spans', () => {
    const spans = [span(1e12), span(1e12), span(1e12)];
    const bytes = encodeRequest([{ scopeSpans: [{ spans }] }]);
    expect(scan(bytes, { ...LIMITS, maxSpans: 3 }).n).toBe(3);
    expect(() => scan(bytes, { ...LIMITS, maxSpans: 2 })).toThrow(TooManySpans);
  });

  it('finds the same name once', () => {
    const spans = Array.from({ length: 50 }, (_, i) => span(1e12, { name: `op ${i % 5}` }));
    expect(scan(encodeRequest([{ scopeSpans: [{ spans }] }]), LIMITS).names).toHaveLength(5);
  });
});
