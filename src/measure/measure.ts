import { Histogram } from '../model/histogram.js';
import { POSTED_ERROR, POSTED_ROOT, type Posting } from '../model/posting.js';
import { emptyRollup, type EdgeRollup, type Rollup, type WindowMeasure } from '../model/rollup.js';
import type { SpanLink, StructuralSpan } from '../model/span.js';
import { Copies } from './copies.js';
import { addLinks } from './links.js';
import { addStructure } from './structure.js';
import { WeightedSpans } from './weighting.js';

const EXEMPLARS = 3;

/**
 * Numbers of one closed window: counts, errors and latency of every operation from all its postings; edges, self time and where failures
 * begin from the sampled whole traces. `operationOf` knows spans of other traces that these link to. Copies of a span are counted once. Independent of the order of its input.
 */
export function measureWindow(
  windowAtMs: number,
  postings: readonly Posting[],
  traces: ReadonlyMap<string, readonly StructuralSpan[]>,
  totalTraces: number,
  operationOf: (link: SpanLink) => number | undefined = () => undefined,
): WindowMeasure {
  const rollups = new Map<number, Rollup>();
  const edges = new Map<string, EdgeRollup>();
  const rollupOf = (operationId: number): Rollup => {
    let rollup = rollups.get(operationId);
    if (rollup === undefined) rollups.set(operationId, (rollup = emptyRollup(operationId, windowAtMs)));
    return rollup;
  };
  const edgeOf = (callerId: number, calleeId: number): EdgeRollup => {
    const key = `${callerId}>${calleeId}`;
    let edge = edges.get(key);
    if (edge === undefined) {
      edges.set(key, (edge = { callerId, calleeId, windowAtMs, calls: 0, errors: 0, gap: new Histogram() }));
    }
    return edge;
  };

  const duplicateSpans = countSpans(postings, rollupOf);
  for (const spans of traces.values()) addStructure(spans, rollupOf, edgeOf);
  addLinks(traces, operationOf, edgeOf);

  const all = [...rollups.values()].sort((a, b) => a.operationId - b.operationId);
  return {
    windowAtMs,
    n: all.reduce((sum, rollup) => sum + rollup.n, 0),
    traces: totalTraces,
    sampledTraces: traces.size,
    duplicateSpans,
    rollups: all,
    edges: [...edges.values()].sort((a, b) => a.callerId - b.callerId || a.calleeId - b.calleeId),
  };
}

interface Ranked {
  durationUs: number;
  traceId: string;
}

function countSpans(postings: readonly Posting[], rollupOf: (operationId: number) => Rollup): number {
  const byOperation = new Map<number, Posting[]>();
  for (const posting of postings) {
    const list = byOperation.get(posting.operationId);
    if (list === undefined) byOperation.set(posting.operationId, [posting]);
    else list.push(posting);
  }
  let duplicates = 0;
  for (const [operationId, list] of byOperation) {
    const rollup = rollupOf(operationId);
    const copies = new Copies(list);
    const slowest: Ranked[] = [];
    const failed: Ranked[] = [];
    const weighted = list.some(({ weight }) => weight !== null) ? new WeightedSpans() : null;
    rollup.latency.reserve(...rangeOf(list));
    for (const [postingNo, posting] of list.entries()) {
      for (let i = 0; i < posting.n; i++) {
        if (copies.isCopy(postingNo, i)) {
          duplicates++;
          continue;
        }
        const durationUs = posting.durationUs[i]!;
        rollup.n++;
        rollup.durationSumUs += durationUs;
        rollup.maxDurationUs = Math.max(rollup.maxDurationUs, durationUs);
        rollup.latency.add(durationUs);
        const isError = (posting.flags[i]! & POSTED_ERROR) !== 0;
        weighted?.add(durationUs, posting.weight?.[i] ?? 0, isError);
        keepWorst(slowest, durationUs, posting, i);
        if (isError) {
          rollup.errors++;
          keepWorst(failed, durationUs, posting, i);
        }
        if ((posting.flags[i]! & POSTED_ROOT) !== 0) rollup.entries++;
      }
    }
    weighted?.apply(rollup);
    rollup.slowest = slowest.map((span) => span.traceId);
    rollup.failed = failed.map((span) => span.traceId);
  }
  return duplicates;
}

function rangeOf(postings: readonly Posting[]): [number, number] {
  let [least, most] = [Infinity, 0];
  for (const { durationUs, n } of postings) {
    for (let i = 0; i < n; i++) {
      least = Math.min(least, durationUs[i]!);
      most = Math.max(most, durationUs[i]!);
    }
  }
  return [least, most];
}

/** Keeps the longest few, one a trace, in an order that does not depend on arrival. */
function keepWorst(worst: Ranked[], durationUs: number, posting: Posting, i: number): void {
  const last = worst[EXEMPLARS - 1];
  // Most spans end here: their trace id need not be read.
  if (last !== undefined && last.durationUs > durationUs) return;
  const span = { durationUs, traceId: posting.traceId(i) };
  if (last !== undefined && compareWorst(last, span) <= 0) return;
  const same = worst.findIndex((kept) => kept.traceId === span.traceId);
  if (same !== -1) {
    if (compareWorst(worst[same]!, span) <= 0) return;
    worst.splice(same, 1);
  }
  worst.push(span);
  worst.sort(compareWorst);
  if (worst.length > EXEMPLARS) worst.pop();
}

function compareWorst(a: Ranked, b: Ranked): number {
  return b.durationUs - a.durationUs || (a.traceId < b.traceId ? -1 : a.traceId > b.traceId ? 1 : 0);
}
