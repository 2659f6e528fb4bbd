const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
const TRAILER = Buffer.from([0xff, 0xff]);
/** PostgreSQL counts its timestamps from 2000-01-01. */
const POSTGRES_EPOCH_MS = 946_684_800_000;
const CHUNK_BYTES = 64 * 1024;

/** Builds the rows of a COPY … WITH (FORMAT binary), column after column. Source: PostgreSQL manual, COPY, "Binary Format". */
export class CopyRows {
  n = 0;
  /** What is written so far, and room; another buffer once that is full. */
  bytes: Buffer;
  private length: number;

  /** `expectedBytes`: room that is there from the start. */
  constructor(expectedBytes = CHUNK_BYTES) {
    this.bytes = Buffer.allocUnsafeSlow(expectedBytes + SIGNATURE.length + TRAILER.length);
    this.length = SIGNATURE.copy(this.bytes);
  }

  get view(): DataView {
    return new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length);
  }

  row(columns: number): void {
    this.reserve(2);
    this.length = this.bytes.writeInt16BE(columns, this.length);
    this.n++;
  }

  null(): void {
    this.head(-1, 0);
  }

  bool(value: boolean): void {
    this.head(1, 1);
    this.length = this.bytes.writeUInt8(value ? 1 : 0, this.length);
  }

  int2(value: number): void {
    this.head(2, 2);
    this.length = this.bytes.writeInt16BE(value, this.length);
  }

  int4(value: number): void {
    this.head(4, 4);
    this.length = this.bytes.writeInt32BE(value, this.length);
  }

  /** A whole number that a double holds exactly. */
  int8(value: number): void {
    this.head(8, 8);
    this.bytes.writeInt32BE(Math.floor(value / 2 ** 32), this.length);
    this.length = this.bytes.writeUInt32BE(value - Math.floor(value / 2 ** 32) * 2 ** 32, this.length + 4);
  }

  /** An int8 in decimal. */
  bigint(value: string): void {
    this.head(8, 8);
    this.length = this.bytes.writeBigInt64BE(BigInt(value), this.length);
  }

  timestamp(epochMs: number): void {
    this.int8((epochMs - POSTGRES_EPOCH_MS) * 1_000);
  }

  /** Bytes [at, at + size) of the source: a uuid (16) or a bytea. */
  raw(source: Uint8Array, at = 0, size = source.length): void {
    this.head(size, size);
    this.bytes.set(source.subarray(at, at + size), this.length);
    this.length += size;
  }

  /** A bytea of which `size` bytes are yet to be written; returns where. */
  room(size: number): number {
    this.head(size, size);
    this.length += size;
    return this.length - size;
  }

  /** The whole COPY, with its end. */
  finish(): Buffer {
    this.reserve(TRAILER.length);
    this.length += TRAILER.copy(this.bytes, this.length);
    return this.bytes.subarray(0, this.length);
  }

  private head(size: number, room: number): void {
    this.reserve(4 + room);
    this.length = this.bytes.writeInt32BE(size, this.length);
  }

  private reserve(size: number): void {
    if (this.length + size <= this.bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, this.length + size));
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
  }
}
