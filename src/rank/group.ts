import type { Finding } from '../model/anomaly.js';
import type { Operation } from '../model/operation.js';
import { KIND_CLIENT } from '../model/span.js';
import { hotOperations } from './candidates.js';
import type { CallGraph } from './graph.js';

/**
 * Raised findings that belong together: of the same service, or next to each other in the call graph, with at most one silent operation
 * between them; calls into a service that deviates; and calls of the same name to what makes no spans (a database, say), whoever makes them. Groups come in the order of their strongest finding; within a group the strongest is first.
 */
export function groupFindings(
  findings: readonly Finding[],
  graph: CallGraph,
  operations: ReadonlyMap<number, Operation>,
): Finding[][] {
  const sets = new DisjointSets();
  const raised = findings.filter((finding) => finding.raised);
  const hot = new Set(hotOperations(raised));
  for (const operationId of hot) {
    const service = operations.get(operationId)?.serviceId;
    if (service !== undefined) sets.join(`o${operationId}`, `s${service}`);
    // Joining silent neighbours too lets two hot operations meet in the one between them.
    for (const neighbour of neighbours(graph, operationId)) sets.join(`o${operationId}`, `o${neighbour}`);
    for (const callee of calledBy(operationId, graph, operations)) {
      sets.join(`o${operationId}`, `o${callee}`);
      sets.join(`o${callee}`, `s${operations.get(callee)?.serviceId}`);
    }
    const outside = leftUnseen(operationId, graph, operations);
    if (outside !== null) sets.join(`o${operationId}`, `n${outside}`);
  }
  for (const finding of raised) {
    const [first, ...rest] = hotOperations([finding]);
    for (const other of rest) sets.join(`o${first}`, `o${other}`);
  }
  const groups = new Map<string, Finding[]>();
  for (const finding of raised.toSorted(byStrength)) {
    const root = sets.find(`o${finding.operationId}`);
    const group = groups.get(root);
    if (group === undefined) groups.set(root, [finding]);
    else group.push(finding);
  }
  return [...groups.values()];
}

/** What an operation calls; of a call whose client has a span of its own, what answers it too. */
function* calledBy(
  operationId: number,
  graph: CallGraph,
  operations: ReadonlyMap<number, Operation>,
): Iterable<number> {
  for (const callee of graph.callees.get(operationId) ?? []) {
    yield callee;
    if (operations.get(callee)?.kind === KIND_CLIENT) yield* graph.callees.get(callee) ?? [];
  }
}

/** Names of those of the given calls that nobody in the graph answers. */
export function unseenCallees(
  calls: readonly number[],
  graph: CallGraph,
  operations: ReadonlyMap<number, Operation>,
): string[] {
  return calls.flatMap((operationId) => leftUnseen(operationId, graph, operations) ?? []);
}

/** The name of a call that nobody in the graph answers; null for anything else. */
function leftUnseen(operationId: number, graph: CallGraph, operations: ReadonlyMap<number, Operation>): string | null {
  const operation = operations.get(operationId);
  const isAnswered = (graph.callees.get(operationId)?.size ?? 0) > 0;
  return operation?.kind === KIND_CLIENT && !isAnswered ? operation.name : null;
}

function byStrength(a: Finding, b: Finding): number {
  return b.score - a.score || a.operationId - b.operationId || (a.signal < b.signal ? -1 : 1);
}

function* neighbours(graph: CallGraph, operationId: number): Iterable<number> {
  yield* graph.callees.get(operationId) ?? [];
  yield* graph.callers.get(operationId) ?? [];
}

class DisjointSets {
  private readonly parent = new Map<string, string>();

  find(member: string): string {
    let root = member;
    for (let up = this.parent.get(root); up !== undefined; up = this.parent.get(root)) root = up;
    for (let at = member; at !== root;) {
      const up = this.parent.get(at)!;
      this.parent.set(at, root);
      at = up;
    }
    return root;
  }

  join(a: string, b: string): void {
    const rootA = this.find(a);
    const rootB = this.find(b);
    if (rootA !== rootB) this.parent.set(rootA > rootB ? rootA : rootB, rootA > rootB ? rootB : rootA);
  }
}
