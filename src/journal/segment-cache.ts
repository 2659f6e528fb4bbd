import type { SpanTable } from './span-table.js';

/** Decoded segments, the least recently used forgotten first when they hold more than `maxBytes`. */
export class SegmentCache {
  private readonly segments = new Map<string, SpanTable>();
  private bytes = 0;

  constructor(private readonly maxBytes: number) {}

  get(id: string): SpanTable | undefined {
    const spans = this.segments.get(id);
    if (spans) {
      this.segments.delete(id);
      this.segments.set(id, spans);
    }
    return spans;
  }

  set(id: string, spans: SpanTable): void {
    if (this.segments.has(id)) return;
    this.segments.set(id, spans);
    this.bytes += spans.bytes.length;
    for (const [oldest, { bytes }] of this.segments) {
      if (this.bytes <= this.maxBytes) break;
      this.segments.delete(oldest);
      this.bytes -= bytes.length;
    }
  }
}
