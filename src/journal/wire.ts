/** Bytes that are not the protobuf message they should be; `offset` counts from the start of the message. */
export class WireError extends Error {
  constructor(
    readonly offset: number,
    problem: string,
  ) {
    super(`${problem} at byte ${offset}`);
    this.name = 'WireError';
  }
}

export const VARINT = 0;
export const FIXED64 = 1;
export const LEN = 2;
export const FIXED32 = 5;

/** Reads protobuf fields one after another; the caller bounds every message by its end. */
export class WireReader {
  constructor(
    readonly bytes: Uint8Array,
    public pos = 0,
  ) {}

  /** A field's tag: number << 3 | wire type. Groups, reserved wire types and field number 0 are errors. */
  tag(end: number): number {
    const at = this.pos;
    const tag = this.uint32(end);
    const type = tag & 7;
    if (type > FIXED32 || type === 3 || type === 4) throw new WireError(at, `wire type ${type} is not allowed`);
    if (tag >>> 3 === 0) throw new WireError(at, 'field number 0');
    return tag;
  }

  /** The low 32 bits of a varint, unsigned. */
  varint(end: number): number {
    const { bytes } = this;
    let pos = this.pos;
    if (pos < end && bytes[pos]! < 0x80) {
      this.pos = pos + 1;
      return bytes[pos]!;
    }
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (pos >= end) throw new WireError(this.pos, 'truncated varint');
      const byte = bytes[pos++]!;
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        this.pos = pos;
        return value >>> 0;
      }
    }
    throw new WireError(this.pos, 'varint of more than ten bytes');
  }

  /** A varint that must fit in 32 bits, as tags and lengths do. */
  private uint32(end: number): number {
    const at = this.pos;
    const value = this.varint(end);
    const size = this.pos - at;
    if (size > 5 || (size === 5 && this.bytes[at + 4]! > 0x0f))
      throw new WireError(at, 'tag or length of more than 32 bits');
    return value;
  }

  /** Reads a length and returns the end of the bytes it announces; `pos` is at their start. */
  length(end: number): number {
    const at = this.pos;
    const length = this.uint32(end);
    if (length > end - this.pos) throw new WireError(at, `a length of ${length} reaches beyond its message`);
    return this.pos + length;
  }

  /** Steps over a value of the given wire type. */
  skip(type: number, end: number): void {
    if (type === VARINT) this.varint(end);
    else if (type === LEN) this.pos = this.length(end);
    else this.fixed(type === FIXED64 ? 8 : 4, end);
  }

  /** Steps over `size` bytes and returns where they start. */
  fixed(size: number, end: number): number {
    const at = this.pos;
    if (size > end - at) throw new WireError(at, 'truncated number');
    this.pos = at + size;
    return at;
  }
}

/** A varint of up to 32 bits, for lengths and tags. */
export function varintBytes(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  bytes.push(rest);
  return Uint8Array.from(bytes);
}
