import { describe, expect, it } from '@jest/globals';
import { columnName } from './names.js';

const nameOf = (bytes: Uint8Array) =>
  columnName(Buffer.concat([Buffer.from('ab'), bytes, Buffer.from('c')]), 2, 2 + bytes.length);

describe('columnName', () => {
  it.each([
    { name: 'plain text', bytes: Buffer.from('GET /cart'), expected: 'GET /cart' },
    { name: 'other scripts', bytes: Buffer.from('注文 🛒 سلة'), expected: '注文 🛒 سلة' },
    { name: 'NUL', bytes: Buffer.from('a\0b'), expected: 'a\ufffdb' },
    {
      name: 'control characters',
      bytes: Buffer.from('\u001b[31m\r\n\u0085'),
      expected: '\ufffd[31m\ufffd\ufffd\ufffd',
    },
    {
      name: 'a lone surrogate in UTF-8',
      bytes: Buffer.from([0x61, 0xed, 0xa0, 0x80]),
      expected: 'a\ufffd\ufffd\ufffd',
    },
    { name: 'bytes that are not UTF-8', bytes: Buffer.from([0xff, 0x41]), expected: '\ufffdA' },
    { name: '255 code points', bytes: Buffer.from('🛒'.repeat(255)), expected: '🛒'.repeat(255) },
  ])('keeps $name as a column can hold it', ({ bytes, expected }) => {
    expect(nameOf(bytes)).toBe(expected);
  });

  it('cuts longer names to 255 code points and keeps them apart', () => {
    const names = ['x', 'y', 'z'].map((end) => nameOf(Buffer.from('🛒'.repeat(5_000) + end)));
    expect(new Set(names).size).toBe(3);
    for (const name of names) expect(Array.from(name)).toHaveLength(255);
    expect(names[0]).toBe(nameOf(Buffer.from(`${'🛒'.repeat(5_000)}x`)));
  });
});
