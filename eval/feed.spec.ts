import { describe, expect, it } from '@jest/globals';
import { inferKinds } from '../tools/recorded/kinds.js';
import { select } from '../tools/recorded/recording.js';
import { SpanTable } from '../tools/recorded/span-table.js';
import { failures, operationsOf, windowsOf } from './feed.js';

const T0 = Date.UTC(2022, 7, 22, 4);
const ns = (ms: number): bigint => BigInt(Math.round((T0 + ms) * 1000)) * 1000n + 999n;

function recording() {
  const spans = new SpanTable();
  const add = (spanId: string, parentId: string, service: string, startMs: number, endMs: number) =>
    spans.add({
      traceId: 'a'.repeat(32),
      spanId: spanId.repeat(16),
      parentId: parentId.repeat(16),
      service,
      operation: 'o',
      pod: '',
      startNs: ns(startMs),
      endNs: ns(endMs),
    });
  add('1', '', 'web', 0, 35_000);
  add('2', '1', 'web', 1, 9_999.9);
  add('3', '2', 'cart', 2, 10_000);
  const kinds = inferKinds(spans);
  return { spans, kinds, ...select(spans, { fromMs: null, toMs: null, limitMinutes: null }, []) };
}

describe('operationsOf', () => {
  it('tells operations apart by service, name and kind', () => {
    const { operations, idOfRow } = operationsOf(recording());
    expect([...operations.values()].map(({ service, kind }) => `${service} ${kind}`)).toEqual([
      'web 2',
      'web 3',
      'cart 2',
    ]);
    expect([...idOfRow]).toEqual([1, 2, 3]);
  });
});

describe('windowsOf', () => {
  it('gives spans in the window in which they end, and the windows between', () => {
    const data = recording();
    const windows = [...windowsOf(data, operationsOf(data), (row) => row === 2)];
    expect(windows.map(({ windowAtMs, spans }) => [windowAtMs - T0, spans.map((span) => span.operationId)])).toEqual([
      [0, [2]],
      [10_000, [3]],
      [20_000, []],
      [30_000, [1]],
    ]);
    const [, { spans } = { spans: [] }] = windows;
    expect(spans[0]).toEqual({
      traceId: 'a'.repeat(32),
      spanId: '3'.repeat(16),
      parentSpanId: '2'.repeat(16),
      operationId: 3,
      serviceId: 2,
      kind: 2,
      startUs: (T0 + 2) * 1000,
      endUs: (T0 + 10_000) * 1000,
      isError: true,
    });
    expect(windows[3]?.spans[0]).toMatchObject({ parentSpanId: '', isError: false });
  });
});

describe('failures', () => {
  it('are the named spans and those of the same service above them', () => {
    const spans = new SpanTable();
    const add = (spanId: string, parentId: string, service: string, operation: string) =>
      spans.add({
        traceId: 'a'.repeat(32),
        spanId: spanId.repeat(16),
        parentId: parentId.repeat(16),
        service,
        operation,
        pod: '',
        startNs: 1n,
        endNs: 2n,
      });
    add('1', '', 'web', 'GET /');
    add('2', '1', 'web', 'call');
    add('3', '2', 'cart', 'Get');
    add('4', '3', 'cart', 'error');
    const failed = (name: string | null) => [0, 1, 2, 3].map(failures({ spans }, name));
    expect(failed('error')).toEqual([false, false, true, true]);
    expect(failed('call')).toEqual([true, true, false, false]);
    expect(failed(null)).toEqual([false, false, false, false]);
  });
});
