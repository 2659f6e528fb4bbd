import type { EdgeRollup } from '../model/rollup.js';
import type { SpanLink, StructuralSpan } from '../model/span.js';

/** Traces of one window that are looked up since others link to them: enough to know who sends to whom. */
const MOST_LINKED_TRACES = 32;

/** Ids of the traces to which the roots of these traces link, in the order of the sample; the same in every run. */
export function linkedTraceIds(traces: ReadonlyMap<string, readonly StructuralSpan[]>): string[] {
  const ids = new Set<string>();
  for (const link of linksOf(traces)) {
    ids.add(link.link.traceId);
    if (ids.size === MOST_LINKED_TRACES) break;
  }
  return [...ids];
}

/**
 * Adds who goes on from whom: an edge from the operation that was linked to, as far as `operationOf` knows it, to that of the root that says so. It carries no
 * calls: how often a message is taken up belongs to no window of its sender's.
 */
export function addLinks(
  traces: ReadonlyMap<string, readonly StructuralSpan[]>,
  operationOf: (link: SpanLink) => number | undefined,
  edgeOf: (callerId: number, calleeId: number) => EdgeRollup,
): void {
  for (const { span, link } of linksOf(traces)) {
    const from = operationOf(link);
    if (from === undefined || from === span.operationId) continue;
    const edge = edgeOf(from, span.operationId);
    edge.links = (edge.links ?? 0) + 1;
  }
}

function* linksOf(
  traces: ReadonlyMap<string, readonly StructuralSpan[]>,
): Iterable<{ span: StructuralSpan; link: SpanLink }> {
  for (const spans of traces.values()) {
    for (const span of spans) {
      if (span.parentSpanId === '') for (const link of span.links ?? []) yield { span, link };
    }
  }
}
