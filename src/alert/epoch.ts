import type { RuleValues } from '../model/rule.js';

/** What says whom to tell, and in which words, and nothing about when. */
const WORDS: ReadonlySet<string> = new Set([
  'annotations',
  'runbookUrl',
  'channelIds',
  'id',
  'tenantId',
  'epoch',
  'source',
]);

/** Whether two versions of a rule differ in what they mean: then what the first one knew says nothing of the second, and its alerts are reset. */
export function meansOther(before: RuleValues, after: RuleValues): boolean {
  return meaning(before) !== meaning(after);
}

function meaning(values: RuleValues): string {
  return JSON.stringify(
    Object.entries(values)
      .filter(([field]) => !WORDS.has(field))
      .sort(([a], [b]) => (a < b ? -1 : 1)),
    sorted,
  );
}

function sorted(_key: string, part: unknown): unknown {
  if (typeof part !== 'object' || part === null || Array.isArray(part)) return part;
  return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)));
}
