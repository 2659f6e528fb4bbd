import { Rejected } from '../model/failure.js';

/**
 * What came as JSON with texts that can be stored: half of a surrogate pair becomes U+FFFD, as decoders of UTF-8 have it. Throws Rejected 400
 * for a NUL character, which PostgreSQL has no place for, and names where it stands.
 */
export function wellFormed(value: unknown, path: readonly string[] = []): unknown {
  if (typeof value === 'string') return wellFormedText(value, path);
  if (Array.isArray(value)) return value.map((each, index) => wellFormed(each, [...path, String(index)]));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => {
      const key = wellFormedText(name, path);
      return [key, wellFormed(each, [...path, key])];
    }),
  );
}

function wellFormedText(text: string, path: readonly string[]): string {
  if (text.includes('\0')) {
    const field = path.join('.');
    const where = field === '' ? 'a name' : field;
    throw new Rejected('invalid_input', `${where}: must not contain a NUL character`, 400, field || undefined);
  }
  return text.replace(/\p{Cs}/gu, '\uFFFD');
}
