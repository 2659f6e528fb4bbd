import { gunzip } from 'node:zlib';
import { Rejected } from '../model/failure.js';

const MIN_CHUNK = 16 * 1024;
const MAX_CHUNK = 1024 * 1024;

/**
 * The content of a gzip body of one or more members, decompressed off the main thread. Throws Rejected: 413 when it has more than `maxBytes`
 * (it stops there), 400 when it is not gzip, is cut short or is followed by other bytes.
 */
export function inflate(body: Buffer, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // The last four bytes state the size of the last member: a good first guess, and no more than that.
    const stated = body.length >= 18 ? body.readUInt32LE(body.length - 4) + 1 : 0;
    const chunkSize = Math.min(Math.max(stated, MIN_CHUNK), MAX_CHUNK);
    gunzip(body, { maxOutputLength: maxBytes, chunkSize, info: true }, (error, result) => {
      if (error) return reject(rejection(error, maxBytes));
      const { buffer, engine } = result as unknown as { buffer: Buffer; engine: { bytesWritten: number } };
      if (engine.bytesWritten !== body.length) {
        return reject(new Rejected('bad_gzip', `the gzip body ends at byte ${engine.bytesWritten} of ${body.length}`));
      }
      resolve(buffer);
    });
  });
}

function rejection(error: NodeJS.ErrnoException, maxBytes: number): Rejected {
  if (error.code === 'ERR_BUFFER_TOO_LARGE') {
    return new Rejected('too_large', `the body has more than ${maxBytes} bytes once decompressed`, 413);
  }
  return new Rejected('bad_gzip', `the body is not valid gzip: ${error.message}`);
}
