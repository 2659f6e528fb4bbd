const MIN_BYTES = 16 * 1024;
/** Larger buffers are rare and are left to the garbage collector. */
const MAX_BYTES = 4 * 1024 * 1024;

/**
 * Buffers that are used again and again, in sizes of powers of two. Memory outside the heap that comes and goes with every request makes V8
 * collect all of the heap many times a second; at most `maxIdleBytes` wait here for their next use.
 */
export class Buffers {
  private readonly idle = new Map<number, Buffer[]>();
  private idleBytes = 0;

  constructor(private readonly maxIdleBytes: number) {}

  /** A buffer of at least `size` bytes that holds anything. */
  take(size: number): Buffer {
    if (size > MAX_BYTES) return Buffer.allocUnsafeSlow(size);
    let bytes = MIN_BYTES;
    while (bytes < size) bytes *= 2;
    const buffer = this.idle.get(bytes)?.pop();
    if (!buffer) return Buffer.allocUnsafeSlow(bytes);
    this.idleBytes -= bytes;
    return buffer;
  }

  /** Takes back what nobody reads any more. */
  give(buffer: Buffer): void {
    const { length } = buffer;
    const isOurs = length >= MIN_BYTES && length <= MAX_BYTES && (length & (length - 1)) === 0;
    if (!isOurs || this.idleBytes + length > this.maxIdleBytes) return;
    const same = this.idle.get(length);
    if (same) same.push(buffer);
    else this.idle.set(length, [buffer]);
    this.idleBytes += length;
  }
}
