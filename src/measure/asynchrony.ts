import { KIND_CLIENT, KIND_CONSUMER, KIND_PRODUCER, type StructuralSpan } from '../model/span.js';

/**
 * Whether a child's parent did not wait for it: what takes up a message, unless it lies within the call that sent it (request and reply by messages).
 * Such a child's time is its own, its failure is nobody else's, and its wait in the queue belongs to nobody's work.
 */
function isAsynchronous(child: StructuralSpan, parent: StructuralSpan): boolean {
  if (child.kind !== KIND_CONSUMER && parent.kind !== KIND_PRODUCER) return false;
  const isCall = parent.kind === KIND_PRODUCER || parent.kind === KIND_CLIENT;
  return !isCall || child.startUs < parent.startUs || child.endUs > parent.endUs;
}

/** Position of the parent that waits for each span, -1 where there is none: the roots of traces, and of work that nobody waits for. */
export function waitingParents(spans: readonly StructuralSpan[], parents: readonly number[]): readonly number[] {
  let waiting: number[] | null = null;
  parents.forEach((parent, i) => {
    if (parent === -1 || !isAsynchronous(spans[i]!, spans[parent]!)) return;
    (waiting ??= [...parents])[i] = -1;
  });
  return waiting ?? parents;
}

/**
 * Positions of spans that run one within the other: what nobody waits for is a part of its own, with all below it; everything else is the first part, orphans too.
 */
export function partsOf(parents: readonly number[], waiting: readonly number[], depth: Int32Array): number[][] {
  if (parents === waiting) return [parents.map((_, i) => i)];
  const parts: number[][] = [[]];
  const partOf = new Int32Array(parents.length);
  const topDown = parents.map((_, i) => i).sort((a, b) => depth[a]! - depth[b]! || a - b);
  for (const i of topDown) {
    const parent = waiting[i]!;
    const isOwn = parent !== parents[i];
    const part = isOwn ? parts.push([]) - 1 : parent === -1 ? 0 : partOf[parent]!;
    partOf[i] = part;
    parts[part]!.push(i);
  }
  return parts;
}
