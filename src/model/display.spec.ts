import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { displayText, formatDurationUs, formatQuantity, formatUtc, truncate } from './display.js';

describe('displayText', () => {
  it.each([
    { name: 'plain', text: 'GET /cart', expected: 'GET /cart' },
    { name: 'line breaks', text: 'a\r\nSet-Cookie: x\tb', expected: 'a Set-Cookie: x b' },
    { name: 'line and paragraph separators', text: 'a\u2028b\u2029c', expected: 'a b c' },
    { name: 'controls and ANSI', text: '\u0007\u001b[31mred\u009b', expected: '[31mred' },
    { name: 'right-to-left override', text: 'gpj\u202Eexe.\u202C', expected: 'gpjexe.' },
    { name: 'isolates and marks', text: '\u2066a\u2069\u200E\u200F\u061Cb', expected: 'ab' },
    { name: 'zero-width', text: 'ad\u200Bm\u200Di\uFEFFn\u00AD', expected: 'admin' },
    { name: 'tag characters', text: 'a\u{E0041}b', expected: 'ab' },
    { name: 'lone surrogates', text: 'a\uD800b\uDC00', expected: 'ab' },
    { name: 'right-to-left letters stay', text: 'שלום', expected: 'שלום' },
    { name: 'emoji stay', text: '🛒 cart', expected: '🛒 cart' },
    { name: 'nothing to see', text: '\u200B \u3164', expected: '(no name)' },
    { name: 'empty', text: '', expected: '(no name)' },
  ])('$name', ({ text, expected }) => expect(displayText(text)).toBe(expected));

  it('has at most so many code points, none of them unseen, and says when it was cut', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), fc.integer({ min: 10, max: 60 }), (text, max) => {
        const shown = displayText(text, max);
        expect(Array.from(shown).length).toBeLessThanOrEqual(max);
        expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
      }),
    );
    expect(displayText('x'.repeat(100_000), 5)).toBe('xxxx…');
    expect(displayText(`x${'\u200B'.repeat(100_000)}`, 5)).toBe('x…');
  });
});

describe('truncate', () => {
  it.each([
    { text: 'abc', max: 3, expected: 'abc' },
    { text: 'abcd', max: 3, expected: 'ab…' },
    { text: '🛒🛒🛒', max: 3, expected: '🛒🛒🛒' },
    { text: '🛒🛒🛒🛒', max: 3, expected: '🛒🛒…' },
    { text: 'a🛒b🛒', max: 3, expected: 'a🛒…' },
  ])('$text to $max', ({ text, max, expected }) => expect(truncate(text, max)).toBe(expected));
});

describe('figures', () => {
  it.each([
    { us: 0, expected: '0 µs' },
    { us: 850.4, expected: '850 µs' },
    { us: 1_234, expected: '1.2 ms' },
    { us: 12_345, expected: '12.3 ms' },
    { us: 210_400, expected: '210 ms' },
    { us: 999_700, expected: '1 s' },
    { us: 1_900_000, expected: '1.9 s' },
    { us: 90_000_000, expected: '90 s' },
    { us: 720_000_000, expected: '12 min' },
  ])('$us µs is $expected', ({ us, expected }) => expect(formatDurationUs(us)).toBe(expected));

  it.each([
    { value: 0.123, unit: 'ratio', expected: '12.3 %' },
    { value: 0.001, unit: 'ratio', expected: '0.1 %' },
    { value: 1_234.4, unit: 'per_window', expected: '1234 per 10 s' },
    { value: 3.17, unit: 'calls_per_call', expected: '3.2 per call' },
  ] as const)('$value $unit is $expected', ({ value, unit, expected }) => {
    expect(formatQuantity(value, unit)).toBe(expected);
  });

  it('writes times in UTC', () => expect(formatUtc(1_795_230_700_999)).toBe('2026-11-21 03:11:40 UTC'));
});
