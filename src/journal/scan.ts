import { NameIndex } from './name-index.js';
import {
  REQUEST,
  RESOURCE_SPANS,
  RESOURCE,
  SCOPE_SPANS,
  SCOPE,
  SPAN,
  EVENT,
  LINK,
  STATUS,
  KEY_VALUE,
  ANY_VALUE,
  childOf,
  type Shape,
} from './otlp-shape.js';
import { attributeWeight, samplingWeight } from './sampling.js';
import {
  SPAN_ENDS_EARLY,
  SPAN_ERROR,
  SPAN_NAME_TOO_LONG,
  SPAN_TOO_DEEP,
  SPAN_TOO_MANY_ATTRIBUTES,
  SPAN_TOO_MANY_EVENTS,
  SPAN_TOO_MANY_LINKS,
  SpanTable,
} from './span-table.js';
import type { ResourceRange, ScopeRange } from './span-table.js';
import { LEN, VARINT, WireError, WireReader } from './wire.js';

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
}

export class TooManySpans extends Error {
  constructor(readonly limit: number) {
    super(`more than ${limit} spans in one request`);
    this.name = 'TooManySpans';
  }
}

const tagOf = (field: number, type: number) => (field << 3) | type;
const SERVICE_NAME = [...'service.name'].map((letter) => letter.charCodeAt(0));

/**
 * Reads ExportTraceServiceRequest messages, several of which may follow one another, in one pass and without decoding what is not needed.
 * Every known field is checked for its wire type and bounds, so that what is accepted here can be decoded later.
 * Throws WireError with the offset of the first wrong byte, or TooManySpans.
 */
export function scan(bytes: Uint8Array, limits: ScanLimits): SpanTable {
  return new Scanner(bytes, limits).scan();
}

class Scanner extends WireReader {
  private readonly table: SpanTable;
  private readonly nameIndex: NameIndex;
  // The stack of `attribute`, kept to make no objects for the many values that are no deeper than one level.
  private readonly parentShapes: Shape[] = [];
  private readonly parentStops: number[] = [];
  /** Attributes read so far, wherever they were. */
  private attributes = 0;
  private readonly weightKeys: readonly Uint8Array[];

  constructor(
    bytes: Uint8Array,
    private readonly limits: ScanLimits,
  ) {
    super(bytes);
    this.weightKeys = (limits.weightAttributes ?? []).map((key) => Buffer.from(key));
    this.table = new SpanTable(bytes, Math.min(1 + (bytes.length >>> 8), 4_096));
    this.nameIndex = new NameIndex(bytes, this.table.names);
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

  private resource(end: number, resource: ResourceRange): void {
    while (this.pos < end) {
      const at = this.pos;
      const tag = this.tag(end);
      if (tag === tagOf(1, LEN)) {
        const stop = this.length(end);
        const from = this.pos;
        if (!this.attribute(stop)) resource.tooDeep = true;
        if (resource.serviceAt < 0) this.serviceName(from, stop, resource);
      } else this.other(tag, at, end, RESOURCE);
    }
  }

  /** Looks whether the attribute in [from, to), known to be well formed, is the string service.name. */
  private serviceName(from: number, to: number, resource: ResourceRange): void {
    const reader = new WireReader(this.bytes, from);
    let isServiceName = false;
    let at = -1;
    let stop = -1;
    while (reader.pos < to) {
      const tag = reader.tag(to);
      if (tag === tagOf(1, LEN)) {
        const end = reader.length(to);
        isServiceName =
          end - reader.pos === SERVICE_NAME.length &&
          SERVICE_NAME.every((byte, i) => this.bytes[reader.pos + i] === byte);
        reader.pos = end;
      } else if (tag === tagOf(2, LEN)) {
        const end = reader.length(to);
        while (reader.pos < end) {
          const inner = reader.tag(end);
          if (inner === tagOf(1, LEN)) {
            stop = reader.length(end);
            at = reader.pos;
            reader.pos = stop;
          } else {
            // Of several variants of a value the last counts.
            if (ANY_VALUE.types[inner >>> 3] !== undefined) at = -1;
            reader.skip(inner & 7, end);
          }
        }
      } else reader.skip(tag & 7, to);
    }
    if (isServiceName && at >= 0 && stop > at) {
      resource.serviceAt = at;
      resource.serviceTo = stop;
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

  /** Steps through a message of which only the form matters; false when an attribute in it is nested too deep. */
  private message(end: number, shape: Shape): boolean {
    let isShallow = true;
    while (this.pos < end) {
      const at = this.pos;
      const tag = this.tag(end);
      if (shape.attributes > 0 && tag === tagOf(shape.attributes, LEN)) {
        if (!this.attribute(this.length(end))) isShallow = false;
      } else this.other(tag, at, end, shape);
    }
    return isShallow;
  }

  /**
   * Steps through a KeyValue; false when its value is nested too deep. Keeps its own stack, so that depth costs no call frames,
   * and does not look into what lies below the limit.
   */
  private attribute(end: number): boolean {
    this.attributes++;
    let shape = KEY_VALUE;
    let stop = end;
    let depth = 0;
    let isShallow = true;
    let parents = 0;
    for (;;) {
      while (this.pos < stop) {
        const at = this.pos;
        const tag = this.tag(stop);
        const child = childOf(shape, tag);
        if (!child) {
          this.other(tag, at, stop, shape);
          continue;
        }
        const childStop = this.length(stop);
        if (shape === ANY_VALUE && ++depth > this.limits.maxAttributeDepth) {
          depth--;
          isShallow = false;
          this.pos = childStop;
          continue;
        }
        this.parentShapes[parents] = shape;
        this.parentStops[parents++] = stop;
        shape = child;
        stop = childStop;
      }
      if (parents === 0) return isShallow;
      shape = this.parentShapes[--parents]!;
      stop = this.parentStops[parents]!;
      if (shape === ANY_VALUE) depth--;
    }
  }

  /** Steps over a field that is not looked into; a known field of another wire type means that this is another message. */
  private other(tag: number, at: number, end: number, shape: Shape): void {
    const field = tag >>> 3;
    const expected = shape.types[field];
    if (expected !== undefined && expected !== (tag & 7)) {
      throw new WireError(at, `field ${field} of ${shape.message} has wire type ${tag & 7} instead of ${expected}`);
    }
    this.skip(tag & 7, end);
  }
}

/** Whether `size` bytes from `at` are all zero, as ids must not be. */
export function isZero(bytes: Uint8Array, at: number, size: number): boolean {
  for (let i = at; i < at + size; i++) if (bytes[i] !== 0) return false;
  return true;
}

/** Nanoseconds (fixed64) as whole microseconds, exact until the year 2255. */
function microseconds(bytes: Uint8Array, at: number): number {
  const low = (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
  const high = (bytes[at + 4]! | (bytes[at + 5]! << 8) | (bytes[at + 6]! << 16) | (bytes[at + 7]! << 24)) >>> 0;
  // 2^32 ns = 4294967 µs and 296 ns
  return high * 4_294_967 + Math.floor((high * 296 + low) / 1_000);
}
