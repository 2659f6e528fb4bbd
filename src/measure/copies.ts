import type { Posting } from '../model/posting.js';

/**
 * Finds copies among the spans of one operation and window: the same trace id, folded span id, end and duration. An open-addressing table of
 * positions; a trace id is only read when all else agrees.
 */
export class Copies {
  private readonly slots: Int32Array;
  private readonly mask: number;
  private readonly starts: number[] = [];

  /** `postings`: all those that are going to be asked about. */
  constructor(private readonly postings: readonly Posting[]) {
    let n = 0;
    for (const posting of postings) {
      this.starts.push(n);
      n += posting.n;
    }
    const size = n < 2 ? 0 : 2 ** Math.ceil(Math.log2(2 * n));
    this.slots = new Int32Array(size);
    this.mask = size - 1;
  }

  /** Whether an equal span was asked about before; to be asked once for each span. */
  isCopy(postingNo: number, i: number): boolean {
    if (this.slots.length === 0) return false;
    const posting = this.postings[postingNo]!;
    const tag = posting.spanTag[i]!;
    const end = posting.endOffsetUs[i]!;
    const duration = posting.durationUs[i]!;
    let at = mixed(tag, end, duration) & this.mask;
    for (let slot = this.slots[at]!; slot !== 0; slot = this.slots[at]!) {
      const [other, j] = this.place(slot - 1);
      if (
        other.spanTag[j] === tag &&
        other.endOffsetUs[j] === end &&
        other.durationUs[j] === duration &&
        other.traceId(j) === posting.traceId(i)
      ) {
        return true;
      }
      at = (at + 1) & this.mask;
    }
    this.slots[at] = this.starts[postingNo]! + i + 1;
    return false;
  }

  private place(position: number): [Posting, number] {
    let no = this.starts.length - 1;
    while (this.starts[no]! > position) no--;
    return [this.postings[no]!, position - this.starts[no]!];
  }
}

/** Ids that only differ in their high bits, as counters do, must differ in the low ones of the hash. (Finaliser of MurmurHash3.) */
function mixed(tag: number, end: number, duration: number): number {
  let hash = tag ^ Math.imul(end, 0x9e3779b1) ^ Math.imul(duration, 0xc2b2ae35);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
