import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SpanTable } from './span-table.js';
import type { SpanRow } from './span-table.js';

const row = (over: Partial<SpanRow>): SpanRow => ({
  traceId: 'a'.repeat(32),
  spanId: '1'.repeat(16),
  parentId: '',
  service: 's',
  operation: 'o',
  pod: 'p',
  startNs: 1_700_000_000_000_000_000n,
  endNs: 1_700_000_000_000_000_001n,
  ...over,
});
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const hexOf = (digits: number) =>
  fc.uint8Array({ minLength: digits / 2, maxLength: digits / 2 }).map((bytes) => {
    bytes[0] = 1;
    return hex(bytes);
  });

describe('SpanTable', () => {
  it('gives back what was added, to the nanosecond, through growth', () => {
    const rows = fc.uniqueArray(
      fc.record({
        traceId: hexOf(32),
        spanId: hexOf(16),
        parentId: fc.oneof(fc.constant(''), hexOf(16)),
        service: fc.string({ minLength: 1 }),
        operation: fc.string({ minLength: 1 }),
        pod: fc.string(),
        startNs: fc.bigInt(0n, 10n ** 15n),
        endNs: fc.bigInt(0n, 10n ** 15n),
      }),
      { selector: ({ traceId, spanId }) => traceId + spanId, maxLength: 200 },
    );
    fc.assert(
      fc.property(rows, (each) => {
        const spans = new SpanTable(16);
        expect(each.map((one) => spans.add(one))).toEqual(each.map(() => true));
        expect(each.map((one) => spans.add(one))).toEqual(each.map(() => false));
        expect(spans.count).toBe(each.length);
        each.forEach((one, at) => {
          expect({
            traceId: hex(spans.traceId(at)),
            spanId: hex(spans.spanId(at)),
            parentId: hex(spans.parentId(at)),
            service: spans.serviceNames.name(spans.service(at)),
            operation: spans.operationNames.name(spans.operation(at)),
            pod: spans.podNames.name(spans.pod(at)),
            startNs: spans.baseNs + BigInt(spans.startNs(at)),
            endNs: spans.baseNs + BigInt(spans.endNs(at)),
          }).toEqual(one);
        });
      }),
      { numRuns: 50 },
    );
  });

  it('finds a parent in the same trace only, before and after growth', () => {
    const spans = new SpanTable(4);
    spans.add(row({ spanId: '2'.repeat(16), parentId: '1'.repeat(16) }));
    spans.add(row({}));
    spans.add(row({ traceId: 'b'.repeat(32), spanId: '2'.repeat(16), parentId: '1'.repeat(16) }));
    for (let i = 0; i < 50; i += 1)
      spans.add(row({ traceId: 'c'.repeat(32), spanId: String(i + 10).padStart(16, '0') }));
    expect([0, 1, 2].map((at) => spans.parentRow(at))).toEqual([1, -1, -1]);
    expect([0, 1, 2].map((at) => spans.isRoot(at))).toEqual([false, true, false]);
  });

  it('refuses data whose times do not fit', () => {
    const spans = new SpanTable();
    spans.add(row({}));
    expect(() => spans.add(row({ spanId: '3'.repeat(16), startNs: 0n }))).toThrow('104 days');
  });
});
