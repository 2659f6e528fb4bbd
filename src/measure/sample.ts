import { POSTED_ROOT, type Posting } from '../model/posting.js';
import { byTraceHash, traceHash } from '../model/trace-order.js';

/** Traces whose root ended in the window, as many as `limit`: those with the smallest hash of their id, so that every run picks the same. */
export function sampleTraces(postings: readonly Posting[], limit: number): { traceIds: string[]; total: number } {
  const roots = new Set<string>();
  for (const posting of postings) {
    for (let i = 0; i < posting.n; i++) {
      if ((posting.flags[i]! & POSTED_ROOT) !== 0) roots.add(posting.traceId(i));
    }
  }
  return { traceIds: first([...roots], limit), total: roots.size };
}

function first(traceIds: string[], limit: number): string[] {
  if (traceIds.length <= limit) return traceIds.sort(byTraceHash);
  const hashes = Uint32Array.from(traceIds, traceHash);
  const highest = hashes.toSorted()[limit - 1]!;
  return traceIds
    .filter((_, i) => hashes[i]! <= highest)
    .sort(byTraceHash)
    .slice(0, limit);
}
