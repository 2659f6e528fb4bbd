import { HOUR_MS, WINDOW_MS } from '../model/window.js';

const FIRST_SLICE_MS = 60_000;
/** About so many postings are weighed at a time. */
const SLICE_POSTINGS = 20_000;
const MAX_GROWTH = 8;

/** What one window holds for a search: postings that had to be looked at, and spans in those that may match. */
export interface WindowWeight {
  windowMs: number;
  postings: number;
  spans: number;
}

/** Windows that are read together, [fromMs, toMs). */
export interface Chunk {
  fromMs: number;
  toMs: number;
  spans: number;
}

/** Length (ms) of the next stretch of event time to weigh: the first is short, empty ones grow, full ones shrink. */
export function nextSliceMs(last: { lengthMs: number; postings: number } | null): number {
  if (last === null) return FIRST_SLICE_MS;
  const growth = Math.min(MAX_GROWTH, SLICE_POSTINGS / Math.max(1, last.postings));
  const windows = Math.floor((last.lengthMs * growth) / WINDOW_MS);
  return Math.min(HOUR_MS, Math.max(1, windows) * WINDOW_MS);
}

/**
 * Cuts a weighed slice [fromMs, toMs) into chunks, newest first, that cover all of it and hold at most `mostSpans` each, or one window.
 * `weights` are newest first; a window without weight holds nothing.
 */
export function chunksOf(fromMs: number, toMs: number, weights: readonly WindowWeight[], mostSpans: number): Chunk[] {
  const chunks: Chunk[] = [];
  let open: Chunk = { fromMs: toMs, toMs, spans: 0 };
  for (const { windowMs, spans } of weights) {
    if (spans === 0) continue;
    if (open.spans > 0 && open.spans + spans > mostSpans) {
      chunks.push(open);
      open = { fromMs: open.fromMs, toMs: open.fromMs, spans: 0 };
    }
    open.fromMs = windowMs;
    open.spans += spans;
  }
  chunks.push({ ...open, fromMs });
  return chunks;
}
