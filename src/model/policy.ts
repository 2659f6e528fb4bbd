/** Every threshold of detection: one set of product defaults for all data. Reasons stand in docs/detection.md. */
export interface Policy {
  /** Learned windows before a series is judged: 12 are two minutes. */
  minWindows: number;
  /** Spans of the operation in its baseline before it is judged. */
  minBaselineN: number;
  /** A window alone is judged when it holds this many spans; quieter series are judged over `pooledWindows`. */
  minWindowN: number;
  minPooledN: number;
  /** N of M: deviating windows wanted, of this many looked at. */
  nOf: number;
  ofM: number;
  pooledWindows: number;
  /** -log10 of the tail probability that makes one window deviate, and that all deviating windows must reach together. */
  windowScore: number;
  totalScore: number;
  /** The same for the one test over pooled windows of a quiet series. */
  pooledScore: number;
  latency: { minAbsoluteUs: number; minRelative: number };
  errors: { minCount: number; minAbsolute: number; minRelative: number };
  traffic: { minExpected: number; minDrop: number; minSurge: number };
  calls: { minCallerN: number; minExpectedRatio: number; minDrop: number; minSurge: number };
}

export const DEFAULT_POLICY: Policy = {
  minWindows: 12,
  minBaselineN: 60,
  minWindowN: 8,
  minPooledN: 10,
  nOf: 2,
  ofM: 3,
  pooledWindows: 6,
  windowScore: 4,
  totalScore: 10,
  pooledScore: 7,
  latency: { minAbsoluteUs: 2_000, minRelative: 0.3 },
  errors: { minCount: 3, minAbsolute: 0.02, minRelative: 1 },
  traffic: { minExpected: 30, minDrop: 0.5, minSurge: 3 },
  calls: { minCallerN: 12, minExpectedRatio: 0.05, minDrop: 0.5, minSurge: 1 },
};
