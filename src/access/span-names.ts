import { OVERFLOW_NAME } from '../model/operation.js';
import { normaliseSpanName } from '../model/span-name.js';

const MOST_GROUPS = 100;
const EXAMPLES = 5;

export interface NamedOperation {
  kind: number;
  name: string;
}

interface Group {
  name: string;
  operations: number;
  examples: string[];
}

/** What normalising makes of operations: how many remain, and which get another name, most merged first. */
export function tryNormalising(operations: readonly NamedOperation[]): {
  operations: number;
  remaining: number;
  renamed: number;
  groups: Group[];
} {
  const groups = new Map<string, Group & { isRenamed: boolean }>();
  let renamed = 0;
  for (const { kind, name } of operations) {
    const becomes = name === OVERFLOW_NAME ? name : normaliseSpanName(name);
    const key = `${kind} ${becomes}`;
    let group = groups.get(key);
    if (group === undefined)
      groups.set(key, (group = { name: becomes, operations: 0, examples: [], isRenamed: false }));
    group.operations++;
    if (group.examples.length < EXAMPLES) group.examples.push(name);
    if (becomes !== name) {
      renamed++;
      group.isRenamed = true;
    }
  }
  const changed = [...groups.values()].filter(({ isRenamed }) => isRenamed);
  changed.sort((a, b) => b.operations - a.operations || (a.name < b.name ? -1 : 1));
  return {
    operations: operations.length,
    remaining: groups.size,
    renamed,
    groups: changed
      .slice(0, MOST_GROUPS)
      .map(({ name, operations: n, examples }) => ({ name, operations: n, examples })),
  };
}
