/** A set of traces by their position in a comparison; the bad ones come first. */
export class TraceSet {
  private readonly words: Uint32Array;

  constructor(readonly size: number) {
    this.words = new Uint32Array(Math.ceil(size / 32));
  }

  add(position: number): void {
    this.words[position >>> 5]! |= 1 << (position & 31);
  }

  has(position: number): boolean {
    return (this.words[position >>> 5]! & (1 << (position & 31))) !== 0;
  }

  /** How many of the positions below `end` are in the set. */
  countBelow(end: number): number {
    let count = 0;
    const whole = end >>> 5;
    for (let i = 0; i < whole; i++) count += ones(this.words[i]!);
    if ((end & 31) !== 0) count += ones(this.words[whole]! & ((1 << (end & 31)) - 1));
    return count;
  }

  count(): number {
    return this.countBelow(this.size);
  }

  and(other: TraceSet): TraceSet {
    const both = new TraceSet(this.size);
    this.words.forEach((word, i) => (both.words[i] = word & other.words[i]!));
    return both;
  }

  without(other: TraceSet): TraceSet {
    const rest = new TraceSet(this.size);
    this.words.forEach((word, i) => (rest.words[i] = word & ~other.words[i]!));
    return rest;
  }

  /** Jaccard's index: the part of both that they share, 1 for two empty sets. */
  likeness(other: TraceSet): number {
    const both = this.and(other).count();
    const either = this.count() + other.count() - both;
    return either === 0 ? 1 : both / either;
  }
}

/** Population count of 32 bits. */
function ones(word: number): number {
  let n = word - ((word >>> 1) & 0x55555555);
  n = (n & 0x33333333) + ((n >>> 2) & 0x33333333);
  return Math.imul((n + (n >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
