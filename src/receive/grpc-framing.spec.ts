import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { UnaryReader, frame } from './grpc-framing.js';
import { GrpcFailure } from './grpc-status.js';
import { RPC } from './rpc-status.js';

const MAX_BYTES = 100;
const bytes = fc.uint8Array({ maxLength: MAX_BYTES }).map((array) => Buffer.from(array));

/** Cuts at the given places, wherever they are. */
function cut(whole: Buffer, places: number[]): Buffer[] {
  const ends = [...places.map((place) => place % (whole.length + 1)), whole.length].sort((a, b) => a - b);
  return ends.map((end, i) => whole.subarray(ends[i - 1] ?? 0, end));
}

function read(chunks: Buffer[]) {
  const reader = new UnaryReader(MAX_BYTES);
  for (const chunk of chunks) reader.push(chunk);
  return reader.finish();
}

function codeOf(work: () => unknown): number | string {
  try {
    work();
    return 'no failure';
  } catch (error) {
    return error instanceof GrpcFailure ? error.code : 'another error';
  }
}

describe('UnaryReader', () => {
  it('reads what was framed, however it is cut into chunks', () => {
    fc.assert(
      fc.property(bytes, fc.boolean(), fc.array(fc.nat(), { maxLength: 12 }), (body, isCompressed, places) => {
        const framed = frame(body);
        if (isCompressed) framed[0] = 1;
        expect(read(cut(framed, places))).toEqual({ isCompressed, body });
      }),
    );
  });

  it('refuses every message that is cut short, and every one with bytes behind it', () => {
    fc.assert(
      fc.property(bytes, fc.array(fc.nat(), { maxLength: 5 }), fc.nat(), (body, places, n) => {
        const framed = frame(body);
        const less = framed.subarray(0, 1 + (n % (framed.length - 1)));
        expect(codeOf(() => read(cut(less, places)))).toBe(RPC.INVALID_ARGUMENT);
        const more = Buffer.concat([framed, Buffer.alloc(1 + (n % 20))]);
        expect(codeOf(() => read(cut(more, places)))).toBe(RPC.UNIMPLEMENTED);
      }),
    );
  });

  it('throws nothing but GrpcFailure, whatever comes', () => {
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 6 }), (chunks) => {
        expect(codeOf(() => read(chunks))).not.toBe('another error');
      }),
    );
  });

  const prefix = (flags: number, length: number) => Buffer.from([flags, 0, 0, 0, length]);
  it.each([
    { name: 'no bytes', chunks: [], expected: RPC.UNIMPLEMENTED },
    { name: 'a length of the limit', chunks: [frame(Buffer.alloc(MAX_BYTES))], expected: 'no failure' },
    { name: 'a stated length beyond it', chunks: [prefix(0, MAX_BYTES + 1)], expected: RPC.RESOURCE_EXHAUSTED },
    { name: 'flags that are none', chunks: [prefix(2, 0)], expected: RPC.INTERNAL },
    { name: 'two messages', chunks: [frame(Buffer.alloc(0)), frame(Buffer.alloc(0))], expected: RPC.UNIMPLEMENTED },
  ])('answers $expected to $name', ({ chunks, expected }) => {
    expect(codeOf(() => read(chunks))).toBe(expected);
  });

  it('refuses a length beyond the limit before the message comes', () => {
    expect(codeOf(() => new UnaryReader(MAX_BYTES).push(prefix(1, MAX_BYTES + 1)))).toBe(RPC.RESOURCE_EXHAUSTED);
  });
});
