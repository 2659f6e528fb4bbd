import { bucketMiddle, bucketOf, MAX_BUCKETS, readEncoded } from './histogram.js';

const FIRST_ROOM = 1_280;
/** Where histograms are read, one at a time. */
const buckets = new Uint32Array(MAX_BUCKETS);
const readCounts = new Uint32Array(MAX_BUCKETS);

/** A sum of encoded histograms to which parts are added and taken away again: what a window that slides over time needs. */
export class HistogramSum {
  private counts = new Uint32Array(FIRST_ROOM);
  private highest = -1;
  private total = 0;

  get count(): number {
    return this.total;
  }

  /** Adds (1) or takes away (-1) a histogram as `Histogram.encode` writes it, at [from, to) of `bytes`. Throws on bytes that are none. */
  add(bytes: Uint8Array, sign: 1 | -1, from = 0, to = bytes.length): void {
    const filled = readEncoded(bytes, from, to, buckets, readCounts);
    if (filled === 0) return;
    const last = buckets[filled - 1]!;
    if (last >= this.counts.length) this.grow(last);
    const { counts } = this;
    let total = 0;
    for (let i = 0; i < filled; i++) {
      const n = readCounts[i]!;
      counts[buckets[i]!]! += sign * n;
      total += n;
    }
    this.total += sign * total;
    if (last > this.highest) this.highest = last;
  }

  /** Value below which a share `q` (0 to 1) lies, as of `Histogram`; null when empty. */
  quantile(q: number): number | null {
    if (this.total === 0) return null;
    const rank = q * this.total;
    // From the top: what is asked for is mostly near it.
    let below = this.total;
    let last = 0;
    for (let bucket = this.highest; bucket >= 0; bucket--) {
      const n = this.counts[bucket]!;
      if (n === 0) continue;
      if (below < rank) break;
      last = bucket;
      below -= n;
    }
    return bucketMiddle(last);
  }

  /** How many values lie in buckets above the one of `value`. */
  countAbove(value: number): number {
    let above = 0;
    for (let bucket = this.highest; bucket > bucketOf(value); bucket--) above += this.counts[bucket]!;
    return above;
  }

  private grow(bucket: number): void {
    const wider = new Uint32Array(Math.max(2 * this.counts.length, bucket + 1));
    wider.set(this.counts);
    this.counts = wider;
  }
}
