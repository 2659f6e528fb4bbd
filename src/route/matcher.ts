import { RE2JS } from 're2js';
import type { Matcher } from '../model/routing.js';

type Labels = Readonly<Record<string, string>>;

const COMPILED_AT_MOST = 2_000;
const compiled = new Map<string, RE2JS>();

/** Whether every matcher holds for the labels; a label that is missing is an empty text. Linear in pattern and value (RE2). */
export function matchesAll(matchers: readonly Matcher[], labels: Labels): boolean {
  return matchers.every((matcher) => matches(matcher, labels));
}

function matches({ name, operator, value }: Matcher, labels: Labels): boolean {
  const found = Object.hasOwn(labels, name) ? labels[name]! : '';
  switch (operator) {
    case '=':
      return found === value;
    case '!=':
      return found !== value;
    case '=~':
      return patternOf(value).testExact(found);
    case '!~':
      return !patternOf(value).testExact(found);
  }
}

/** Null when the pattern can be used, or what is wrong with it. */
export function patternProblem(pattern: string): string | null {
  try {
    patternOf(pattern);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** `name="value"`, as Alertmanager and amtool print and read it. */
export function matcherText({ name, operator, value }: Matcher): string {
  const shown = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name) ? name : quoted(name);
  return `${shown}${operator}${quoted(value)}`;
}

function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}

/** Compiled once; the oldest are forgotten, so that patterns that come and go cost no memory. */
function patternOf(pattern: string): RE2JS {
  const known = compiled.get(pattern);
  if (known !== undefined) return known;
  const made = RE2JS.compile(pattern, RE2JS.DOTALL);
  if (compiled.size >= COMPILED_AT_MOST) compiled.delete(compiled.keys().next().value!);
  compiled.set(pattern, made);
  return made;
}
