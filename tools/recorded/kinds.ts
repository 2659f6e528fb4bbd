import type { SpanTable } from './span-table.js';

export const INTERNAL = 1;
export const SERVER = 2;
export const CLIENT = 3;

const NONE = 0;
const ONE_ELSEWHERE = 1;
const OTHER = 2;

/**
 * Span kinds (OTLP numbers) for data that has none. SERVER: a root, or the parent is in another service. CLIENT: the only
 * child is in another service. Else INTERNAL. An instrumented call is CLIENT whether or not it comes through, so all other
 * spans of one operation get the kind that most of them have.
 */
export function inferKinds(spans: SpanTable): Uint8Array {
  const children = new Uint8Array(spans.count).fill(NONE);
  const kinds = new Uint8Array(spans.count).fill(INTERNAL);
  for (let row = 0; row < spans.count; row += 1) {
    const parent = spans.parentRow(row);
    const elsewhere = parent >= 0 && spans.service(parent) !== spans.service(row);
    if (elsewhere || spans.isRoot(row)) kinds[row] = SERVER;
    if (parent >= 0) children[parent] = children[parent] === NONE && elsewhere ? ONE_ELSEWHERE : OTHER;
  }
  const operationOf = (row: number): number => spans.service(row) * spans.operationNames.count + spans.operation(row);
  const balance = new Map<number, number>();
  for (let row = 0; row < spans.count; row += 1) {
    if (kinds[row] === SERVER) continue;
    const vote = children[row] === ONE_ELSEWHERE ? 1 : -1;
    balance.set(operationOf(row), (balance.get(operationOf(row)) ?? 0) + vote);
  }
  for (let row = 0; row < spans.count; row += 1) {
    if (kinds[row] !== SERVER && (balance.get(operationOf(row)) ?? 0) > 0) kinds[row] = CLIENT;
  }
  return kinds;
}
