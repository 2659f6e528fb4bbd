/** Flags of a posted span. */
export const POSTED_ERROR = 1;
export const POSTED_ROOT = 2;

/** The spans of one operation that ended in one window, as one commit brought them; column by column, position i is one span. */
export interface Posting {
  operationId: number;
  windowAtMs: number;
  n: number;
  durationUs: Float64Array;
  endOffsetUs: Uint32Array;
  flags: Uint8Array;
  /** Folded span id: with trace id, end and duration it tells copies of a span apart from its siblings. */
  spanTag: Uint32Array;
  /** Adjusted count from the sampling threshold; 0 when unknown. */
  weight: Float32Array | null;
  /** 32 lower-case hex digits. */
  traceId: (i: number) => string;
}
