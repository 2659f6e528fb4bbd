/** What follows is cut: no name that people read is longer, and work stays bounded. */
const MAX_CHARACTERS = 1_024;
/** Quantifiers are bounded, so that no text makes these slow. */
const UUID = /(?<![0-9a-z])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?![0-9a-z])/gi;
const EMAIL = /[\w.%+-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,8}/gi;
/** Letters and digits side by side, of any script. */
const WORD = /[A-Za-z0-9\u0080-\uffff]+/g;
const LONG_NUMBER = /\d{4,}/g;
const ID_CHARACTERS = 16;
const ID_DIGITS = 3;
const HEX_CHARACTERS = 8;

/**
 * The name of a span with what tells one call from another replaced by placeholders: `{uuid}`, `{email}`, `{hex}` (8 digits or more, one of
 * them from 0 to 9, or after 0x), `{id}` (16 letters and digits or more, 3 of them digits), `{n}` (a number that stands alone, or has four digits
 * or more). Doing it twice changes nothing; what follows the first 1,024 characters is left out.
 */
export function normaliseSpanName(name: string): string {
  const short = name.slice(0, MAX_CHARACTERS).replace(UUID, '{uuid}').replace(EMAIL, '{email}');
  // Where a long number was taken out of a word, what is left may be hexadecimal.
  return short.replace(WORD, placeholder).replace(WORD, placeholder).slice(0, MAX_CHARACTERS);
}

function placeholder(word: string): string {
  if (/^\d+$/.test(word)) return '{n}';
  if (/^0x[0-9a-f]+$/i.test(word)) return '{hex}';
  const digits = word.replace(/\D/g, '').length;
  if (word.length >= HEX_CHARACTERS && digits > 0 && /^[0-9a-f]+$/i.test(word)) return '{hex}';
  if (word.length >= ID_CHARACTERS && digits >= ID_DIGITS && /^[0-9a-z]+$/i.test(word)) return '{id}';
  return word.replace(LONG_NUMBER, '{n}');
}
