/** Every threshold of detection: one set of product defaults for all data. Reasons stand in docs/detection.md. */
export interface Policy {
  /** Learned windows before a series is judged: 6 are a minute. */
  minWindows: number;
  /** Spans of the operation in its baseline before it is judged. */
  minBaselineN: number;
  /** An operation known for so many windows, of which fewer than minBaselineN spans and at least minSpans were seen, is judged with its service. */
  rare: { afterWindows: number; minSpans: number };
  /** Newest windows looked at for durations, and for counts of calls and traffic. */
  historyWindows: number;
  pooledWindows: number;
  /** -log10 of the tail probability below which nothing is said at all. */
  windowScore: number;
  /** Share of windows in which chance alone may raise something, whatever the number of series. */
  falseDiscoveryRate: number;
  latency: { minAbsoluteUs: number; minRelative: number };
  errors: { minCount: number; minAbsolute: number; minRelative: number };
  traffic: { minExpected: number; minDrop: number; minSurge: number };
  calls: { minCallerN: number; minExpectedRatio: number; minDrop: number; minSurge: number };
  events: {
    pools: readonly number[];
    minSpans: number;
    minAbsolute: number;
    minRelative: number;
    minVanishedN: number;
    minVanishedShare: number;
    minDrop: number;
  };
}

export const DEFAULT_POLICY: Policy = {
  minWindows: 6,
  minBaselineN: 30,
  rare: { afterWindows: 60, minSpans: 3 },
  historyWindows: 12,
  pooledWindows: 6,
  windowScore: 4,
  falseDiscoveryRate: 1e-5,
  latency: { minAbsoluteUs: 10_000, minRelative: 0.5 },
  errors: { minCount: 3, minAbsolute: 0.02, minRelative: 1 },
  traffic: { minExpected: 30, minDrop: 0.5, minSurge: 3 },
  calls: { minCallerN: 5, minExpectedRatio: 0.05, minDrop: 0.5, minSurge: 1 },
  events: {
    pools: [3, 6, 12],
    minSpans: 3,
    minAbsolute: 0.05,
    minRelative: 1,
    minVanishedN: 8,
    minVanishedShare: 0.2,
    minDrop: 0.75,
  },
};
