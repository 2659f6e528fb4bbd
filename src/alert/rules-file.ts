import { Rejected } from '../model/failure.js';
import type { RuleValues } from '../model/rule.js';
import { meansOther } from './epoch.js';
import { checkedRule } from './rules-contract.js';

/**
 * The rules of a file that was read as YAML or JSON: `{ rules: [...] }`. Throws Rejected that names the rule and the field; names must be
 * different, as they are what a rule is known by.
 */
export function rulesOfFile(content: unknown): RuleValues[] {
  const list = typeof content === 'object' && content !== null && 'rules' in content ? content.rules : undefined;
  if (!Array.isArray(list)) throw new Rejected('invalid_input', 'a rules file has a list named rules', 400, 'rules');
  const names = new Set<string>();
  return list.map((each: unknown, i) => {
    const values = checkedAt(each, i);
    if (names.has(values.name)) {
      throw new Rejected(
        'invalid_input',
        `rules.${i}.name: there are two rules named ${values.name}`,
        400,
        `rules.${i}.name`,
      );
    }
    names.add(values.name);
    return values;
  });
}

/** A field of a rule that is not as the file has it. */
export interface FieldChange {
  field: string;
  before: unknown;
  after: unknown;
}

/** What is different between a rule as it is and as a file has it, field by field. */
export function changedFields(before: object, after: RuleValues): FieldChange[] {
  const old = before as Record<string, unknown>;
  const fields = new Set([...Object.keys(old), ...Object.keys(after)]);
  return [...fields]
    .filter((field) => field !== 'id')
    .map((field) => ({ field, before: old[field], after: (after as unknown as Record<string, unknown>)[field] }))
    .filter(({ before: a, after: b }) => meansOther({ x: a } as never, { x: b } as never));
}

function checkedAt(each: unknown, i: number): RuleValues {
  try {
    return checkedRule(each);
  } catch (error) {
    if (!(error instanceof Rejected)) throw error;
    const field = error.field === undefined ? `rules.${i}` : `rules.${i}.${error.field}`;
    throw new Rejected(error.code, `rules.${i}.${error.message}`, error.status, field);
  }
}
