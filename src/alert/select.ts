import { displayText } from '../model/display.js';
import type { Operation } from '../model/operation.js';
import type { GroupLabel, Selector, SpanKindName } from '../model/rule.js';
import { SPAN_KIND } from '../model/span.js';
import { matchGlob } from './match.js';
import type { Resources } from './rule-data.js';

const NAMESPACE = ['service.namespace'];
const ENVIRONMENT = ['deployment.environment.name', 'deployment.environment'];

/** Operations that stand under one set of labels. */
export interface OperationGroup {
  key: string;
  labels: Record<string, string>;
  ids: number[];
}

type Known = Pick<Operation, 'service' | 'name' | 'kind'>;

/** Whether the selector is about the operation. */
export function selects(selector: Selector, operation: Known, resources: Resources): boolean {
  return (
    matchesAny(selector.services, operation.service) &&
    matchesAny(selector.operations, operation.name) &&
    (selector.kinds.length === 0 || selector.kinds.includes(SPAN_KIND[operation.kind] as SpanKindName)) &&
    runsIn(selector, resources.get(operation.service))
  );
}

/** Whether one of the globs matches; an empty list stands for all. */
export function matchesAny(globs: readonly string[], text: string): boolean {
  return globs.length === 0 || globs.some((glob) => glob === '*' || matchGlob(glob, text));
}

/** Groups are asked for at every instant of a replay, of the same operations. */
const groupsKnown = new WeakMap<object, { operations: object; resources: object; groups: OperationGroup[] }>();

/** The operations that a rule is about, under one set of labels each, in order of their keys. */
export function groupsOf(
  rule: Selector & { groupBy: readonly GroupLabel[] },
  operations: ReadonlyMap<number, Operation>,
  resources: Resources,
): readonly OperationGroup[] {
  const known = groupsKnown.get(rule);
  if (known?.operations === operations && known.resources === resources) return known.groups;
  const groups = grouped(rule, rule.groupBy, operations, resources);
  groupsKnown.set(rule, { operations, resources, groups });
  return groups;
}

function grouped(
  selector: Selector,
  groupBy: readonly GroupLabel[],
  operations: ReadonlyMap<number, Operation>,
  resources: Resources,
): OperationGroup[] {
  const groups = new Map<string, OperationGroup>();
  for (const operation of operations.values()) {
    if (!selects(selector, operation, resources)) continue;
    const key = groupKey(groupBy, operation);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { key, labels: groupLabels(groupBy, operation), ids: [operation.id] });
    else group.ids.push(operation.id);
  }
  return [...groups.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** Names as they were sent: two that look alike are two. */
export function groupKey(groupBy: readonly GroupLabel[], operation: Known): string {
  return JSON.stringify(groupBy.map((label) => valueOf(label, operation)));
}

/** Names fit for one line, as labels go to every channel. */
export function groupLabels(groupBy: readonly GroupLabel[], operation: Known): Record<string, string> {
  return Object.fromEntries(groupBy.map((label) => [label, displayText(valueOf(label, operation))]));
}

function valueOf(label: GroupLabel, { service, name, kind }: Known): string {
  if (label === 'service') return service;
  return label === 'operation' ? name : (SPAN_KIND[kind] ?? 'unspecified');
}

function runsIn(selector: Selector, resource: ReadonlyMap<string, readonly string[]> | undefined): boolean {
  const has = (keys: readonly string[], globs: readonly string[]): boolean =>
    globs.length === 0 || keys.some((key) => resource?.get(key)?.some((value) => matchesAny(globs, value)) ?? false);
  return (
    has(NAMESPACE, selector.namespaces) &&
    has(ENVIRONMENT, selector.environments) &&
    selector.attributes.every(({ key, values }) => has([key], values))
  );
}
