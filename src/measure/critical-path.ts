import type { StructuralSpan } from '../model/span.js';

/** Positions of each span's children. */
export function childPositions(parents: readonly number[]): number[][] {
  const children: number[][] = parents.map(() => []);
  parents.forEach((parent, i) => {
    if (parent !== -1) children[parent]!.push(i);
  });
  return children;
}

/**
 * What the duration of `root` is made of, as [position, µs] pairs that add up to it exactly: walking back from its end, the child that ended
 * last is what was waited for, then the one before it, and what lies between is the span's own. A child that outlives its parent was
 * not waited for. O(n log n) for n spans below the root.
 */
export function criticalPath(
  spans: readonly StructuralSpan[],
  children: readonly (readonly number[])[],
  root: number,
): [position: number, us: number][] {
  const path: [number, number][] = [];
  const left: [position: number, fromUs: number, untilUs: number][] = [
    [root, spans[root]!.startUs, spans[root]!.endUs],
  ];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const [i, fromUs, untilUs] = next;
    const { endUs } = spans[i]!;
    let own = 0;
    let atUs = untilUs;
    const waitedFor = children[i]!.filter((child) => spans[child]!.endUs <= endUs).sort(
      (a, b) => spans[b]!.endUs - spans[a]!.endUs || spans[b]!.startUs - spans[a]!.startUs || b - a,
    );
    for (const child of waitedFor) {
      // A child may begin before its parent when clocks differ: the parent's time is all there is.
      const from = Math.max(spans[child]!.startUs, fromUs);
      const to = Math.min(spans[child]!.endUs, atUs);
      if (from >= to) continue;
      own += atUs - to;
      atUs = from;
      left.push([child, from, to]);
    }
    path.push([i, own + atUs - fromUs]);
  }
  return path;
}

/** The span where the failure of `root` began: down from failing span to failing child, the one that ended last each time. */
export function deepestFailing(
  spans: readonly StructuralSpan[],
  children: readonly (readonly number[])[],
  root: number,
): number {
  let at = root;
  for (;;) {
    let below = -1;
    for (const child of children[at]!) {
      if (spans[child]!.isError && (below === -1 || spans[child]!.endUs > spans[below]!.endUs)) below = child;
    }
    if (below === -1) return at;
    at = below;
  }
}
