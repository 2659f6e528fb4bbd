import type { Baselines } from '../model/baseline.js';
import type { WindowMeasure } from '../model/rollup.js';

/** Who calls whom, by operation id: what is known from the past and what was seen just now. */
export interface CallGraph {
  callees: Map<number, Set<number>>;
  callers: Map<number, Set<number>>;
}

export function callGraph(baselines: Baselines, recent: readonly WindowMeasure[]): CallGraph {
  const graph: CallGraph = { callees: new Map(), callers: new Map() };
  const add = (from: number, to: number): void => {
    if (from === to) return;
    put(graph.callees, from, to);
    put(graph.callers, to, from);
  };
  for (const key of baselines.edges.keys()) {
    const [caller, callee] = key.split('>').map(Number) as [number, number];
    add(caller, callee);
  }
  for (const window of recent) for (const edge of window.edges) add(edge.callerId, edge.calleeId);
  return graph;
}

/** The given operations and everything that they call, directly or not. */
export function downstream(graph: CallGraph, from: Iterable<number>): Set<number> {
  const reached = new Set<number>(from);
  const queue = [...reached];
  for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
    for (const callee of graph.callees.get(at) ?? []) {
      if (reached.has(callee)) continue;
      reached.add(callee);
      queue.push(callee);
    }
  }
  return reached;
}

/**
 * Operations that reach, through one call or more, one of the given operations other than themselves. Linear: each operation is visited
 * at most twice, for the first two of the given that it is known to reach. Only calls that are `wanted` are followed.
 */
export function above(
  graph: CallGraph,
  given: Iterable<number>,
  wanted: (callerId: number, calleeId: number) => boolean = () => true,
): Set<number> {
  const reached = new Map<number, number[]>();
  const queue: [operation: number, from: number][] = [];
  const visit = (operation: number, from: number): void => {
    const known = reached.get(operation) ?? [];
    if (known.length >= 2 || known.includes(from)) return;
    reached.set(operation, [...known, from]);
    queue.push([operation, from]);
  };
  for (const id of new Set(given)) visit(id, id);
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    for (const caller of graph.callers.get(next[0]) ?? []) if (wanted(caller, next[0])) visit(caller, next[1]);
  }
  return new Set([...reached].filter(([id, from]) => from.some((each) => each !== id)).map(([id]) => id));
}

function put(map: Map<number, Set<number>>, key: number, value: number): void {
  const set = map.get(key);
  if (set === undefined) map.set(key, new Set([value]));
  else set.add(value);
}
