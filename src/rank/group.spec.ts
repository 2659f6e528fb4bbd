import { describe, expect, it } from '@jest/globals';
import type { Finding } from '../model/anomaly.js';
import type { Operation } from '../model/operation.js';
import { KIND_CLIENT, KIND_SERVER } from '../model/span.js';
import type { CallGraph } from './graph.js';
import { groupFindings } from './group.js';

/** cart and index both query a database that makes no spans; front calls cart. */
const OPERATIONS: Operation[] = [
  { id: 1, serviceId: 1, service: 'front', name: 'GET /', kind: KIND_SERVER },
  { id: 2, serviceId: 1, service: 'front', name: 'call cart', kind: KIND_CLIENT },
  { id: 10, serviceId: 2, service: 'cart', name: 'list', kind: KIND_SERVER },
  { id: 11, serviceId: 2, service: 'cart', name: 'SELECT shop', kind: KIND_CLIENT },
  { id: 12, serviceId: 2, service: 'cart', name: 'sum', kind: KIND_SERVER },
  { id: 30, serviceId: 3, service: 'index', name: 'find', kind: KIND_SERVER },
  { id: 31, serviceId: 3, service: 'index', name: 'SELECT shop', kind: KIND_CLIENT },
  { id: 32, serviceId: 3, service: 'index', name: 'SELECT other', kind: KIND_CLIENT },
];
const CALLS: [number, number][] = [
  [1, 2],
  [2, 10],
  [10, 11],
  [30, 31],
  [30, 32],
];
const graph: CallGraph = { callees: new Map(), callers: new Map() };
for (const [caller, callee] of CALLS) {
  graph.callees.set(caller, (graph.callees.get(caller) ?? new Set()).add(callee));
  graph.callers.set(callee, (graph.callers.get(callee) ?? new Set()).add(caller));
}
const groupsOf = (...hot: number[]): number[][] =>
  groupFindings(
    hot.map((operationId): Finding => ({ operationId, callerId: 0, raised: true, score: 10 }) as Finding),
    graph,
    new Map(OPERATIONS.map((operation) => [operation.id, operation])),
  ).map((group) => group.map(({ operationId }) => operationId));

describe('groupFindings', () => {
  it.each([
    { name: 'one service', hot: [10, 12], want: [[10, 12]] },
    { name: 'neighbours in the call graph', hot: [2, 10], want: [[2, 10]] },
    { name: 'a caller and its callee’s callee, through a client and a server span', hot: [1, 11], want: [[1, 11]] },
    { name: 'a caller and another operation of the service it calls', hot: [1, 12], want: [[1, 12]] },
    { name: 'calls of one name to what makes no spans', hot: [11, 31], want: [[11, 31]] },
    { name: 'calls of different names', hot: [11, 32], want: [[11], [32]] },
    { name: 'what has nothing in common', hot: [1, 30], want: [[1], [30]] },
  ])('$name', ({ hot, want }) => expect(groupsOf(...hot)).toEqual(want));
});
