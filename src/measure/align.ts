import { KIND_CONSUMER, KIND_PRODUCER, type StructuralSpan } from '../model/span.js';

/**
 * The spans with the clocks of other hosts set so that a child lies within its parent where it should: two hosts' clocks may differ by more
 * than a call takes, durations do not. What runs on its parent's instance moves along with it; a child elsewhere that fits into its
 * parent but sticks out of it is put into its middle (half the rest for each way), a longer one that starts too early to its start.
 * Messages may be taken up whenever: consumers stay where they are. The idea is that of Jaeger's clock skew adjustment.
 */
export function alignClocks(
  spans: readonly StructuralSpan[],
  parents: readonly number[],
  depth: Int32Array,
): readonly StructuralSpan[] {
  const shift = new Float64Array(spans.length);
  let isMoved = false;
  const topDown = spans.map((_, i) => i).sort((a, b) => depth[a]! - depth[b]!);
  for (const i of topDown) {
    const above = parents[i]!;
    if (above === -1 || depth[above]! >= depth[i]!) continue;
    const span = spans[i]!;
    const parent = spans[above]!;
    shift[i] = isTogether(span, parent) ? shift[above]! : shiftInto(span, parent, shift[above]!);
    if (shift[i] !== 0) isMoved = true;
  }
  if (!isMoved) return spans;
  return spans.map((span, i) =>
    shift[i] === 0 ? span : { ...span, startUs: span.startUs + shift[i]!, endUs: span.endUs + shift[i]! },
  );
}

function isTogether(a: StructuralSpan, b: StructuralSpan): boolean {
  return a.serviceId === b.serviceId && a.servedBy === b.servedBy;
}

function shiftInto(span: StructuralSpan, parent: StructuralSpan, parentShift: number): number {
  if (span.kind === KIND_CONSUMER || parent.kind === KIND_PRODUCER) return 0;
  const from = parent.startUs + parentShift;
  const to = parent.endUs + parentShift;
  if (span.startUs >= from && span.endUs <= to) return 0;
  const spare = to - from - (span.endUs - span.startUs);
  if (spare >= 0) return Math.round(from + spare / 2 - span.startUs);
  return Math.max(0, from - span.startUs);
}
