import type { StructuralSpan } from '../model/span.js';

/**
 * Self time of each span of one trace (µs, by position in `spans`): at every instant the deepest active span is at work; among equally
 * deep ones the time is that of the one that started last. So a caller that waits, or a sibling that only overlaps, takes no blame.
 * O(n log n) for n spans.
 */
export function selfTimes(spans: readonly StructuralSpan[], depth: Int32Array): Float64Array {
  const self = new Float64Array(spans.length);
  const order = spans.map((_, i) => i).sort((a, b) => spans[a]!.startUs - spans[b]!.startUs || depth[a]! - depth[b]!);
  const heap = new DeepestFirst((a, b) => depth[b]! - depth[a]! || spans[b]!.startUs - spans[a]!.startUs || b - a);
  let now = 0;

  // Gives the time up to `until` to whoever is deepest, dropping spans that have ended on the way.
  const advance = (until: number): void => {
    for (let top = heap.peek(); top !== undefined && now < until; top = heap.peek()) {
      const end = spans[top]!.endUs;
      if (end <= now) {
        heap.pop();
        continue;
      }
      const to = Math.min(end, until);
      self[top]! += to - now;
      now = to;
    }
    now = Math.max(now, until);
  };

  for (const i of order) {
    advance(spans[i]!.startUs);
    heap.push(i);
  }
  advance(Infinity);
  return self;
}

/** Position of each span's parent in `spans`, -1 where it has none, is its own parent or the parent is missing. */
export function parentPositions(spans: readonly StructuralSpan[]): number[] {
  const positions = new Map<string, number>();
  spans.forEach((span, i) => positions.set(span.spanId, i));
  return spans.map((span, i) => {
    const parent = span.parentSpanId === '' ? undefined : positions.get(span.parentSpanId);
    return parent === undefined || parent === i ? -1 : parent;
  });
}

/** How deep each span lies below its root, through parents that are present; a span without its parent counts as a root, and so does one in a cycle. */
export function depths(parents: readonly number[]): Int32Array {
  const depth = new Int32Array(parents.length).fill(-1);
  for (let i = 0; i < parents.length; i++) {
    const path: number[] = [];
    const onPath = new Set<number>();
    let at = i;
    while (at !== -1 && depth[at] === -1 && !onPath.has(at)) {
      path.push(at);
      onPath.add(at);
      at = parents[at]!;
    }
    let d = at === -1 || depth[at] === -1 ? 0 : depth[at]! + 1;
    for (let k = path.length - 1; k >= 0; k--) depth[path[k]!] = d++;
  }
  return depth;
}

/** A binary heap of span positions; `before` is negative when its first argument is deeper. */
class DeepestFirst {
  private readonly items: number[] = [];

  constructor(private readonly before: (a: number, b: number) => number) {}

  peek(): number | undefined {
    return this.items[0];
  }

  push(item: number): void {
    const items = this.items;
    items.push(item);
    let at = items.length - 1;
    while (at > 0) {
      const up = (at - 1) >> 1;
      if (this.before(items[at]!, items[up]!) >= 0) break;
      [items[at], items[up]] = [items[up]!, items[at]!];
      at = up;
    }
  }

  pop(): void {
    const items = this.items;
    const last = items.pop();
    if (last === undefined || items.length === 0) return;
    items[0] = last;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      if (left >= items.length) break;
      const right = left + 1;
      const child = right < items.length && this.before(items[right]!, items[left]!) < 0 ? right : left;
      if (this.before(items[at]!, items[child]!) <= 0) break;
      [items[at], items[child]] = [items[child]!, items[at]!];
      at = child;
    }
  }
}
