import type { AttributeTerms } from './attribute-terms.js';
import { ANY_VALUE, KEY_VALUE, RESOURCE, childOf, type Shape } from './otlp-shape.js';
import type { ResourceRange } from './span-table.js';
import { LEN, WireError, WireReader } from './wire.js';

export const tagOf = (field: number, type: number) => (field << 3) | type;
/** Tags of KeyValue and AnyValue. */
const KEY = 0x0a;
const VALUE = 0x12;
const STRING = 0x0a;
const BOOL = 0x10;
const INT = 0x18;
const DOUBLE = 0x21;
const SERVICE_NAME = [...'service.name'].map((letter) => letter.charCodeAt(0));

/** What the messages of all OTLP signals have in common: resources, attributes and the check of what is not looked into. */
export class OtlpScanner extends WireReader {
  // The stack of `attribute`, kept to make no objects for the many values that are no deeper than one level.
  private readonly parentShapes: Shape[] = [];
  private readonly parentStops: number[] = [];
  /** Attributes read so far, wherever they were. */
  protected attributes = 0;
  /** What they say, if anybody asks. */
  protected terms: AttributeTerms | null = null;

  constructor(
    bytes: Uint8Array,
    private readonly maxAttributeDepth: number,
  ) {
    super(bytes);
  }

  protected resource(end: number, resource: ResourceRange): void {
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

  /** Steps through a message of which only the form matters; false when an attribute in it is nested too deep. */
  protected message(end: number, shape: Shape): boolean {
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
   * Steps through a KeyValue (or an AnyValue by itself); false when its value is nested too deep. Keeps its own stack, so that depth costs
   * no call frames, and does not look into what lies below the limit.
   */
  protected attribute(end: number, as: Shape = KEY_VALUE): boolean {
    this.attributes++;
    if (as === KEY_VALUE) {
      if (this.isPlain(end)) {
        this.terms?.add(this.pos, end);
        this.pos = end;
        return true;
      }
      if (this.terms) this.noteKeys(this.terms, end);
    }
    let shape = as;
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
        if (shape === ANY_VALUE && ++depth > this.maxAttributeDepth) {
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

  /** Notes every key that the KeyValue up to `end` states; none is an empty one. Looks no further where it is not well formed. */
  private noteKeys(terms: AttributeTerms, end: number): void {
    const reader = new WireReader(this.bytes, this.pos);
    let keys = 0;
    try {
      while (reader.pos < end) {
        const tag = reader.tag(end);
        if (tag === KEY) {
          const to = reader.length(end);
          terms.addKey(reader.pos, to);
          reader.pos = to;
          keys++;
        } else reader.skip(tag & 7, end);
      }
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
    }
    if (keys === 0) terms.addKey(end, end);
  }

  /**
   * Whether what lies up to `end` is a key and a text, number or boolean, in this order, each length and number as short as it can be, and nothing
   * else: as nearly all attributes are, so that equal ones are equal byte for byte.
   */
  private isPlain(end: number): boolean {
    const { bytes, pos } = this;
    if (end - pos < 4 || bytes[pos] !== KEY) return false;
    const value = pos + 2 + bytes[pos + 1]!;
    // Lengths of one byte, or of two.
    if (bytes[pos + 1]! > 127 || value + 4 > end || bytes[value] !== VALUE) return false;
    let at = value + 1;
    let size = bytes[at++]!;
    if (size > 127) {
      const high = bytes[at++]!;
      if (high > 127 || high === 0) return false;
      size = (size & 127) | (high << 7);
    }
    if (at + size !== end || size < 2) return false;
    const tag = bytes[at++]!;
    let length = bytes[at++]!;
    if (tag === INT) {
      const from = at - 1;
      while (length > 127 && at < end) length = bytes[at++]!;
      if (at < end || length > 127) return false;
      // The tenth byte has room for one bit; the last is zero only when it is the only one.
      const n = at - from;
      return n < 10 ? length > 0 || n === 1 : n === 10 && length === 1;
    }
    if (tag === BOOL) return length < 2 && at === end;
    if (tag === DOUBLE) return size === 9;
    if (tag !== STRING) return false;
    if (length > 127) {
      if (at === end) return false;
      const high = bytes[at++]!;
      if (high > 127 || high === 0) return false;
      length = (length & 127) | (high << 7);
    }
    return at + length === end;
  }

  /** Steps over a field that is not looked into; a known field of another wire type means that this is another message. */
  protected other(tag: number, at: number, end: number, shape: Shape): void {
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
export function microseconds(bytes: Uint8Array, at: number): number {
  const low = (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
  const high = (bytes[at + 4]! | (bytes[at + 5]! << 8) | (bytes[at + 6]! << 16) | (bytes[at + 7]! << 24)) >>> 0;
  // 2^32 ns = 4294967 µs and 296 ns
  return high * 4_294_967 + Math.floor((high * 296 + low) / 1_000);
}
