/** Shapes told apart of one operation: in a window, and in its baseline. The rest share OTHER_SHAPES. */
const MAX_SHAPES = 64;
const MAX_CALLEES = 24;
export const OTHER_SHAPES = '*';

/**
 * What one span called, as a set: the distinct operations of its children, in order of their ids, whatever their number and order. A
 * span that called more than a bounded number of different operations has the shape of the rest.
 */
export function shapeOf(calleeIds: ReadonlySet<number>): string {
  if (calleeIds.size > MAX_CALLEES) return OTHER_SHAPES;
  return [...calleeIds].sort((a, b) => a - b).join(',');
}

/** The operations that a shape names. */
export function calleesOf(shape: string): number[] {
  return shape === '' || shape === OTHER_SHAPES ? [] : shape.split(',').map(Number);
}

/** Adds `n` spans of a shape; when there is no room for another shape, they are counted among the rest. */
export function addShape(shapes: Map<string, number>, shape: string, n: number): void {
  const key = shapes.has(shape) || shapes.size < MAX_SHAPES ? shape : OTHER_SHAPES;
  shapes.set(key, (shapes.get(key) ?? 0) + n);
}

/** Halves every count, and forgets shapes of which little is left: how old observations fade. */
export function fadeShapes(shapes: Map<string, number>): void {
  for (const [shape, n] of shapes) {
    if (n >= 1) shapes.set(shape, n / 2);
    else shapes.delete(shape);
  }
}

/** Puts shapes into the order in which they are read back (shorter ones first), so that memory and table are alike in all. */
export function inStoredOrder(baseline: { shapes: Map<string, number> }): void {
  let last: string | undefined;
  for (const shape of baseline.shapes.keys()) {
    if (last !== undefined && compare(last, shape) > 0) {
      baseline.shapes = new Map([...baseline.shapes].sort(([a], [b]) => compare(a, b)));
      return;
    }
    last = shape;
  }
}

function compare(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : 1;
}
