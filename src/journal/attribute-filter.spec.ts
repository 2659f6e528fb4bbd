import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fuzzInput } from '../../test/support/otlp-fuzz.js';
import { otlpType, type AnyValue } from '../../test/support/otlp-proto.js';
import { attributeFilter, filterCondition } from './attribute-filter.js';
import { termsOf } from './attribute-terms.js';
import { scan } from './scan.js';
import { storedSpan } from './stored-span.js';
import type { Attribute } from './stored-trace.js';

const LIMITS = { maxAttributeDepth: 64, maxSpans: 1_000, notesAttributes: true };

/** What PostgreSQL makes of the condition. */
function holds(filter: Buffer, terms: readonly number[]): boolean {
  const expression = filterCondition('filter', terms)
    .replaceAll('::int8', '')
    .replaceAll(' = 1', ' === 1')
    .replaceAll(' and ', ' && ')
    .replaceAll(' or ', ' || ')
    .replaceAll('length(filter)', 'filter.length');
  const getBit = (bytes: Buffer, bit: number) => (bytes[bit >> 3]! >> (bit & 7)) & 1;
  return new Function('get_bit', 'filter', `return ${expression}`)(getBit, filter) as boolean;
}

function filterOf(bytes: Uint8Array): Buffer {
  return attributeFilter([scan(bytes, LIMITS).terms!.all()]);
}

const textOf = ({ value }: Attribute) => (typeof value === 'string' ? value : JSON.stringify(value));

function mayHave(filter: Buffer, key: string, value: string): boolean {
  const terms = termsOf(key, value);
  return terms === null || holds(filter, terms);
}

/** Attributes of a request as search sees them, wherever they are. */
function attributesIn(bytes: Uint8Array): Attribute[] {
  const table = scan(bytes, LIMITS);
  return Array.from({ length: table.n }, (_, i) => storedSpan(table, i)).flatMap(
    ({ attributes, resource, scope, events, links }) => [
      ...attributes,
      ...resource,
      ...scope.attributes,
      ...[...events, ...links].flatMap((each) => each.attributes),
    ],
  );
}

const anyValue: fc.Arbitrary<AnyValue> = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: 'grapheme', maxLength: 300 }).map((stringValue) => ({ stringValue })) },
  { weight: 1, arbitrary: fc.string({ minLength: 16_300, maxLength: 16_500 }).map((stringValue) => ({ stringValue })) },
  fc.boolean().map((boolValue) => ({ boolValue })),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((intValue) => ({ intValue: String(intValue) })),
  fc.integer({ min: -300, max: 300 }).map((intValue) => ({ intValue: String(intValue) })),
  fc.double().map((doubleValue) => ({ doubleValue })),
  fc.integer().map((doubleValue) => ({ doubleValue })),
  fc.uint8Array({ maxLength: 20 }).map((bytesValue) => ({ bytesValue })),
  fc.constant<AnyValue>({ arrayValue: { values: [{ stringValue: 'a' }, { intValue: '1' }] } }),
  fc.constant<AnyValue>({ kvlistValue: { values: [{ key: 'k', value: { boolValue: true } }] } }),
);
const pairs = fc.array(fc.record({ key: fc.string({ unit: 'grapheme', maxLength: 140 }), value: anyValue }), {
  maxLength: 6,
});

describe('the filter of a segment', () => {
  it('has every attribute, whatever its type and wherever it is', () => {
    fc.assert(
      fc.property(pairs, pairs, pairs, (ofSpan, ofResource, ofEvent) => {
        const Request = otlpType('ExportTraceServiceRequest');
        const span = { traceId: Buffer.alloc(16, 1), spanId: Buffer.alloc(8, 1), attributes: ofSpan };
        const spans = [{ ...span, events: [{ attributes: ofEvent }], links: [{ attributes: ofEvent }] }];
        const resourceSpans = [{ resource: { attributes: ofResource }, scopeSpans: [{ spans }] }];
        const bytes = Request.encode(Request.fromObject({ resourceSpans })).finish();
        const filter = filterOf(bytes);
        const missing = attributesIn(bytes).filter((each) => !mayHave(filter, each.key, textOf(each)));
        expect(missing).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });

  it('has every attribute of requests that are encoded in unusual ways', () => {
    let attributes = 0;
    for (let n = 0; n < 1_500; n++) {
      const { bytes, isValid } = fuzzInput(7, n);
      if (!isValid) continue;
      const filter = filterOf(bytes);
      for (const each of attributesIn(bytes)) {
        attributes++;
        if (!mayHave(filter, each.key, textOf(each))) throw new Error(`input ${n}: ${JSON.stringify(each)} is missing`);
      }
    }
    expect(attributes).toBeGreaterThan(1_000);
  });

  it('takes about one in a thousand others for one of its own', () => {
    const Request = otlpType('ExportTraceServiceRequest');
    const spans = Array.from({ length: 800 }, (_, i) => ({
      traceId: Buffer.alloc(16, 1),
      spanId: Buffer.alloc(8, 1),
      attributes: [
        { key: 'user.id', value: { stringValue: `u${i}` } },
        { key: 'http.response.status_code', value: { intValue: 200 } },
      ],
    }));
    const resourceSpans = [{ scopeSpans: [{ spans }] }];
    const filter = filterOf(Request.encode(Request.fromObject({ resourceSpans })).finish());
    expect(filter.length).toBeLessThan(1_800);
    expect(mayHave(filter, 'user.id', 'u799')).toBe(true);
    let wrong = 0;
    for (let i = 0; i < 20_000; i++) if (mayHave(filter, 'user.id', `nobody-${i}`)) wrong++;
    expect(wrong / 20_000).toBeLessThan(0.006);
    expect(mayHave(filter, 'http.response.status_code', '500')).toBe(false);
  });

  it('of no attributes has none', () => {
    expect(holds(attributeFilter([new Int32Array()]), termsOf('a', 'b')!)).toBe(false);
  });

  it.each([
    { name: 'what is not UTF-8', key: 'k', value: 'a\ufffdb' },
    { name: 'a key that is not UTF-8', key: '\ufffd', value: 'a' },
    { name: 'no number', key: 'k', value: 'NaN' },
  ])('is not asked for $name', ({ key, value }) => {
    expect(termsOf(key, value)).toBeNull();
  });
});
