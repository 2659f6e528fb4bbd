import { displayText } from '../model/display.js';

const PLACE = /\{\{\s*([^{}]*?)\s*\}\}/g;
const NAME = /^(?:labels\.[a-zA-Z_][a-zA-Z0-9_]*|value|limit|n|since|rule\.name)$/;
const MAX_TEXT = 1_000;

/** The first name in a template that is not one of `labels.<name>`, `value`, `limit`, `n`, `since` and `rule.name`; null when all are. */
export function unknownName(template: string): string | null {
  for (const [, name] of template.matchAll(PLACE)) if (!NAME.test(name!)) return name!;
  return null;
}

/**
 * Puts values into a template's `{{ name }}`; there is no other syntax, and what a value says is never read as a template. A value that is
 * not known becomes an empty text. The result is plain text: channels escape it for their markup.
 */
export function fillTemplate(template: string, values: ReadonlyMap<string, string>): string {
  const filled = template.replace(PLACE, (_, name: string) => values.get(name) ?? '');
  return filled.trim() === '' ? '' : displayText(filled, MAX_TEXT);
}
