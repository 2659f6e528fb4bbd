import { Rejected } from './failure.js';

/** One thing that does not fit, as zod says it. */
interface Issue {
  message: string;
  path?: readonly (PropertyKey | { key: PropertyKey })[] | undefined;
  /** Names that zod does not know; its path is that of the object they stand in. */
  keys?: readonly string[];
  /** What is wrong with the name of a field that may have any. */
  issues?: readonly Issue[];
}

/** Names the first input that does not fit, and says how many more there are. */
export function invalidInput(issues: readonly Issue[]): Rejected {
  const [first] = issues;
  const path = first?.path?.map((part) => String(typeof part === 'object' ? part.key : part)) ?? [];
  const field = [...path, ...(first?.keys?.slice(0, 1) ?? [])].join('.');
  const others = issues.length - 1 + Math.max(0, (first?.keys?.length ?? 0) - 1);
  const more = others > 0 ? ` (and ${others} more)` : '';
  const what = first === undefined ? 'does not fit the schema' : inPlainWords(first);
  return new Rejected('invalid_input', `${field ? `${field}:` : 'the input'} ${what}${more}`, 400, field || undefined);
}

/** Whoever sends JSON knows of missing fields, not of `undefined`, and of what may be sent, not of discriminators. */
function inPlainWords({ message, keys, issues }: Issue): string {
  if (message === 'Invalid key in record' && issues?.[0] !== undefined) return inPlainWords(issues[0]);
  if (keys !== undefined && message.startsWith('Unrecognized key')) return 'is not known here';
  const missing = /^Invalid input: (expected .+), received undefined$/.exec(message)?.[1];
  if (missing !== undefined) return `is missing, ${missing}`;
  const known = KNOWN[message];
  if (known !== undefined) return known;
  return message
    .replace(/^Invalid discriminator value\. Expected /, 'must be one of ')
    .replaceAll(`'undefined' | `, '')
    .replace(/^Too (?:big|small): expected \w+ to (be|have) /, 'must $1 ')
    .replace(/^Invalid (?:input|option): (?:expected )?/, 'must be ');
}

const KNOWN: Readonly<Record<string, string>> = {
  'Invalid email address': 'must be an e-mail address such as oncall@example.com',
  'Invalid ISO datetime': 'must be an ISO 8601 time with a zone, such as 2026-03-01T12:00:00Z',
  'Invalid GUID': 'must be a UUID',
};
