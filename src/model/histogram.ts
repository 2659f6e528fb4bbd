/** Linear sub-buckets an octave: a bucket's middle is at most 1/64 (1.6 %) away from any value in it. */
const SUB_BUCKETS = 32;
const FORMAT = 1;

const float = new Float64Array(1);
const bits = new Uint32Array(float.buffer);

/** Bucket of a value; 0 holds everything below 1. The index is read from the exponent and the top five mantissa bits (little-endian doubles). */
function bucketOf(value: number): number {
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

function middle(bucket: number): number {
  return bucket === 0 ? 0.5 : (lowerBound(bucket) + upperBound(bucket)) / 2;
}

/**
 * Mergeable histogram of non-negative numbers (here: microseconds) with a relative error of at most 1.6 %.
 * Merging is associative and commutative: histograms of parts equal the histogram of the whole.
 */
export class Histogram {
  private counts = new Uint32Array(0);
  private offset = 0;
  private total = 0;

  get count(): number {
    return this.total;
  }

  /** Adds `times` equal values; NaN and negative values count as 0. */
  add(value: number, times = 1): void {
    this.addBucket(bucketOf(value), times);
  }

  merge(other: Histogram): this {
    for (let i = 0; i < other.counts.length; i++) {
      const n = other.counts[i]!;
      if (n > 0) this.addBucket(other.offset + i, n);
    }
    return this;
  }

  /** Halves the counts: how old observations fade. What is left over by an odd count is carried to the next bucket, so that few values do not vanish. */
  halve(): void {
    this.total = 0;
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
    return middle(last);
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
      if (n > 0) excess += n * Math.max(0, middle(this.offset + i) - threshold);
    }
    return excess;
  }

  /** Format byte, then (gap, count) pairs of the filled buckets as LEB128 varints. */
  encode(): Uint8Array {
    const bytes: number[] = [FORMAT];
    let previous = -1;
    for (let i = 0; i < this.counts.length; i++) {
      const n = this.counts[i]!;
      if (n === 0) continue;
      writeVarint(bytes, this.offset + i - previous - 1);
      writeVarint(bytes, n);
      previous = this.offset + i;
    }
    return Uint8Array.from(bytes);
  }

  /** Inverse of encode. Throws on an unknown format or truncated bytes. */
  static decode(bytes: Uint8Array): Histogram {
    const histogram = new Histogram();
    if (bytes.length === 0) return histogram;
    if (bytes[0] !== FORMAT) throw new Error(`histogram format ${bytes[0]} is not known`);
    let at = 1;
    const readVarint = (): number => {
      let value = 0;
      let scale = 1;
      for (;;) {
        const byte = bytes[at++];
        if (byte === undefined) throw new Error('histogram bytes end too early');
        value += (byte & 0x7f) * scale;
        if (byte < 0x80) return value;
        scale *= 128;
      }
    };
    let bucket = -1;
    while (at < bytes.length) {
      bucket += readVarint() + 1;
      histogram.addBucket(bucket, readVarint());
    }
    return histogram;
  }

  private addBucket(bucket: number, times: number): void {
    const end = this.offset + this.counts.length;
    if (bucket < this.offset || bucket >= end) {
      const from = this.counts.length === 0 ? bucket : Math.min(this.offset, bucket - 8);
      const first = Math.max(0, from);
      const wider = new Uint32Array(Math.max(end, bucket + 9) - first);
      wider.set(this.counts, this.counts.length === 0 ? 0 : this.offset - first);
      this.counts = wider;
      this.offset = first;
    }
    this.counts[bucket - this.offset]! += times;
    this.total += times;
  }
}

function writeVarint(bytes: number[], value: number): void {
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) | 0x80);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
}
