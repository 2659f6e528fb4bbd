import type { Matcher, MatchOperator } from '../model/routing.js';
import { patternProblem } from './matcher.js';

/** A text that is no matcher; the message says what is wrong with it. */
export class MatcherError extends Error {}

export const MAX_MATCHER_LENGTH = 2_000;
const OPERATOR = /(?:=~|!=|!~|=)/y;
const BARE_NAME = /[^\s{}!=~,"\\'`]+/y;
/** Looser than a name, as Alertmanager reads `foo=a=b` and `foo=~\d+` too. */
const BARE_VALUE = /[^\s{},"]+/y;
const BLANK = /\s*/y;
const ESCAPES: Record<string, string> = { n: '\n', '"': '"', '\\': '\\' };
/** Bytes as Go writes them. */
const BYTES = /(?:\\x[0-9a-fA-F]{2})+/y;

/**
 * Reads `name="value"`, `name=~"pattern"` or the like, with or without quotes, as Alertmanager writes it. Throws MatcherError, also for a
 * pattern that is none.
 */
export function parseMatcher(text: string): Matcher {
  const matchers = parseMatchers(text);
  if (matchers.length !== 1) throw new MatcherError(`expected one matcher in ${shown(text)}, found ${matchers.length}`);
  return matchers[0]!;
}

/** Reads a list such as `{foo="bar", dings!="bums"}`; braces may be left out, a comma may follow the last. */
export function parseMatchers(text: string): Matcher[] {
  if (text.length > MAX_MATCHER_LENGTH)
    throw new MatcherError(`a matcher is longer than ${MAX_MATCHER_LENGTH} characters`);
  const at = { text, index: 0 };
  take(at, BLANK);
  const braced = text[at.index] === '{';
  if (braced) at.index++;
  const matchers: Matcher[] = [];
  for (;;) {
    take(at, BLANK);
    if (at.index === text.length || text[at.index] === '}') break;
    matchers.push(next(at));
    take(at, BLANK);
    if (text[at.index] !== ',') break;
    at.index++;
  }
  take(at, BLANK);
  if (braced) {
    if (text[at.index] !== '}') throw new MatcherError(`a closing brace is missing in ${shown(text)}`);
    at.index++;
    take(at, BLANK);
  }
  if (at.index !== text.length) throw new MatcherError(`cannot read ${shown(text)} from character ${at.index + 1} on`);
  return matchers;
}

/** Checks a matcher that came in parts. Throws MatcherError. */
export function checkedMatcher(matcher: Matcher): Matcher {
  const { name, operator, value } = matcher;
  if (name === '') throw new MatcherError('a matcher needs the name of a label');
  if (name.length > MAX_MATCHER_LENGTH || value.length > MAX_MATCHER_LENGTH) {
    throw new MatcherError(`a matcher is longer than ${MAX_MATCHER_LENGTH} characters`);
  }
  const problem = operator === '=~' || operator === '!~' ? patternProblem(value) : null;
  if (problem !== null) throw new MatcherError(`${shown(value)} is not a pattern of RE2: ${problem}`);
  return matcher;
}

interface At {
  text: string;
  index: number;
}

function next(at: At): Matcher {
  const name = at.text[at.index] === '"' ? quotedWord(at, true) : word(at, BARE_NAME);
  take(at, BLANK);
  const operator = take(at, OPERATOR) as MatchOperator | null;
  if (operator === null) throw new MatcherError(`expected =, !=, =~ or !~ after ${shown(name)}`);
  take(at, BLANK);
  const atEnd = at.index === at.text.length || at.text[at.index] === ',' || at.text[at.index] === '}';
  return checkedMatcher({ name, operator, value: atEnd ? '' : word(at, BARE_VALUE) });
}

function word(at: At, unquoted: RegExp): string {
  if (at.text[at.index] === '"') return quotedWord(at, false);
  const bare = take(at, unquoted);
  if (bare === null) throw new MatcherError(`cannot read ${shown(at.text)} from character ${at.index + 1} on`);
  return bare;
}

/** `hasBytes`: as in names, where Alertmanager writes `\xf0\x9f\x99\x82` for a character; in values that may be part of a pattern. */
function quotedWord(at: At, hasBytes: boolean): string {
  let word = '';
  for (at.index++; at.index < at.text.length; at.index++) {
    const bytes = hasBytes ? take(at, BYTES) : null;
    if (bytes !== null) {
      const codes = bytes.slice(2).split('\\x');
      word += new TextDecoder().decode(Uint8Array.from(codes, (code) => Number.parseInt(code, 16)));
    }
    const letter = at.text[at.index] ?? '';
    if (letter === '"') {
      at.index++;
      return word;
    }
    if (letter !== '\\') {
      word += letter;
      continue;
    }
    const escaped = at.text[++at.index] ?? '';
    // A backslash that escapes nothing stays, so that patterns need no second one.
    word += Object.hasOwn(ESCAPES, escaped) ? ESCAPES[escaped] : `\\${escaped}`;
  }
  throw new MatcherError(`a closing quote is missing in ${shown(at.text)}`);
}

function take(at: At, pattern: RegExp): string | null {
  pattern.lastIndex = at.index;
  const found = pattern.exec(at.text)?.[0] ?? null;
  at.index += found?.length ?? 0;
  return found;
}

function shown(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
