import type { Histogram } from './histogram.js';

/** What one operation did in one window or minute. */
export interface OperationStep {
  atMs: number;
  n: number;
  errors: number;
  latency: Histogram;
  selfTime: Histogram;
}

/** What a threshold rule measures, and on which side of its limit it fires. */
export interface ChartedRule {
  measure: string;
  isBelow: boolean;
}
