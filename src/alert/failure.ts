import { displayText } from '../model/display.js';
import type { Rule, StoredRule } from '../model/rule.js';
import { checkedRule, ruleView } from './rules-contract.js';

const MAX_REASON = 300;

/** Why a rule could not be evaluated, fit for one line. */
export function failureOf(error: unknown): string {
  return displayText(error instanceof Error ? error.message : String(error), MAX_REASON);
}

const known = new WeakMap<object, string | null>();

/** What this version cannot make out about a rule that is stored, by the field: another version, or a hand in the database, wrote it. Null: nothing. */
export function faultOf(rule: Rule): string | null {
  let fault = known.get(rule);
  if (fault === undefined) known.set(rule, (fault = findFault(rule)));
  return fault;
}

function findFault(rule: Rule): string | null {
  try {
    const { id: _id, source: _source, ...written } = ruleView(rule as StoredRule);
    checkedRule(written);
    return null;
  } catch (error) {
    return failureOf(error);
  }
}
