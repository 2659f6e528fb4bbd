/** Linear sub-buckets an octave: a bucket's middle is at most 1/64 (1.6 %) away from any value in it. */
const SUB_BUCKETS = 32;
const FORMAT = 1;
/** Buckets of room around a first value and beyond a new extreme: 16 four-byte counts are the most that V8 keeps within the object. */
const ROOM = 16;
/** Above the exponent of the largest double. */
export const MAX_BUCKETS = 1_025 * SUB_BUCKETS;
/** Where histograms are encoded (at most three bytes of gap and five of count a bucket) and decoded, one at a time. */
const scratch = new Uint8Array(1 + 8 * MAX_BUCKETS);
const readBuckets = new Uint32Array(MAX_BUCKETS);
const readCounts = new Uint32Array(MAX_BUCKETS);
const EMPTY = new Uint32Array(0);

const float = new Float64Array(1);
const bits = new Uint32Array(float.buffer);

/** Bucket of a value; 0 holds everything below 1. The index is read from the exponent and the top five mantissa bits (little-endian doubles). */
export function bucketOf(value: number): number {
  if (!(value >= 1)) return 0;
  float[0] = value;
  const high = bits[1]!;
  return (((high >>> 20) - 1023) << 5) + ((high >>> 15) & 31) + 1;
}

function lowerBound(bucket: number): number {
  if (bucket === 0) return 0;
  const octave = (bucket - 1) >> 5;
  return 2 ** octave * (1 + ((bucket - 1) & 31) / SUB_BUCKETS);
}

function upperBound(bucket: number): number {
  return bucket === 0 ? 1 : lowerBound(bucket + 1);
}

/** The value that stands for all in a bucket. */
export function bucketMiddle(bucket: number): number {
  return bucket === 0 ? 0.5 : (lowerBound(bucket) + upperBound(bucket)) / 2;
}

/**
 * Mergeable histogram of non-negative numbers (here: microseconds) with a relative error of at most 1.6 %.
 * Merging is associative and commutative: histograms of parts equal the histogram of the whole.
 */
export class Histogram {
  private counts: Uint32Array = EMPTY;
  private offset = 0;
  private total = 0;
  /** Quantiles asked for since the last change: what is normal is asked for in every window and changes once a minute. */
  #quantiles: Map<number, number> | null = null;

  get count(): number {
    return this.total;
  }

  /** Adds `times` equal values; NaN and negative values count as 0. */
  add(value: number, times = 1): void {
    this.addBucket(bucketOf(value), times);
  }

  /** Makes room for values from `least` to `most` at once. */
  reserve(least: number, most: number): void {
    if (least <= most) this.cover(bucketOf(least), bucketOf(most));
  }

  merge(other: Histogram): this {
    if (other.total === 0) return this;
    this.cover(other.offset, other.offset + other.counts.length - 1);
    const shift = other.offset - this.offset;
    for (let i = 0; i < other.counts.length; i++) this.counts[i + shift]! += other.counts[i]!;
    this.total += other.total;
    this.#quantiles = null;
    return this;
  }

  /** Adds `factor` (0 to 1) times the other's counts, rounded as a running sum so that no quantile of it is off by more than half a value. */
  mergeScaled(other: Histogram, factor: number): this {
    if (factor === 1) return this.merge(other);
    let below = 0;
    let given = 0;
    for (let i = 0; i < other.counts.length; i++) {
      below += other.counts[i]!;
      const due = Math.round(below * factor);
      if (due > given) this.addBucket(other.offset + i, due - given);
      given = due;
    }
    return this;
  }

  /** Halves the counts: how old observations fade. What is left over by an odd count is carried to the next bucket, so that few values do not vanish. */
  halve(): void {
    this.total = 0;
    this.#quantiles = null;
    let carried = 0;
    for (let i = 0; i < this.counts.length; i++) {
      const count = this.counts[i]! + carried;
      carried = count & 1;
      this.counts[i] = count >>> 1;
      this.total += this.counts[i]!;
    }
  }

  /** Value below which a share `q` (0 to 1) lies, within the stated error; null when empty. */
  quantile(q: number): number | null {
    if (this.total === 0) return null;
    const known = this.#quantiles?.get(q);
    if (known !== undefined) return known;
    const value = this.findQuantile(q);
    (this.#quantiles ??= new Map()).set(q, value);
    return value;
  }

  private findQuantile(q: number): number {
    const rank = q * this.total;
    let below = 0;
    let last = 0;
    for (let i = 0; i < this.counts.length; i++) {
      const n = this.counts[i]!;
      if (n === 0) continue;
      last = this.offset + i;
      below += n;
      if (below >= rank) break;
    }
    return bucketMiddle(last);
  }

  /** How many values lie in buckets above the one of `value`. */
  countAbove(value: number): number {
    let above = 0;
    for (let i = Math.max(0, bucketOf(value) + 1 - this.offset); i < this.counts.length; i++) above += this.counts[i]!;
    return above;
  }

  /** Sum over all values of what each has beyond `threshold`; with threshold 0 the (approximate) sum of the values. */
  excessOver(threshold: number): number {
    let excess = 0;
    for (let i = Math.max(0, bucketOf(threshold) - this.offset); i < this.counts.length; i++) {
      const n = this.counts[i]!;
      if (n > 0) excess += n * Math.max(0, bucketMiddle(this.offset + i) - threshold);
    }
    return excess;
  }

  /** Sum over all values in buckets above the one of `threshold` (more than 0) of ln(value / threshold). */
  logExcessOver(threshold: number): number {
    let excess = 0;
    for (let i = Math.max(0, bucketOf(threshold) + 1 - this.offset); i < this.counts.length; i++) {
      const n = this.counts[i]!;
      if (n > 0) excess += n * Math.log(bucketMiddle(this.offset + i) / threshold);
    }
    return excess;
  }

  /** Format byte, then (gap, count) pairs of the filled buckets as LEB128 varints. */
  encode(): Uint8Array {
    let at = 0;
    scratch[at++] = FORMAT;
    let previous = -1;
    for (let i = 0; i < this.counts.length; i++) {
      const n = this.counts[i]!;
      if (n === 0) continue;
      at = writeVarint(at, this.offset + i - previous - 1);
      at = writeVarint(at, n);
      previous = this.offset + i;
    }
    return scratch.slice(0, at);
  }

  /** Inverse of encode. Throws on an unknown format or truncated bytes. */
  static decode(bytes: Uint8Array): Histogram {
    const histogram = new Histogram();
    const n = readEncoded(bytes, 0, bytes.length, readBuckets, readCounts);
    if (n === 0) return histogram;
    // All at once: the range is known only now.
    histogram.cover(readBuckets[0]!, readBuckets[n - 1]!);
    for (let i = 0; i < n; i++) {
      histogram.counts[readBuckets[i]! - histogram.offset] = readCounts[i]!;
      histogram.total += readCounts[i]!;
    }
    return histogram;
  }

  private addBucket(bucket: number, times: number): void {
    if (bucket < this.offset || bucket >= this.offset + this.counts.length) this.widen(bucket);
    this.counts[bucket - this.offset]! += times;
    this.total += times;
    this.#quantiles = null;
  }

  /** For one value more: with room on that side, since more are likely to come. */
  private widen(bucket: number): void {
    if (this.counts.length === 0) this.cover(Math.max(0, bucket - ROOM / 2), bucket + ROOM / 2 - 1);
    else if (bucket < this.offset) this.cover(Math.max(0, bucket - ROOM), this.offset);
    else this.cover(this.offset, bucket + ROOM);
  }

  private cover(from: number, to: number): void {
    const end = this.offset + this.counts.length;
    if (this.counts.length > 0 && from >= this.offset && to < end) return;
    const first = this.counts.length === 0 ? from : Math.min(from, this.offset);
    const wider = new Uint32Array((this.counts.length === 0 ? to + 1 : Math.max(to + 1, end)) - first);
    if (this.counts.length > 0) wider.set(this.counts, this.offset - first);
    this.counts = wider;
    this.offset = first;
  }
}

/** Writes into `scratch` and returns where it ended. */
function writeVarint(from: number, value: number): number {
  let at = from;
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) scratch[at++] = (rest % 128) | 0x80;
  scratch[at++] = rest;
  return at;
}

/**
 * Reads an encoded histogram that stands at [from, to) of `bytes` into `buckets` (rising) and `counts`, and returns how many it filled; both have room
 * for MAX_BUCKETS. No call a bucket, since a replay reads millions of them. Throws on an unknown format or truncated bytes.
 */
export function readEncoded(
  bytes: Uint8Array,
  from: number,
  to: number,
  buckets: Uint32Array,
  counts: Uint32Array,
): number {
  if (from === to) return 0;
  if (bytes[from] !== FORMAT) throw new Error(`histogram format ${bytes[from]} is not known`);
  let at = from + 1;
  let bucket = -1;
  let n = 0;
  for (; at < to; n++) {
    if (n === MAX_BUCKETS) throw new Error('histogram bytes hold more buckets than there are');
    let gap = bytes[at++]!;
    if (gap >= 0x80) {
      let scale = 128;
      let byte: number;
      gap &= 0x7f;
      do {
        if (at >= to) throw new Error('histogram bytes end too early');
        byte = bytes[at++]!;
        gap += (byte & 0x7f) * scale;
        scale *= 128;
      } while (byte >= 0x80);
    }
    if (at >= to) throw new Error('histogram bytes end too early');
    let count = bytes[at++]!;
    if (count >= 0x80) {
      let scale = 128;
      let byte: number;
      count &= 0x7f;
      do {
        if (at >= to) throw new Error('histogram bytes end too early');
        byte = bytes[at++]!;
        count += (byte & 0x7f) * scale;
        scale *= 128;
      } while (byte >= 0x80);
    }
    bucket += gap + 1;
    if (bucket >= MAX_BUCKETS) throw new Error('histogram bytes name a bucket that there is not');
    buckets[n] = bucket;
    counts[n] = count;
  }
  return n;
}
