import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { gzipSync } from 'node:zlib';
import { Rejected } from '../model/failure.js';
import { Buffers } from './buffers.js';
import { Inflater } from './inflate.js';

const LIMIT = 1 << 20;

function rejection(work: () => unknown): Rejected {
  try {
    work();
  } catch (error) {
    if (error instanceof Rejected) return error;
    throw error;
  }
  throw new Error('it was taken');
}

describe('Inflater', () => {
  const buffers = new Buffers(LIMIT * 4);
  const inflater = new Inflater(buffers);

  it('gives back what was compressed, in one member or several, over and over', () => {
    const parts = fc.array(fc.uint8Array({ maxLength: 70_000 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(parts, (contents) => {
        const body = Buffer.concat(contents.map((content) => gzipSync(content)));
        const { bytes, buffer } = inflater.inflate(body, LIMIT);
        expect(bytes.equals(Buffer.concat(contents))).toBe(true);
        buffers.give(buffer);
      }),
      { numRuns: 200 },
    );
  });

  it('takes exactly as much as is allowed, and not a byte more', () => {
    const body = gzipSync(Buffer.alloc(LIMIT, 7));
    expect(inflater.inflate(body, LIMIT).bytes.length).toBe(LIMIT);
    expect(rejection(() => inflater.inflate(body, LIMIT - 1)).status).toBe(413);
  });

  it('stops a bomb that lies about its size', () => {
    const bomb = gzipSync(Buffer.alloc(64 << 20));
    bomb.writeUInt32LE(10, bomb.length - 4);
    expect(rejection(() => inflater.inflate(bomb, LIMIT)).code).toBe('too_large');
  });

  it.each([
    { name: 'no gzip', body: Buffer.from('this is no gzip at all, not even a little') },
    { name: 'what is cut short', body: gzipSync(Buffer.alloc(5_000, 3)).subarray(0, -9) },
    { name: 'a wrong checksum', body: withByte(gzipSync('abc'), -8) },
    { name: 'zeros behind it', body: Buffer.concat([gzipSync('abc'), Buffer.alloc(12)]) },
    { name: 'other bytes behind it', body: Buffer.concat([gzipSync('abc'), Buffer.from('xyz')]) },
    { name: 'too few bytes', body: Buffer.from([0x1f]) },
  ])('refuses $name, and goes on with the next body', ({ body }) => {
    expect(rejection(() => inflater.inflate(body, LIMIT)).code).toBe('bad_gzip');
    expect(inflater.inflate(gzipSync('still here'), LIMIT).bytes.toString()).toBe('still here');
  });
});

describe('Buffers', () => {
  it('gives the same buffer again, and never one that is still out', () => {
    const buffers = new Buffers(LIMIT);
    const first = buffers.take(20_000);
    expect(buffers.take(20_000)).not.toBe(first);
    buffers.give(first);
    expect(buffers.take(17_000)).toBe(first);
  });

  it('keeps no more than it may, and nothing of other sizes', () => {
    const buffers = new Buffers(32 * 1024);
    const both = [buffers.take(32 * 1024), buffers.take(32 * 1024)];
    for (const buffer of both) buffers.give(buffer);
    expect(buffers.take(32 * 1024)).toBe(both[0]);
    expect(both).not.toContain(buffers.take(32 * 1024));
    const odd = Buffer.alloc(20_000);
    buffers.give(odd);
    expect(buffers.take(20_000)).not.toBe(odd);
  });
});

function withByte(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes);
  changed[bytes.length + at]! ^= 0xff;
  return changed;
}
