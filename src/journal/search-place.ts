import { WINDOW_MS } from '../model/window.js';

const WINDOW_US = WINDOW_MS * 1_000;

/** Where something lies in an answer, newest first; a position between two answers is such a place too and lies after all above it. */
export interface Place {
  endUs: number;
  /** 32 lower-case hex digits; empty: after every trace that ended at this instant. */
  traceId: string;
}

/** Negative when `a` comes first: the later end, and of equal ends the greater trace id. */
export function byPlace(a: Place, b: Place): number {
  if (a.endUs !== b.endUs) return b.endUs - a.endUs;
  return a.traceId > b.traceId ? -1 : a.traceId < b.traceId ? 1 : 0;
}

/** End (µs, exclusive) of the newest window in which something can lie after the place. */
export function windowsAfter({ endUs, traceId }: Place): number {
  const newest = traceId === '' ? Math.ceil(endUs / WINDOW_US) : Math.floor(endUs / WINDOW_US) + 1;
  return newest * WINDOW_US;
}

/** Keeps the first `most` of the items that lie after `after`; says where it had to stop. */
export class NewestFirst<T extends Place> {
  private kept: T[] = [];
  private floor: T | null = null;
  private cutAt: number;

  constructor(
    private readonly after: Place,
    private readonly most: number,
  ) {
    this.cutAt = 2 * most;
  }

  /** Whether an item that ended then could be kept, so that its trace id need not be read for nothing. */
  mayKeep(endUs: number): boolean {
    return endUs <= this.after.endUs && endUs >= (this.floor?.endUs ?? 0);
  }

  add(item: T): void {
    if (byPlace(item, this.after) <= 0 || (this.floor && byPlace(item, this.floor) > 0)) return;
    this.kept.push(item);
    if (this.kept.length >= this.cutAt) this.cut();
  }

  /** The items in order; `floor` is the last place up to which they are all there are, null when nothing had to be left out. */
  take(): { items: T[]; floor: Place | null } {
    if (this.kept.length > this.most) this.cut();
    else this.kept.sort(byPlace);
    const { floor } = this;
    return { items: this.kept, floor: floor && { endUs: floor.endUs, traceId: floor.traceId } };
  }

  private cut(): void {
    this.kept.sort(byPlace);
    this.floor = this.kept[this.most - 1]!;
    // A trace with several spans at one place is either kept or left out as a whole, so that its place can be a position.
    this.kept = this.kept.filter((item) => byPlace(item, this.floor!) <= 0);
    this.cutAt = 2 * this.kept.length;
  }
}
