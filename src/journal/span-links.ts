import { hexOf } from './attributes.js';
import type { SpanLink } from '../model/span.js';
import { decodeSpan } from './otlp-descriptor.js';

/** A batch may link to thousands: the first tell where it comes from. */
const MAX_LINKS = 4;

/** The first links of a span (as it lies in its segment); those without valid ids are left out. */
export function spanLinks(span: Uint8Array): SpanLink[] {
  return decodeSpan(span)
    .links.filter(({ traceId, spanId }) => traceId.length === 16 && spanId.length === 8)
    .slice(0, MAX_LINKS)
    .map(({ traceId, spanId }) => ({ traceId: hexOf(traceId), spanId: hexOf(spanId) }));
}
