import { AttributeTerms } from './attribute-terms.js';
import { NameIndex } from './name-index.js';
import { isZero, microseconds, OtlpScanner, tagOf } from './otlp-scanner.js';
import { REQUEST, RESOURCE_SPANS, SCOPE_SPANS, SCOPE, SPAN, EVENT, LINK, STATUS } from './otlp-shape.js';
import { attributeWeight, samplingWeight } from './sampling.js';
import {
  NEW_MEMORY,
  SPAN_ENDS_EARLY,
  SPAN_ERROR,
  SPAN_HAS_EVENTS,
  SPAN_NAME_TOO_LONG,
  SPAN_TOO_DEEP,
  SPAN_TOO_MANY_ATTRIBUTES,
  SPAN_TOO_MANY_EVENTS,
  SPAN_TOO_MANY_LINKS,
  SpanTable,
} from './span-table.js';
import type { ResourceRange, ScopeRange, SpanMemory } from './span-table.js';
import { LEN, VARINT } from './wire.js';

export interface ScanLimits {
  /** Arrays and key-value lists inside one another in an attribute value. */
  maxAttributeDepth: number;
  /** TooManySpans is thrown beyond. */
  maxSpans: number;
  /** Of one span, beyond which it is marked; not given: any number. */
  maxAttributesPerSpan?: number;
  maxEventsPerSpan?: number;
  maxLinksPerSpan?: number;
  maxNameBytes?: number;
  /** Attributes of a span that state its sampling weight where its tracestate does not, by their keys. */
  weightAttributes?: readonly string[];
  /** Whether to note what the attributes say, for the filter of a segment. */
  notesAttributes?: boolean;
}

export class TooManySpans extends Error {
  constructor(readonly limit: number) {
    super(`more than ${limit} spans in one request`);
    this.name = 'TooManySpans';
  }
}

/**
 * Reads ExportTraceServiceRequest messages, several of which may follow one another, in one pass and without decoding what is not needed.
 * Every known field is checked for its wire type and bounds, so that what is accepted here can be decoded later.
 * Throws WireError with the offset of the first wrong byte, or TooManySpans. The table's columns lie in `memory`, if given.
 */
export function scan(bytes: Uint8Array, limits: ScanLimits, memory?: SpanMemory): SpanTable {
  const scanner = new Scanner(bytes, limits, memory);
  try {
    return scanner.scan();
  } catch (error) {
    scanner.table.release();
    throw error;
  }
}

class Scanner extends OtlpScanner {
  readonly table: SpanTable;
  private readonly nameIndex: NameIndex;
  private readonly weightKeys: readonly Uint8Array[];

  constructor(
    bytes: Uint8Array,
    private readonly limits: ScanLimits,
    memory?: SpanMemory,
  ) {
    super(bytes, limits.maxAttributeDepth);
    this.weightKeys = (limits.weightAttributes ?? []).map((key) => Buffer.from(key));
    const expected = Math.min(1 + (bytes.length >>> 8), 4_096);
    this.table = new SpanTable(bytes, expected, memory);
    if (limits.notesAttributes) this.terms = this.table.terms = new AttributeTerms(bytes, memory ?? NEW_MEMORY);
    this.nameIndex = new NameIndex(bytes, this.table.names, expected);
  }

  scan(): SpanTable {
    const end = this.bytes.length;
    while (this.pos < end) {
      const at = this.pos;
      const tag = this.tag(end);
      if (tag === tagOf(1, LEN)) this.resourceSpans(this.length(end));
      else this.other(tag, at, end, REQUEST);
    }
    return this.table;
  }

  private resourceSpans(end: number): void {
    const resource: ResourceRange = { from: this.pos, to: end, serviceAt: -1, serviceTo: -1, tooDeep: false };
    const index = this.table.resources.push(resource) - 1;
    while (this.pos < end) {
      const at = this.pos;
      const tag = this.tag(end);
      if (tag === tagOf(1, LEN)) this.resource(this.length(end), resource);
      else if (tag === tagOf(2, LEN)) this.scopeSpans(this.length(end), index);
      else this.other(tag, at, end, RESOURCE_SPANS);
    }
  }

  private scopeSpans(end: number, resource: number): void {
    const scope: ScopeRange = { from: this.pos, to: end, tooDeep: false };
    const index = this.table.scopes.push(scope) - 1;
    while (this.pos < end) {
      const at = this.pos;
      const tag = this.tag(end);
      if (tag === tagOf(2, LEN)) this.span(this.length(end), resource, index);
      else if (tag === tagOf(1, LEN)) {
        if (!this.message(this.length(end), SCOPE)) scope.tooDeep = true;
      } else this.other(tag, at, end, SCOPE_SPANS);
    }
  }

  private span(end: number, resource: number, scope: number): void {
    const { table, bytes } = this;
    if (table.n === this.limits.maxSpans) throw new TooManySpans(this.limits.maxSpans);
    const from = this.pos;
    const attributesBefore = this.attributes;
    let events = 0;
    let links = 0;
    let traceAt = -1;
    let spanIdAt = -1;
    let parentAt = -1;
    let nameAt = from;
    let nameTo = from;
    let kind = 0;
    let startUs = 0;
    let endUs = 0;
    let weight = 0;
    let stated = 0;
    let flags = 0;
    while (this.pos < end) {
      const at = this.pos;
      const tag = this.tag(end);
      switch (tag) {
        case 0x4a: {
          const to = this.length(end);
          const keyAt = this.pos;
          if (!this.attribute(to)) flags |= SPAN_TOO_DEEP;
          if (this.weightKeys.length > 0) stated = attributeWeight(bytes, keyAt, to, this.weightKeys) || stated;
          break;
        }
        case 0x0a: {
          const to = this.length(end);
          traceAt = to - this.pos === 16 ? this.pos : -1;
          this.pos = to;
          break;
        }
        case 0x12: {
          const to = this.length(end);
          spanIdAt = to - this.pos === 8 ? this.pos : -1;
          this.pos = to;
          break;
        }
        case 0x1a: {
          const to = this.length(end);
          weight = samplingWeight(bytes, this.pos, to);
          this.pos = to;
          break;
        }
        case 0x22: {
          const to = this.length(end);
          parentAt = this.parent(to);
          this.pos = to;
          break;
        }
        case 0x2a:
          nameTo = this.length(end);
          nameAt = this.pos;
          this.pos = nameTo;
          break;
        case 0x30:
          kind = this.varint(end);
          break;
        case 0x39:
          startUs = microseconds(bytes, this.fixed(8, end));
          break;
        case 0x41:
          endUs = microseconds(bytes, this.fixed(8, end));
          break;
        case 0x5a: // events
          events++;
          flags |= SPAN_HAS_EVENTS;
          if (!this.message(this.length(end), EVENT)) flags |= SPAN_TOO_DEEP;
          break;
        case 0x6a: // links
          links++;
          if (!this.message(this.length(end), LINK)) flags |= SPAN_TOO_DEEP;
          break;
        case 0x7a:
          flags = this.status(this.length(end), flags);
          break;
        default:
          this.other(tag, at, end, SPAN);
      }
    }
    if (endUs < startUs) {
      endUs = startUs;
      flags |= SPAN_ENDS_EARLY;
    }
    flags |= this.excess(this.attributes - attributesBefore, events, links, nameTo - nameAt);
    const i = table.next();
    table.from[i] = from;
    table.to[i] = end;
    table.traceAt[i] = traceAt;
    table.spanIdAt[i] = spanIdAt;
    table.parentAt[i] = parentAt;
    table.name[i] = this.nameIndex.number(nameAt, nameTo);
    table.resource[i] = resource;
    table.scope[i] = scope;
    table.kind[i] = kind > 5 ? 0 : kind;
    table.flags[i] = flags;
    table.startUs[i] = startUs;
    table.endUs[i] = endUs;
    table.weight[i] = weight || stated;
  }

  private excess(attributes: number, events: number, links: number, nameBytes: number): number {
    const { maxAttributesPerSpan = Infinity, maxEventsPerSpan = Infinity } = this.limits;
    const { maxLinksPerSpan = Infinity, maxNameBytes = Infinity } = this.limits;
    return (
      (attributes > maxAttributesPerSpan ? SPAN_TOO_MANY_ATTRIBUTES : 0) |
      (events > maxEventsPerSpan ? SPAN_TOO_MANY_EVENTS : 0) |
      (links > maxLinksPerSpan ? SPAN_TOO_MANY_LINKS : 0) |
      (nameBytes > maxNameBytes ? SPAN_NAME_TOO_LONG : 0)
    );
  }

  /** Eight zero bytes are how some senders say that there is no parent. */
  private parent(to: number): number {
    const { bytes, pos } = this;
    if (to === pos) return -1;
    if (to - pos !== 8) return -2;
    return isZero(bytes, pos, 8) ? -1 : pos;
  }

  private status(end: number, flags: number): number {
    let isError = (flags & SPAN_ERROR) !== 0;
    while (this.pos < end) {
      const at = this.pos;
      const tag = this.tag(end);
      if (tag === tagOf(3, VARINT)) isError = this.varint(end) === 2;
      else this.other(tag, at, end, STATUS);
    }
    return isError ? flags | SPAN_ERROR : flags & ~SPAN_ERROR;
  }
}
