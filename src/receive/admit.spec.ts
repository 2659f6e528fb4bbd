import { describe, expect, it } from '@jest/globals';
import { requestOf, span, type SpanFields } from '../../test/support/otlp-proto.js';
import { scan } from '../journal/scan.js';
import { HOUR_MS, floorHour } from '../model/window.js';
import { acceptedHours, admit, endsEarly, rejectOtherHours, rejectionMessage } from './admit.js';

const NOW_MS = 1_763_700_000_000;
const LIMITS = { maxSpanAgeHours: 168, maxFutureS: 300 };
const table = (...spans: SpanFields[]) => scan(requestOf('s', spans), { maxAttributeDepth: 2, maxSpans: 100 });
const ns = (ms: number) => `${ms}000000`;

describe('admit', () => {
  const lastMs = NOW_MS + 300_000;
  const firstMs = NOW_MS - 168 * HOUR_MS;
  it.each([
    { name: 'an ordinary span', fields: span(NOW_MS), expected: null },
    { name: 'an upper bound of future', fields: span(lastMs), expected: null },
    { name: 'more future', fields: span(lastMs + 0.001), expected: 'in_the_future' },
    { name: 'the oldest', fields: span(firstMs), expected: null },
    { name: 'older', fields: span(firstMs - 0.001), expected: 'too_old' },
    {
      name: 'a long span that ends now',
      fields: { ...span(NOW_MS), startTimeUnixNano: ns(NOW_MS - 48 * 86_400_000) },
      expected: null,
    },
    {
      name: 'a longer one',
      fields: { ...span(NOW_MS), startTimeUnixNano: ns(NOW_MS - 50 * 86_400_000) },
      expected: 'too_long',
    },
    { name: 'no start', fields: { ...span(NOW_MS), startTimeUnixNano: '0' }, expected: 'no_time' },
    { name: 'no end', fields: { ...span(NOW_MS), endTimeUnixNano: '0' }, expected: null },
    { name: 'an end before the start', fields: { ...span(NOW_MS), startTimeUnixNano: ns(NOW_MS + 5) }, expected: null },
    { name: 'a zero trace id', fields: span(NOW_MS, { traceId: new Uint8Array(16) }), expected: 'invalid_trace_id' },
    {
      name: 'a span id of 7 bytes',
      fields: span(NOW_MS, { spanId: new Uint8Array(7).fill(1) }),
      expected: 'invalid_span_id',
    },
    {
      name: 'a parent id of 16 bytes',
      fields: span(NOW_MS, { parentSpanId: new Uint8Array(16).fill(1) }),
      expected: 'invalid_parent_span_id',
    },
    { name: 'a zero parent id', fields: span(NOW_MS, { parentSpanId: new Uint8Array(8) }), expected: null },
  ])('judges $name: $expected', ({ fields, expected }) => {
    const { accepted, rejected, keep } = admit(table(span(NOW_MS), fields, span(NOW_MS)), LIMITS, NOW_MS);
    expect([...rejected]).toEqual(expected === null ? [] : [[expected, 1]]);
    expect([accepted, Array.from(keep)]).toEqual(expected === null ? [3, [1, 1, 1]] : [2, [1, 0, 1]]);
  });

  it('takes any age when told so', () => {
    const { accepted } = admit(table(span(1_000)), { ...LIMITS, maxSpanAgeHours: 0 }, NOW_MS);
    expect(accepted).toBe(1);
  });

  it('names reasons, the most frequent first', () => {
    const old = span(1_000);
    const admission = admit(
      table(span(NOW_MS, { traceId: new Uint8Array(3) }), old, old, span(NOW_MS)),
      LIMITS,
      NOW_MS,
    );
    expect(rejectionMessage(admission)).toBe(
      '3 of 4 spans rejected: 2 too_old (the span ended too long ago), 1 invalid_trace_id (the trace id is not 16 bytes, or all zero)',
    );
  });

  it('counts early ends and rejects hours that cannot be written, among accepted spans', () => {
    const early = { ...span(NOW_MS), startTimeUnixNano: ns(NOW_MS + 5) };
    const spans = table(early, { ...early, traceId: new Uint8Array(16) }, span(NOW_MS - 5 * HOUR_MS));
    const admission = admit(spans, LIMITS, NOW_MS);
    expect(endsEarly(spans, admission)).toBe(1);
    expect([...acceptedHours(spans, admission)]).toEqual([floorHour(NOW_MS), floorHour(NOW_MS - 5 * HOUR_MS)]);
    rejectOtherHours(spans, admission, new Set([floorHour(NOW_MS)]));
    expect([...admission.rejected]).toEqual([
      ['invalid_trace_id', 1],
      ['too_many_hours', 1],
    ]);
    expect(admission.accepted).toBe(1);
  });
});
