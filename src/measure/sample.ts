import { POSTED_ROOT, type Posting } from '../model/posting.js';

/** Traces whose root ended in the window, as many as `limit`: those with the smallest hash of their id, so that every run picks the same. */
export function sampleTraces(postings: readonly Posting[], limit: number): { traceIds: string[]; total: number } {
  const roots = new Set<string>();
  for (const posting of postings) {
    for (let i = 0; i < posting.n; i++) {
      if ((posting.flags[i]! & POSTED_ROOT) !== 0) roots.add(posting.traceId(i));
    }
  }
  const traceIds = [...roots].sort((a, b) => order(a, b));
  return { traceIds: traceIds.slice(0, limit), total: roots.size };
}

/** W3C asks for randomness in the right-most seven bytes of a trace id; senders that do not obey still get a stable choice. */
function order(a: string, b: string): number {
  const keyA = a.slice(18) + a;
  const keyB = b.slice(18) + b;
  return keyA < keyB ? -1 : keyA > keyB ? 1 : 0;
}
