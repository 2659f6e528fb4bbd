import { constants, createGunzip, gunzip, gunzipSync } from 'node:zlib';
import { Rejected } from '../model/failure.js';
import type { Buffers } from './buffers.js';

const MIN_CHUNK = 16 * 1024;
const MAX_CHUNK = 1024 * 1024;

/** As Inflater.inflate, but done by a thread of zlib's pool: for a thread that has other things to do. */
export function inflate(body: Buffer, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // The last four bytes state the size of the last member: a good first guess, and no more than that.
    const stated = body.length >= 18 ? body.readUInt32LE(body.length - 4) + 1 : 0;
    const chunkSize = Math.min(Math.max(stated, MIN_CHUNK), MAX_CHUNK);
    gunzip(body, { maxOutputLength: maxBytes, chunkSize, info: true }, (error, result) => {
      if (error) return reject(rejection(error, maxBytes));
      const { buffer, engine } = result as unknown as { buffer: Buffer; engine: { bytesWritten: number } };
      if (engine.bytesWritten !== body.length) return reject(trailing(engine.bytesWritten, body.length));
      resolve(buffer);
    });
  });
}

/** What node:zlib has inside: one stream that is reset and used again, as its own synchronous functions use one once. */
interface Handle {
  writeSync(flush: number, from: Buffer, at: number, size: number, to: Buffer, toAt: number, room: number): void;
  reset(): void;
  onerror: (message: string, errno: number, code: string) => void;
}

/**
 * Decompresses gzip bodies of one or more members into buffers that are used again. A stream of zlib's own costs 1.3 to 2 times as much for
 * each body (shared measurements: 0.8-1.3 µs a span against 1.3-2.1), and its output buffers more than that in garbage collection.
 */
export class Inflater {
  private readonly handle: Handle | null;
  /** Room left and input left after a write. */
  private readonly state: Uint32Array;
  private failure: string | null = null;

  constructor(private readonly buffers: Buffers) {
    const { _handle: handle, _writeState: state } = createGunzip() as unknown as {
      _handle?: Partial<Handle>;
      _writeState?: Uint32Array;
    };
    const isKnown =
      typeof handle?.writeSync === 'function' && typeof handle.reset === 'function' && state?.length === 2;
    this.handle = isKnown ? (handle as Handle) : null;
    this.state = state ?? new Uint32Array(2);
    if (this.handle) this.handle.onerror = (message) => (this.failure = message);
  }

  /**
   * The content of a body, and the buffer to give back once it is no longer read. Throws Rejected: 413 when it has more than `maxBytes` (it
   * stops there), 400 when it is not gzip, is cut short or is followed by other bytes.
   */
  inflate(body: Buffer, maxBytes: number): { bytes: Buffer; buffer: Buffer } {
    if (!this.handle) return slowly(body, maxBytes);
    // The last four bytes state the size of the last member: a good first guess, and no more than that.
    const stated = body.length >= 18 ? body.readUInt32LE(body.length - 4) : 0;
    // One byte more, so that an output that fills the buffer has not come to its end.
    let buffer = this.buffers.take(Math.min(stated, maxBytes) + 1);
    try {
      let size = 0;
      let read = 0;
      for (;;) {
        const room = Math.min(buffer.length, maxBytes + 1) - size;
        this.handle.writeSync(constants.Z_FINISH, body, read, body.length - read, buffer, size, room);
        const problem = this.takeFailure();
        if (problem !== null) throw new Rejected('bad_gzip', `the body is not valid gzip: ${problem}`);
        const [roomLeft, inputLeft] = this.state as unknown as [number, number];
        size += room - roomLeft;
        read = body.length - inputLeft;
        if (roomLeft > 0) break;
        if (size > maxBytes) throw tooLarge(maxBytes);
        const grown = this.buffers.take(Math.min(buffer.length * 2, maxBytes + 1));
        buffer.copy(grown, 0, 0, size);
        this.buffers.give(buffer);
        buffer = grown;
      }
      if (size > maxBytes) throw tooLarge(maxBytes);
      if (read !== body.length) throw trailing(read, body.length);
      return { bytes: buffer.subarray(0, size), buffer };
    } catch (error) {
      this.buffers.give(buffer);
      throw error;
    } finally {
      this.handle.reset();
    }
  }

  private takeFailure(): string | null {
    const { failure } = this;
    this.failure = null;
    return failure;
  }
}

/** By way of node:zlib's public functions, should a later Node have other insides. */
function slowly(body: Buffer, maxBytes: number): { bytes: Buffer; buffer: Buffer } {
  try {
    const { buffer, engine } = gunzipSync(body, { maxOutputLength: maxBytes, info: true }) as unknown as {
      buffer: Buffer;
      engine: { bytesWritten: number };
    };
    if (engine.bytesWritten !== body.length) throw trailing(engine.bytesWritten, body.length);
    return { bytes: buffer, buffer };
  } catch (error) {
    if (error instanceof Rejected) throw error;
    throw rejection(error as NodeJS.ErrnoException, maxBytes);
  }
}

function rejection(error: NodeJS.ErrnoException, maxBytes: number): Rejected {
  if (error.code === 'ERR_BUFFER_TOO_LARGE') return tooLarge(maxBytes);
  return new Rejected('bad_gzip', `the body is not valid gzip: ${error.message}`);
}

function tooLarge(maxBytes: number): Rejected {
  return new Rejected('too_large', `the body has more than ${maxBytes} bytes once decompressed`, 413);
}

function trailing(read: number, size: number): Rejected {
  return new Rejected('bad_gzip', `the gzip body ends at byte ${read} of ${size}`);
}
