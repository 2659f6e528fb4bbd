/** What one page may cost. A started step is finished, so at least one window and one trace are read. */
export const SEARCH_LIMITS = {
  /** Postings looked at. */
  postings: 500_000,
  /** Spans unpacked from postings. */
  spans: 1_000_000,
  /** Segments read, and their decoded size. */
  segments: 512,
  segmentBytes: 128 * 1024 * 1024,
  /** No further step is started after this time. */
  ms: 2_000,
  chunkSpans: 65_536,
  /** Candidates held at a time. */
  candidates: 4_096,
};
export type SearchLimits = typeof SEARCH_LIMITS;

/** What a page has cost, against its limits. */
export class Budget {
  postings = 0;
  spans = 0;
  private readonly segments = new Set<string>();
  private segmentBytes = 0;

  constructor(
    private readonly limits: SearchLimits,
    private readonly beganMs: number,
  ) {}

  isSpent(nowMs: number): boolean {
    const { limits } = this;
    return (
      this.postings >= limits.postings ||
      this.spans >= limits.spans ||
      this.segments.size >= limits.segments ||
      this.segmentBytes >= limits.segmentBytes ||
      nowMs - this.beganMs >= limits.ms
    );
  }

  /** Whether these segments (by id) may be read on top of all that were; one that was read before costs nothing. */
  allows(segmentIds: Iterable<string>): boolean {
    const added = new Set<string>();
    for (const id of segmentIds) if (!this.segments.has(id)) added.add(id);
    return this.segments.size + added.size <= this.limits.segments;
  }

  read(segmentId: string, bytes: number): void {
    if (!this.segments.has(segmentId)) this.segmentBytes += bytes;
    this.segments.add(segmentId);
  }

  get cost(): { postings: number; spans: number; segments: number } {
    return { postings: this.postings, spans: this.spans, segments: this.segments.size };
  }
}
