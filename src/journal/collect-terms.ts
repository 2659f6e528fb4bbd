import { CORRELATION_SCOPES, type CorrelationScope } from '../model/correlation.js';
import type { Place, Term, TraceTerms } from '../model/trace-terms.js';
import { attributesOf, textOf } from './attributes.js';
import { serviceNameOf, spanNameOf } from './named-spans.js';
import type { SpanTable } from './span-table.js';
import type { AttributeValue } from './stored-trace.js';
import { LEN, WireReader } from './wire.js';

/** Bounds of what is collected; what lies beyond is counted in `left`. */
export const TERM_LIMITS = {
  spansPerTrace: 1_000,
  attributesPerSpan: 64,
  eventsPerSpan: 8,
  /** Bytes of a key with its value. */
  attributeBytes: 512,
  /** UTF-16 units. */
  keyLength: 120,
  valueLength: 200,
  /** Strings of an array, each of which counts as a value. */
  arrayLength: 4,
  terms: 50_000,
};
const CONTROLS = /[\u0000-\u001f\u007f-\u009f]/g;
const NONE: readonly number[] = [];
const TAG_ATTRIBUTES = (9 << 3) | LEN;
const TAG_EVENTS = (11 << 3) | LEN;
const TAG_STATUS = (15 << 3) | LEN;
const TAG_1 = (1 << 3) | LEN;
const TAG_2 = (2 << 3) | LEN;
const TAG_3 = (3 << 3) | LEN;

interface Trace {
  places: Set<number>;
  terms: Set<number>;
  spans: number;
}

/**
 * Gathers which attribute values stand in which traces, straight from the bytes of spans: a key and value that was met before at its
 * place costs a look-up by its bytes and no decoding. Copies of a span change nothing.
 */
export class TermCollector {
  private readonly places = new Map<string, number>();
  private readonly placeList: Place[] = [];
  private readonly termList: Term[] = [];
  /** Term numbers by place and scope, then by the attribute's bytes. */
  private readonly known = new Map<number, Map<string, readonly number[]>>();
  private readonly elements = new Map<string, readonly number[]>();
  private readonly traces = new Map<string, Trace>();
  private readonly resources = new WeakMap<SpanTable, Map<number, { service: number; terms: readonly number[] }>>();
  private readonly left: Record<string, number> = {};

  /** Takes span `i` as one of the trace (32 hex digits). */
  add(spans: SpanTable, i: number, traceId: string): void {
    let trace = this.traces.get(traceId);
    if (trace === undefined) this.traces.set(traceId, (trace = { places: new Set(), terms: new Set(), spans: 0 }));
    if (++trace.spans > TERM_LIMITS.spansPerTrace) return this.leave('spans_of_huge_traces');
    const { service, terms } = this.resourceOf(spans, spans.resource[i]!);
    const operation = this.placeOf(this.placeList[service]!.service, spanNameOf(spans, i));
    trace.places.add(service).add(operation);
    for (const term of terms) trace.terms.add(term);
    this.span(spans, i, operation, trace.terms);
  }

  result(): TraceTerms {
    const { placeList: places, termList: terms, traces, left } = this;
    return { places, terms, traces, left };
  }

  private resourceOf(spans: SpanTable, resource: number): { service: number; terms: readonly number[] } {
    let known = this.resources.get(spans);
    if (known === undefined) this.resources.set(spans, (known = new Map()));
    let found = known.get(resource);
    if (found === undefined) {
      const service = this.placeOf(serviceNameOf(spans, resource), null);
      known.set(resource, (found = { service, terms: this.resourceTerms(spans, resource, service) }));
    }
    return found;
  }

  private resourceTerms(spans: SpanTable, resource: number, service: number): number[] {
    const { from, to } = spans.resources[resource]!;
    const terms: number[] = [];
    const reader = new WireReader(spans.bytes, from);
    while (reader.pos < to) {
      const tag = reader.tag(to);
      if (tag !== TAG_1) {
        reader.skip(tag & 7, to);
        continue;
      }
      const end = reader.length(to);
      let n = 0;
      while (reader.pos < end) {
        const inner = reader.tag(end);
        if (inner !== TAG_1) reader.skip(inner & 7, end);
        else this.attribute(reader, reader.length(end), 'resource', service, n++, terms);
      }
    }
    return terms;
  }

  private span(spans: SpanTable, i: number, operation: number, into: Set<number>): void {
    const reader = new WireReader(spans.bytes, spans.from[i]);
    const to = spans.to[i]!;
    const terms: number[] = [];
    let attributes = 0;
    let events = 0;
    while (reader.pos < to) {
      const tag = reader.tag(to);
      if (tag === TAG_ATTRIBUTES) this.attribute(reader, reader.length(to), 'span', operation, attributes++, terms);
      else if (tag === TAG_EVENTS) {
        const end = reader.length(to);
        if (events++ < TERM_LIMITS.eventsPerSpan) this.event(reader, end, operation, terms);
        else this.leave('events');
        reader.pos = end;
      } else if (tag === TAG_STATUS) {
        const end = reader.length(to);
        this.text(reader, end, TAG_2, 'span', operation, 'status.message', terms);
        reader.pos = end;
      } else reader.skip(tag & 7, to);
    }
    for (const term of terms) into.add(term);
  }

  private event(reader: WireReader, end: number, operation: number, terms: number[]): void {
    const at = reader.pos;
    this.text(reader, end, TAG_2, 'event', operation, 'name', terms);
    reader.pos = at;
    let n = 0;
    while (reader.pos < end) {
      const tag = reader.tag(end);
      if (tag === TAG_3) this.attribute(reader, reader.length(end), 'event', operation, n++, terms);
      else reader.skip(tag & 7, end);
    }
  }

  /** Adds the string in field `wanted` of the message as the value of a key of ours. */
  private text(
    reader: WireReader,
    end: number,
    wanted: number,
    scope: CorrelationScope,
    place: number,
    key: string,
    terms: number[],
  ): void {
    while (reader.pos < end) {
      const tag = reader.tag(end);
      if (tag !== wanted) {
        reader.skip(tag & 7, end);
        continue;
      }
      const stop = reader.length(end);
      const { pos, bytes } = reader;
      reader.pos = stop;
      if (stop === pos) continue;
      if (stop - pos > TERM_LIMITS.attributeBytes) this.leave('long_values');
      else terms.push(...this.element(scope, place, key, textOf(bytes.subarray(pos, stop))));
    }
  }

  /** Adds the terms of the KeyValue that ends at `end`, attribute number `n` of its holder. */
  private attribute(
    reader: WireReader,
    end: number,
    scope: CorrelationScope,
    place: number,
    n: number,
    terms: number[],
  ): void {
    const { pos, bytes } = reader;
    reader.pos = end;
    if (n >= TERM_LIMITS.attributesPerSpan) return this.leave('attributes');
    if (end - pos > TERM_LIMITS.attributeBytes) return this.leave('long_values');
    const raw = Buffer.from(bytes.buffer, bytes.byteOffset + pos, end - pos).toString('latin1');
    const holder = place * CORRELATION_SCOPES.length + CORRELATION_SCOPES.indexOf(scope);
    let known = this.known.get(holder);
    if (known === undefined) this.known.set(holder, (known = new Map()));
    let ids = known.get(raw);
    if (ids === undefined) {
      if (this.termList.length >= TERM_LIMITS.terms) return this.leave('values');
      known.set(raw, (ids = this.decode(bytes, pos, end, scope, place)));
    }
    for (const id of ids) terms.push(id);
  }

  private decode(
    bytes: Uint8Array,
    from: number,
    to: number,
    scope: CorrelationScope,
    place: number,
  ): readonly number[] {
    const reader = new WireReader(bytes, from);
    let key = bytes.subarray(0, 0);
    let value = key;
    while (reader.pos < to) {
      const tag = reader.tag(to);
      if (tag !== TAG_1 && tag !== TAG_2) {
        reader.skip(tag & 7, to);
        continue;
      }
      const end = reader.length(to);
      if (tag === TAG_1) key = bytes.subarray(reader.pos, end);
      else value = bytes.subarray(reader.pos, end);
      reader.pos = end;
    }
    const [attribute] = attributesOf([{ key, value }]);
    return this.termsOf(scope, place, attribute!.key, attribute!.value);
  }

  /** New terms of an attribute that was not met before; strings of arrays may have been. */
  private termsOf(scope: CorrelationScope, place: number, key: string, value: AttributeValue): readonly number[] {
    if (key === '' || value === null || value === '') return NONE;
    if (Array.isArray(value)) {
      const some = value.slice(0, TERM_LIMITS.arrayLength).filter((each) => typeof each === 'string' && each !== '');
      return some.flatMap((each) => this.element(scope, place, key, each as string));
    }
    if (typeof value === 'object') return NONE;
    const text = String(value).replace(CONTROLS, '\ufffd');
    if (key.length > TERM_LIMITS.keyLength || text.length > TERM_LIMITS.valueLength) {
      this.leave('long_values');
      return NONE;
    }
    const number = typeof value === 'number' ? value : null;
    return [this.termList.push({ scope, place, key: key.replace(CONTROLS, '\ufffd'), value: text, number }) - 1];
  }

  /** The terms of a string that has no bytes of its own to be known by. */
  private element(scope: CorrelationScope, place: number, key: string, value: string): readonly number[] {
    const name = `${scope} ${place} ${key.length} ${key}${value}`;
    let ids = this.elements.get(name);
    if (ids === undefined) {
      if (this.termList.length >= TERM_LIMITS.terms) {
        this.leave('values');
        return NONE;
      }
      this.elements.set(name, (ids = this.termsOf(scope, place, key, value)));
    }
    return ids;
  }

  private placeOf(service: string, operation: string | null): number {
    const name = operation === null ? service : `${service}\0${operation}`;
    let place = this.places.get(name);
    if (place === undefined) {
      place = this.placeList.push({ service, operation }) - 1;
      this.places.set(name, place);
    }
    return place;
  }

  private leave(reason: string): void {
    this.left[reason] = (this.left[reason] ?? 0) + 1;
  }
}
