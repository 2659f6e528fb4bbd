/** Why a single trace is far outside of what is normal for one of its operations. */
export const OUTLIER_REASONS = ['slow', 'failed'] as const;
export type OutlierReason = (typeof OUTLIER_REASONS)[number];

/** One trace that is noted for one span of its own, whatever others did. */
export interface Outlier {
  /** 32 lower-case hex digits. */
  traceId: string;
  /** Window in which the span ended. */
  windowAtMs: number;
  /** The operation where it stands out most. */
  operationId: number;
  /** Others where the same trace stands out in this window: callers that waited. */
  alsoIn: number;
  reason: OutlierReason;
  /** Of `slow`: duration (µs); of `failed`: share of this window's spans that failed. */
  observed: number;
  /** Of `slow`: what 97 % of the past spans stayed below (µs); of `failed`: share of the past spans that failed. */
  expected: number;
  /** Spans of the operation in this window, and in its past. */
  n: number;
  baselineN: number;
  /** -log10 of the chance that one of n is so far out. */
  score: number;
}
