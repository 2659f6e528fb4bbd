import { normaliseSpanName } from '../model/span-name.js';
import { POSTED_ERROR } from '../model/posting.js';
import { attributesOf } from './attributes.js';
import { serviceNameOf, spanNameOf } from './named-spans.js';
import { decodeResource, decodeScope, decodeSpan } from './otlp-descriptor.js';
import type { PostedSpans } from './posting.js';
import { SPAN_ERROR, type SpanTable } from './span-table.js';
import type { Attribute, AttributeValue } from './stored-trace.js';

/** What one span must be for its trace to be found. Names are as the dictionary has them. */
export interface SpanFilter {
  service?: string;
  operation?: string;
  /** OTLP kind number. */
  kind?: number;
  minDurationUs: number;
  maxDurationUs: number;
  errorsOnly: boolean;
  /** All of them; a key that begins with `resource.`, `scope.`, `event.` or `link.` is looked for there too, without that beginning. */
  attributes: readonly { key: string; value: string }[];
  /** Half-open range in which the span ended. */
  fromUs: number;
  toUs: number;
}

const MAX_U32 = 0xffff_ffff;
/** Postings round durations above 71 minutes to milliseconds: what may match is looked at again in its segment. */
const ROUNDING_US = 500;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const ELSEWHERE = /^(resource|scope|event|link)\.(.+)$/s;

/** Whether posted span `i` of the window that starts at `windowUs` may match: exact but for names, attributes and very long durations. */
export function mayMatch(filter: SpanFilter, windowUs: number, spans: PostedSpans, i: number): boolean {
  const endUs = windowUs + spans.endOffsetUs[i]!;
  const durationUs = spans.durationUs[i]!;
  const slackUs = durationUs > MAX_U32 ? ROUNDING_US : 0;
  return (
    endUs >= filter.fromUs &&
    endUs < filter.toUs &&
    durationUs + slackUs >= filter.minDurationUs &&
    durationUs - slackUs <= filter.maxDurationUs &&
    (!filter.errorsOnly || (spans.flags[i]! & POSTED_ERROR) !== 0)
  );
}

/** Whether span `i` of a segment matches. */
export function matches(filter: SpanFilter, spans: SpanTable, i: number): boolean {
  const endUs = spans.endUs[i]!;
  const durationUs = endUs - spans.startUs[i]!;
  return (
    endUs >= filter.fromUs &&
    endUs < filter.toUs &&
    durationUs >= filter.minDurationUs &&
    durationUs <= filter.maxDurationUs &&
    (!filter.errorsOnly || (spans.flags[i]! & SPAN_ERROR) !== 0) &&
    (filter.kind === undefined || spans.kind[i] === filter.kind) &&
    (filter.operation === undefined || hasName(filter.operation, spanNameOf(spans, i))) &&
    (filter.service === undefined || serviceNameOf(spans, spans.resource[i]!) === filter.service) &&
    hasAttributes(filter.attributes, spans, i)
  );
}

/** An attribute's key as the filter may mean it: itself, and without the place that it begins with. */
export function keysOf(key: string): string[] {
  const rest = ELSEWHERE.exec(key)?.[2];
  return rest === undefined ? [key] : [key, rest];
}

/** By its own name, or by that of the operation that it is counted in. */
function hasName(wanted: string, name: string): boolean {
  return name === wanted || (wanted.includes('{') && normaliseSpanName(name) === wanted);
}

function hasAttributes(wanted: SpanFilter['attributes'], spans: SpanTable, i: number): boolean {
  if (wanted.length === 0) return true;
  const bytes = slice(spans, spans.from[i]!, spans.to[i]!);
  const span = lazily(() => decodeSpan(bytes));
  const ofSpan = lazily(() => attributesOf(span().attributes));
  const besides: Record<string, () => Attribute[]> = {
    resource: lazily(() => {
      const { from, to } = spans.resources[spans.resource[i]!]!;
      return attributesOf(decodeResource(slice(spans, from, to)).resource?.attributes ?? []);
    }),
    scope: lazily(() => {
      const { from, to } = spans.scopes[spans.scope[i]!]!;
      return attributesOf(decodeScope(slice(spans, from, to)).scope?.attributes ?? []);
    }),
    event: lazily(() => span().events.flatMap(({ attributes }) => attributesOf(attributes))),
    link: lazily(() => span().links.flatMap(({ attributes }) => attributesOf(attributes))),
  };
  const needles = needlesOf(wanted);
  return wanted.every(({ key, value }, at) => {
    // Looking for bytes is far cheaper than decoding a span that does not have them.
    const isThere = bytes.includes(key) && (needles[at]?.some((some) => bytes.includes(some)) ?? true);
    if (isThere && has(ofSpan(), key, value)) return true;
    const [, place, rest] = ELSEWHERE.exec(key) ?? [];
    return place !== undefined && has(besides[place]!(), rest!, value);
  });
}

const NEEDLES = new WeakMap<SpanFilter['attributes'], (Buffer[] | null)[]>();

/** What `bytesOf` says of each of them, worked out once for all spans of a search. */
function needlesOf(wanted: SpanFilter['attributes']): (Buffer[] | null)[] {
  let needles = NEEDLES.get(wanted);
  if (!needles) NEEDLES.set(wanted, (needles = wanted.map(({ value }) => bytesOf(value))));
  return needles;
}

/** Bytes of which an attribute with this value has one, if it reads as nothing but a string or bytes. Null: it may be of another type. */
function bytesOf(value: string): Buffer[] | null {
  if (/^[[{]|^(true|false|null|-?Infinity|NaN)$|\ufffd/.test(value) || !Number.isNaN(Number(value))) return null;
  const text = Buffer.from(value);
  return BASE64.test(value) ? [text, Buffer.from(value, 'base64')] : [text];
}

function has(attributes: readonly Attribute[], key: string, value: string): boolean {
  return attributes.some((attribute) => attribute.key === key && asText(attribute.value) === value);
}

/** Numbers and booleans as JSON writes them, arrays and objects as JSON without spaces, bytes as base64. */
function asText(value: AttributeValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function slice({ bytes }: SpanTable, from: number, to: number): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from);
}

function lazily<T>(make: () => T): () => T {
  let made: { value: T } | null = null;
  return () => (made ??= { value: make() }).value;
}
