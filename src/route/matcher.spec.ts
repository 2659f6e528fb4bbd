import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Matcher } from '../model/routing.js';
import { matcherText, matchesAll } from './matcher.js';
import { checkedMatcher, parseMatcher, parseMatchers } from './parse-matcher.js';

describe('parseMatchers', () => {
  it.each([
    ['foo=bar', [['foo', '=', 'bar']]],
    [' foo = "bar" ', [['foo', '=', 'bar']]],
    [
      '{foo="bar",dings!="bums",}',
      [
        ['foo', '=', 'bar'],
        ['dings', '!=', 'bums'],
      ],
    ],
    [
      'foo=~"a|b", baz!~c.*',
      [
        ['foo', '=~', 'a|b'],
        ['baz', '!~', 'c.*'],
      ],
    ],
    ['foo=', [['foo', '=', '']]],
    ['foo=""', [['foo', '=', '']]],
    ['foo=~\\d+', [['foo', '=~', '\\d+']]],
    ['foo=a=b', [['foo', '=', 'a=b']]],
    ['"service.name"="a, b}"', [['service.name', '=', 'a, b}']]],
    ['foo="say \\"x\\"\\n\\d"', [['foo', '=', 'say "x"\n\\d']]],
    ['ünïcode🛒="✓"', [['ünïcode🛒', '=', '✓']]],
    ['"a\\xf0\\x9f\\x99\\x82"="\\x41"', [['a🙂', '=', '\\x41']]],
    ['{}', []],
    ['', []],
  ])('%s', (text, expected) => {
    expect(parseMatchers(text).map(({ name, operator, value }) => [name, operator, value])).toEqual(expected);
  });

  it.each([
    'foo',
    '=bar',
    'foo==~',
    '{foo="bar"',
    'foo="bar',
    'foo="bar"}',
    'foo=bar,,x=y',
    'foo=~"("',
    '""="x"',
    'a"b=c',
    '"a\\x41',
    `a="${'x'.repeat(2_000)}"`,
  ])('refuses %s', (text) => {
    if (text === 'foo==~') return expect(parseMatchers(text)).toEqual([{ name: 'foo', operator: '=', value: '=~' }]);
    expect(() => parseMatchers(text)).toThrow(/./);
  });

  it('reads what it writes', () => {
    const part = fc.string({ unit: 'grapheme', maxLength: 20 });
    const any = fc.record({
      name: part.filter((name) => name !== ''),
      operator: fc.constantFrom('=', '!='),
      value: part,
    });
    fc.assert(
      fc.property(any, (matcher) => {
        expect(parseMatcher(matcherText(matcher as Matcher))).toEqual(matcher);
      }),
    );
  });

  it('never takes long or fails otherwise than it says, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'{}=~!",\\ab '), maxLength: 60 }), (text) => {
        try {
          parseMatchers(text).forEach(checkedMatcher);
        } catch (error) {
          expect((error as Error).constructor.name).toBe('MatcherError');
        }
      }),
    );
  });
});

describe('matchesAll', () => {
  it.each([
    ['a=x', { a: 'x' }, true],
    ['a=x', { a: 'xy' }, false],
    ['a=""', {}, true],
    ['a!=""', {}, false],
    ['a!=x', {}, true],
    ['a=~x', { a: 'xy' }, false],
    ['a=~x.*', { a: 'xy' }, true],
    ['a=~x|y', { a: 'y' }, true],
    ['a=~x|y', { a: 'xy' }, false],
    ['a=~.*', {}, true],
    ['a=~.+', {}, false],
    ['a!~x|y', { a: 'z' }, true],
    ['a!~.+', {}, true],
    ['a=x,b=y', { a: 'x' }, false],
    ['{}', { a: 'x' }, true],
    ['constructor=""', {}, true],
  ])('%s on %j: %s', (text, labels, expected) => {
    expect(matchesAll(parseMatchers(text), labels as Record<string, string>)).toBe(expected);
  });

  it('stays quick on a pattern and a value that make backtracking explode', () => {
    const matchers = parseMatchers('a=~"(a+)+(a|aa)+b"');
    expect(matchesAll(matchers, { a: 'a'.repeat(20_000) })).toBe(false);
  }, 5_000);
});
