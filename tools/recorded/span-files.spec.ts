import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { formatOf, KNOWN_HEADERS, readSpans, serviceOfPod, toSpan } from './span-files.js';
import type { ReadCounts } from './span-files.js';
import { SpanTable } from './span-table.js';

const [SPANS, NEZHA] = KNOWN_HEADERS;
const TRACE = '898fbabdd1894463575af052c4cd7982';
const SPAN = '233d5101e107e112';
const PARENT = 'f613c6a34f920926';

describe('serviceOfPod', () => {
  const cases = [
    { input: 'frontend-579b9bff58-t2dbm', expected: 'frontend' },
    { input: 'ts-food-service-f5756978c-k8vqf', expected: 'ts-food-service' },
    { input: 'ts-basic-service-5dc8d4f9fd-46997', expected: 'ts-basic-service' },
    { input: 'redis-cart-0', expected: 'redis-cart' },
    { input: 'checkout', expected: 'checkout' },
    { input: 'my-checkout-service', expected: 'my-checkout-service' },
  ];
  it.each(cases)('$input', ({ input, expected }) => {
    expect(serviceOfPod(input)).toBe(expected);
  });
});

describe('toSpan', () => {
  it('reads a line of the own layout', () => {
    expect(toSpan('spans', [TRACE, SPAN, PARENT, 'cart', 'Get', '1661140374351773094', '11209', 'cart-1'])).toEqual({
      traceId: TRACE,
      spanId: SPAN,
      parentId: PARENT,
      service: 'cart',
      operation: 'Get',
      pod: 'cart-1',
      startNs: 1661140374351773094n,
      endNs: 1661140374362982094n,
    });
  });

  it('reads a line of the Nezha layout', () => {
    const fields = [
      TRACE,
      SPAN,
      'root',
      'frontend-579b9bff58-t2dbm',
      '/*',
      '1674982159219000000',
      '1674982159247160439',
      '28160',
    ];
    expect(toSpan('nezha', fields)).toMatchObject({
      parentId: '',
      service: 'frontend',
      pod: 'frontend-579b9bff58-t2dbm',
      endNs: 1674982159247160439n,
    });
  });

  const good = [TRACE, SPAN, '', 'cart', 'Get', '1', '2', 'p'];
  const wrong = [
    { name: 'short trace id', at: 0, value: 'abc' },
    { name: 'trace id of zeros', at: 0, value: '0'.repeat(32) },
    { name: 'span id that is not hex', at: 1, value: 'z'.repeat(16) },
    { name: 'a word for a parent', at: 2, value: 'root' },
    { name: 'no service', at: 3, value: '' },
    { name: 'a start that is not a number', at: 5, value: 'soon' },
    { name: 'a negative duration', at: 6, value: '-1' },
    { name: 'a time beyond 64 bits', at: 5, value: '9223372036854775807' },
  ];
  it.each(wrong)('refuses $name', ({ at, value }) => {
    expect(toSpan('spans', good)).not.toBeNull();
    expect(toSpan('spans', good.with(at, value))).toBeNull();
  });
});

describe('files', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'replay-files-'));
  const file = (name: string): string => path.join(folder, name);
  const lines = [
    SPANS,
    `${TRACE},${SPAN},,web,"GET ""/a,b""",1000,5,web-1`,
    `${TRACE},${PARENT},${SPAN},web,work,1001,1,web-1`,
    `${TRACE},${PARENT},${SPAN},web,work,1001,1,web-1`,
    'broken',
    '',
  ].join('\n');
  // The same lines, made with `zstd -19`.
  const zstd =
    'KLUv/QRo1QQAMsofGHDNA0AbLCgrazNAwJYO3nU3AYIqwMJ5AQB9ptrY3Iyt0VtQLag05k+yfkoLjpVSzSmlyD6kFCDGkTh+xLy6n1D9rdpNxhavAhJTNrmcUtwRjr3WYNFzRo9KAQtg1oadJ3kmOzS51q/DtC7X7TeVXy6Q/UvfekO9cXguyUu3NwkADTO4YPQs4ERvWdiR6hkOYHLNg1v3C22OLzQ=';
  beforeAll(() => {
    writeFileSync(file('plain.csv'), `\ufeff${lines}`);
    writeFileSync(file('packed.csv.zst'), Buffer.from(zstd, 'base64'));
    writeFileSync(file('cut.csv.zst'), Buffer.from(zstd, 'base64').subarray(0, -20));
    writeFileSync(file('nezha.csv'), `${NEZHA}\r\n`);
    writeFileSync(file('logs.csv'), 'trace_id,span_id,time_ns,pod,body\n');
    writeFileSync(file('other.csv'), 'a,b\n');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each([
    { name: 'plain.csv', expected: 'spans' },
    { name: 'packed.csv.zst', expected: 'spans' },
    { name: 'nezha.csv', expected: 'nezha' },
    { name: 'logs.csv', expected: 'logs' },
    { name: 'other.csv', expected: 'unknown' },
  ])('knows $name by its first line', async ({ name, expected }) => {
    expect(await formatOf(file(name))).toBe(expected);
  });

  it.each(['plain.csv', 'packed.csv.zst'])('reads %s, counting what it leaves out', async (name) => {
    const spans = new SpanTable();
    const counts: ReadCounts = { duplicates: 0, invalid: 0 };
    await readSpans(file(name), 'spans', spans, counts, () => undefined);
    expect(spans.count).toBe(2);
    expect(spans.operationNames.name(spans.operation(0))).toBe('GET "/a,b"');
    expect(spans.parentRow(1)).toBe(0);
    expect(counts).toEqual({ duplicates: 1, invalid: 1, firstInvalid: `${file(name)}:5` });
  });

  it('names a file that is cut off', async () => {
    const counts: ReadCounts = { duplicates: 0, invalid: 0 };
    await expect(readSpans(file('cut.csv.zst'), 'spans', new SpanTable(), counts, () => undefined)).rejects.toThrow(
      'cut.csv.zst cannot be read',
    );
  });
});
