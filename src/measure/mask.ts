/** Longer lines are cut: what tells them apart stands at their beginning. */
const MAX_CHARS = 1_000;

/** Control characters but tabs, and halves of characters. */
const UNSTORABLE = /[^\P{Cc}\t]|\p{Cs}/gu;

/** Changing parts of a text, most particular first. All are linear in the length of the text: it may come from an attacker. */
const MASKS: readonly (readonly [RegExp, string])[] = [
  [/\b\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?/g, '<time>'],
  [/\b\d{1,2}:\d{2}:\d{2}(?:[.,]\d{1,9})?\b/g, '<time>'],
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, '<uuid>'],
  [/\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+/g, '<email>'],
  [/\b\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?\b/g, '<ip>'],
  [/\b(?:[0-9a-f]{1,4}:){3,7}[0-9a-f]{1,4}\b/gi, '<ip>'],
  [/\b0x[0-9a-f]+\b/gi, '<hex>'],
  [/\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{8,}\b/gi, '<hex>'],
  [/(?<![\w+/=-])(?=[\w+/=-]*\d)[\w+/=-]{32,}(?:\.[\w+/=-]{8,})*/g, '<token>'],
  // The class of an HTTP status is part of what happened.
  [/\b((?:status|code|http)[^\w\n]{0,3}(?:code[^\w\n]{0,3})?)([1-5])\d\d\b/gi, '$1<$2xx>'],
  [/(?<![\w<])[-+]?\d+(?:[.,]\d+)*|(?<=[A-Za-z_])\d+(?:[.,]\d+)*/g, '<num>'],
  // A list of any length is one.
  [/(<\w+>)(?:[\s,;|:/.-]{1,3}\1)+/g, '$1'],
];

/** The first line that says something, with what changes from one occurrence to the next masked, e.g. `order <num> of <uuid> paid`. */
export function maskText(text: string): string {
  const line = /[^\s][^\n\r]*/.exec(text.slice(0, 4 * MAX_CHARS))?.[0].slice(0, MAX_CHARS) ?? '';
  const shown = line.trimEnd().replace(UNSTORABLE, '\ufffd');
  return MASKS.reduce((masked, [pattern, mask]) => masked.replace(pattern, mask), shown);
}
