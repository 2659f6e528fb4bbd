import { Histogram } from '../model/histogram.js';
import type { Rollup } from '../model/rollup.js';

interface WeightedSpan {
  durationUs: number;
  weight: number;
  isError: boolean;
}

/**
 * Spans of one operation in one window with the weights (1 / sampling probability) that their senders stated; a span that states none counts
 * once and is counted as unknown. `apply` puts into the rollup what stands for all spans that there were: its errors and its latency become
 * those of `n` spans drawn evenly from these, so that ratios and quantiles are weighted while whoever judges how sure they are still
 * goes by the raw n.
 */
export class WeightedSpans {
  private readonly spans: WeightedSpan[] = [];
  private unknown = 0;

  /** `weight` 0: none was stated. */
  add(durationUs: number, weight: number, isError: boolean): void {
    if (weight === 0) this.unknown++;
    this.spans.push({ durationUs, weight: weight === 0 ? 1 : weight, isError });
  }

  apply(rollup: Rollup): void {
    const { spans } = this;
    if (this.unknown === spans.length) return;
    // Weights of one value are summed in one order, whatever the order of arrival.
    spans.sort((a, b) => a.durationUs - b.durationUs || a.weight - b.weight);
    let total = 0;
    let failed = 0;
    for (const { weight, isError } of spans) {
      total += weight;
      if (isError) failed += weight;
    }
    const perWeight = spans.length / total;
    rollup.weighting = { n: total, errors: failed, unknown: this.unknown };
    rollup.errors = Math.round(failed * perWeight);
    rollup.latency = new Histogram();
    let below = 0;
    let given = 0;
    for (const { durationUs, weight } of spans) {
      below += weight;
      // Rounded as a running sum, so that no quantile is off by more than half a span.
      const due = Math.round(below * perWeight);
      if (due > given) rollup.latency.add(durationUs, due - given);
      given = due;
    }
  }
}
