import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { OperationCache } from './operation-cache.js';

const rangeOf = (bytes: Buffer, hash: number) => ({ at: 0, to: bytes.length, hash });

describe('OperationCache', () => {
  it('gives what was noted or nothing, whatever else was noted', () => {
    // Few hashes, so that many names collide.
    const noted = fc.tuple(fc.nat(3), fc.string({ maxLength: 3 }), fc.nat(5));
    fc.assert(
      fc.property(fc.array(noted, { maxLength: 60 }), (all) => {
        const cache = new OperationCache();
        const ids = new Map<string, number>();
        for (const [owner, name] of all) {
          const bytes = Buffer.from(name);
          const range = rangeOf(bytes, bytes.length);
          const found = cache.get(owner, bytes, range);
          const id = ids.get(`${owner} ${name}`);
          if (found !== undefined) expect(found).toBe(id);
          ids.set(`${owner} ${name}`, id ?? ids.size);
          if (found === undefined) cache.set(owner, bytes, range, ids.get(`${owner} ${name}`)!);
        }
      }),
    );
  });

  it('knows thousands of names, forgets rather than grow without end, and goes on', () => {
    const cache = new OperationCache();
    const ask = (i: number) => {
      const bytes = Buffer.from(`GET /thing/${i}`);
      const range = rangeOf(bytes, Math.imul(i, 0x9e3779b1));
      const known = cache.get(1, bytes, range);
      if (known === undefined) cache.set(1, bytes, range, i);
      return known;
    };
    let wrong = 0;
    for (let round = 0; round < 5; round++) for (let i = 0; i < 20_000; i++) if ((ask(i) ?? i) !== i) wrong++;
    expect(wrong).toBe(0);
    const known = Array.from({ length: 20_000 }, (_, i) => ask(i)).filter((id) => id !== undefined);
    expect(known.length).toBeGreaterThan(19_000);
    for (let i = 0; i < 150_000; i++) ask(i);
    expect([undefined, 149_999]).toContain(ask(149_999));
    expect(ask(149_999)).toBe(149_999);
  });

  it('does not keep what is too long for a name', () => {
    const cache = new OperationCache();
    const bytes = Buffer.alloc(5_000, 'x');
    cache.set(1, bytes, rangeOf(bytes, 1), 5);
    expect(cache.get(1, bytes, rangeOf(bytes, 1))).toBeUndefined();
  });
});
