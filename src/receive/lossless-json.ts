const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const MINUS = 0x2d;
/** Shorter integers are exact as numbers. */
const EXACT_DIGITS = 15;
const isDigit = (code: number) => code >= 0x30 && code <= 0x39;
const LONG_INTEGER = /^-?[1-9]\d*$/;
const AFTER_NUMBER = /[^\d.eE+-]/g;
const KEY_FOLLOWS = /\s*:/y;

/**
 * JSON.parse, except that integers of more than 15 digits come as decimal strings: OTLP's nanoseconds may be JSON numbers, which a double
 * does not hold exactly. Throws SyntaxError.
 */
export function parseLossless(text: string): unknown {
  return JSON.parse(quoteLongIntegers(text)) as unknown;
}

function quoteLongIntegers(text: string): string {
  const pieces: string[] = [];
  let copied = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at);
    else if (code === MINUS || isDigit(code)) {
      AFTER_NUMBER.lastIndex = at;
      const end = AFTER_NUMBER.exec(text)?.index ?? text.length;
      if (end - at > EXACT_DIGITS && LONG_INTEGER.test(text.slice(at, end)) && !isKey(text, end)) {
        pieces.push(text.slice(copied, at), '"', text.slice(at, end), '"');
        copied = end;
      }
      at = end - 1;
    }
  }
  return copied === 0 ? text : pieces.join('') + text.slice(copied);
}

/** Position of the closing quote, or the end of the text. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; ; at++) {
    at = text.indexOf('"', at);
    if (at < 0) return text.length;
    let backslashes = 0;
    while (text.charCodeAt(at - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return at;
  }
}

/** A number cannot be a key: quoting it would make JSON of what is none. */
function isKey(text: string, end: number): boolean {
  KEY_FOLLOWS.lastIndex = end;
  return KEY_FOLLOWS.test(text);
}
