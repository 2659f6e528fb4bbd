import type { EntityManager } from 'typeorm';
import { HOUR_MS } from '../model/window.js';
import type { JournalReader, SegmentKey } from './read.js';
import type { Budget } from './search-budget.js';
import { matches, mayMatch, type SpanFilter } from './search-filter.js';
import { NewestFirst, type Place } from './search-place.js';
import type { Chunk } from './search-slices.js';
import type { NamedOperations, SearchStore } from './search.store.js';
import type { SpanTable } from './span-table.js';

const SEGMENTS_AT_ONCE = 8;

/** A span that may match, and where it lies. */
export interface Candidate extends Place {
  segment: SegmentKey;
  ordinal: number;
  /** Whether only its segment can tell. */
  isOpen: boolean;
}

/** Where a page looks for spans, and what it asks of them. */
export interface Looking {
  db: EntityManager;
  tenantId: number;
  filter: SpanFilter;
  /** Only what lies after it … */
  after: Place;
  /** … and no more than so many, newest first. */
  most: number;
  budget: Budget;
}

/** Candidates in order; `floor` is the last place up to which they are all there are, null when none had to be left out. */
export interface Candidates {
  items: Candidate[];
  floor: Place | null;
}

/** By the postings of a chunk, without those in segments that cannot have the attributes. */
export async function postedCandidates(
  store: SearchStore,
  operations: NamedOperations,
  chunk: Chunk,
  { db, tenantId, filter, after, most, budget }: Looking,
): Promise<Candidates> {
  const newest = new NewestFirst<Candidate>(after, most);
  await store.read(db, tenantId, operations, filter, chunk, ({ windowMs, operationId, spans }) => {
    budget.spans += spans.n;
    const isOpen = filter.attributes.length > 0 || (operations?.overflowing.has(operationId) ?? false);
    for (let i = 0; i < spans.n; i++) {
      const endUs = windowMs * 1_000 + spans.endOffsetUs[i]!;
      if (!newest.mayKeep(endUs) || !mayMatch(filter, windowMs * 1_000, spans, i)) continue;
      const { id, hour } = spans.segments[spans.segmentIndex[i]!]!;
      newest.add({
        endUs,
        traceId: spans.traceId(i),
        segment: { id, hour: new Date(hour * HOUR_MS) },
        ordinal: spans.ordinal[i]!,
        isOpen,
      });
    }
  });
  const { items, floor } = newest.take();
  if (filter.attributes.length === 0 || items.length === 0) return { items, floor };
  const keys = new Map(items.map(({ segment }) => [segment.id, segment]));
  const found = await store.mayHold(db, tenantId, [...keys.values()], filter.attributes);
  return { items: items.filter(({ segment }) => found.has(segment.id)), floor };
}

/** By the segments themselves: all spans in them that match and ended at `fromMs` or later. */
export async function storedCandidates(
  reader: JournalReader,
  segments: readonly SegmentKey[],
  fromMs: number,
  { db, tenantId, filter, after, most, budget }: Looking,
): Promise<Candidates> {
  const newest = new NewestFirst<Candidate>(after, most);
  await eachSegment(reader, { db, tenantId, budget }, segments, (table, segment) => {
    const bytes = Buffer.from(table.bytes.buffer, table.bytes.byteOffset, table.bytes.byteLength);
    for (let i = 0; i < table.n; i++) {
      const endUs = table.endUs[i]!;
      if (endUs < fromMs * 1_000 || !newest.mayKeep(endUs) || !matches(filter, table, i)) continue;
      const traceId = bytes.toString('hex', table.traceAt[i], table.traceAt[i]! + 16);
      newest.add({ endUs, traceId, segment, ordinal: i, isOpen: false });
    }
  });
  return newest.take();
}

/** Reads segments, a few at a time, and counts them; one that retention has dropped is left out. */
export async function eachSegment(
  reader: JournalReader,
  { db, tenantId, budget }: Pick<Looking, 'db' | 'tenantId' | 'budget'>,
  keys: readonly SegmentKey[],
  visit: (table: SpanTable, key: SegmentKey) => void,
): Promise<void> {
  for (let from = 0; from < keys.length; from += SEGMENTS_AT_ONCE) {
    const some = keys.slice(from, from + SEGMENTS_AT_ONCE);
    const tables = await reader.tables(db, tenantId, some);
    for (const key of some) {
      const table = tables.get(key.id);
      if (!table) continue;
      budget.read(key.id, table.bytes.length);
      visit(table, key);
    }
  }
}
