import { parse } from 'yaml';
import { Rejected } from '../model/failure.js';
import type { RuleValues, StoredRule } from '../model/rule.js';
import { meansOther } from './epoch.js';
import { checkedRule, ruleView } from './rules-contract.js';

export const MAX_RULES_OF_FILE = 500;
const MAX_CHANNELS = 100;
const MAX_NAME = 100;

/** A rule as a file has it: its channels by name, so that the file fits other installations too, or by id. */
export interface FileRule {
  values: RuleValues;
  /** Null: every channel. */
  channels: string[] | null;
}

/** A rules file that cannot be used; a problem names the rule and the field. */
export class RulesFileInvalid extends Error {
  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'));
  }
}

/** The rules of a file in YAML or JSON: `{ rules: [...] }`, each with a name of its own. Throws RulesFileInvalid with all that is wrong. */
export function parseRulesFile(text: string): FileRule[] {
  let content: unknown;
  try {
    content = parse(text, { maxAliasCount: 100 });
  } catch (error) {
    throw new RulesFileInvalid([(error as Error).message.trimEnd()]);
  }
  return rulesOfFile(content);
}

/** As `parseRulesFile`, of what has been read already. */
export function rulesOfFile(content: unknown): FileRule[] {
  const list = isObject(content) ? content['rules'] : undefined;
  if (!Array.isArray(list)) throw new RulesFileInvalid(['rules: must be a list of rules']);
  const [unknown] = Object.keys(content as object).filter((key) => key !== 'rules');
  if (unknown !== undefined)
    throw new RulesFileInvalid([`${unknown}: is not known; a rules file has a list named rules`]);
  if (list.length > MAX_RULES_OF_FILE) {
    throw new RulesFileInvalid([`rules: there are ${list.length}; a tenant may have ${MAX_RULES_OF_FILE}`]);
  }
  const problems: string[] = [];
  const names = new Set<string>();
  const rules: FileRule[] = [];
  list.forEach((each: unknown, i) => {
    try {
      const rule = fileRule(each);
      if (names.has(rule.values.name)) throw new Rejected('invalid_input', 'name: another rule has that name');
      names.add(rule.values.name);
      rules.push(rule);
    } catch (error) {
      if (!(error instanceof Rejected)) throw error;
      problems.push(`${placeOf(each, i)}: ${error.message}`);
    }
  });
  if (problems.length > 0) throw new RulesFileInvalid(problems);
  return rules;
}

export interface KnownChannel {
  id: string;
  name: string;
}

/** The rules with ids for the names of their channels. Channels that are not there are left out and listed. */
export function withChannels(
  rules: readonly FileRule[],
  known: readonly KnownChannel[],
): { rules: RuleValues[]; unknown: { rule: string; channel: string }[] } {
  // A name that looks like the id of another channel is a name: that is what export writes.
  const byName = new Map([
    ...known.map(({ id }) => [id, id] as const),
    ...known.map(({ id, name }) => [name, id] as const),
  ]);
  const unknown: { rule: string; channel: string }[] = [];
  const resolved = rules.map(({ values, channels }) => {
    if (channels === null) return { ...values, channelIds: null };
    const channelIds = new Set<string>();
    for (const channel of channels) {
      const id = byName.get(channel) ?? byName.get(channel.toLowerCase());
      if (id === undefined) unknown.push({ rule: values.name, channel });
      else channelIds.add(id);
    }
    return { ...values, channelIds: [...channelIds] };
  });
  return { rules: resolved, unknown };
}

/** Rules as export writes them: by name, so that two installations with the same rules have the same file. */
export function asFile(rules: readonly StoredRule[], known: readonly KnownChannel[]): { rules: object[] } {
  const sorted = rules.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return { rules: sorted.map((rule) => inFile(rule, known)) };
}

/** A rule as a file has it: channels by name, without what belongs to this installation. */
export function inFile(rule: RuleValues | StoredRule, known: readonly KnownChannel[]): Record<string, unknown> {
  const { id: _id, source: _source, channelIds, ...written } = ruleView(rule as StoredRule);
  const names = new Map(known.map(({ id, name }) => [id, name]));
  return { ...written, ...(channelIds !== null && { channels: channelIds.map((id) => names.get(id) ?? id) }) };
}

/** A field of a rule that is not as the file has it. */
export interface FieldChange {
  field: string;
  before: unknown;
  after: unknown;
}

/** What is different between two rules, field by field. */
export function changedFields(before: object, after: object): FieldChange[] {
  const [old, wanted] = [before, after] as [Record<string, unknown>, Record<string, unknown>];
  return [...new Set([...Object.keys(old), ...Object.keys(wanted)])]
    .map((field) => ({ field, before: old[field], after: wanted[field] }))
    .filter(({ before: a, after: b }) => meansOther({ x: a } as never, { x: b } as never));
}

/** What makes the rules of a tenant those of its file. */
export interface FilePlan {
  create: RuleValues[];
  replace: { id: string; values: RuleValues; isOther: boolean }[];
  deleteIds: string[];
}

/**
 * Rules are known by their names. One that is there already becomes the file's and keeps its alerts and its history; one that the file had and has
 * no more goes; others stay as they are.
 */
export function planOf(there: readonly StoredRule[], wanted: readonly RuleValues[]): FilePlan {
  const byName = new Map(there.map((rule) => [rule.name, rule]));
  const plan: FilePlan = { create: [], replace: [], deleteIds: [] };
  for (const values of wanted) {
    const before = byName.get(values.name);
    byName.delete(values.name);
    if (before === undefined) plan.create.push(values);
    else if (before.source !== 'file' || changedFields(inFile(before, []), inFile(values, [])).length > 0) {
      plan.replace.push({ id: before.id, values, isOther: meansOther(before, values) });
    }
  }
  plan.deleteIds = [...byName.values()].filter(({ source }) => source === 'file').map(({ id }) => id);
  return plan;
}

function fileRule(each: unknown): FileRule {
  if (!isObject(each)) throw new Rejected('invalid_input', 'must be a rule');
  const { channels, ...rest } = each;
  const values = checkedRule(rest);
  if (channels === undefined || channels === null) return { values, channels: values.channelIds };
  if (values.channelIds !== null) {
    throw new Rejected('invalid_input', 'channels: give either channels or channelIds');
  }
  const isList =
    Array.isArray(channels) &&
    channels.length <= MAX_CHANNELS &&
    channels.every((name) => typeof name === 'string' && name !== '' && name.length <= MAX_NAME);
  if (!isList) throw new Rejected('invalid_input', 'channels: must be a list of names (or ids) of channels');
  return { values, channels: channels as string[] };
}

function placeOf(each: unknown, i: number): string {
  const name = isObject(each) && typeof each['name'] === 'string' ? ` (${each['name'].slice(0, MAX_NAME)})` : '';
  return `rules.${i}${name}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
