import type { EntityManager } from 'typeorm';
import { floorHour, windowOf } from '../model/window.js';
import type { JournalReader, SegmentKey } from './read.js';
import {
  eachSegment,
  postedCandidates,
  storedCandidates,
  type Candidate,
  type Candidates,
  type Looking,
} from './search-candidates.js';
import { Budget, type SearchLimits } from './search-budget.js';
import { matches, type SpanFilter } from './search-filter.js';
import { byPlace, windowsAfter, type Place } from './search-place.js';
import { chunksOf, nextSliceMs, type Chunk } from './search-slices.js';
import { fateOf, gather, TraceGatherer, type FoundTrace } from './search-trace.js';
import type { NamedOperations, SearchStore } from './search.store.js';

/** Often enough for a page; then more at a time. */
const FIRST_CHUNK_SPANS = 4_096;
const INSPECTED_AT_ONCE = 256;
/** So many segments of an hour are read for an attribute rather than the postings of all spans that might have it. */
const FEW_SEGMENTS = 64;

export interface SearchRequest {
  filter: SpanFilter;
  limit: number;
  /** Only what comes after it; null for the first page. */
  after: Place | null;
  /** That of the first page's answer: what was received later belongs to none of its pages. Null for the first page. */
  asOfMs: number | null;
}

export interface SearchAnswer {
  asOfMs: number;
  traces: FoundTrace[];
  /** Where the next page begins; null when all was searched. */
  next: Place | null;
  /** False when the page ended at a limit on work before it was full. */
  isComplete: boolean;
  /** How far down this page came (µs), and what it cost. */
  searchedToUs: number;
  cost: { postings: number; spans: number; segments: number };
}

/** One page while it is filled. */
export class Page {
  private readonly found: { place: Place; trace: FoundTrace }[] = [];
  /** Traces that were read whole. */
  private readonly met = new Map<string, TraceGatherer>();
  private readonly shown = new Set<string>();
  private readonly budget: Budget;
  /** All above and at it is done. */
  private position: Place;
  private isDone = false;
  private asOfMs = 0;
  hasMoved = false;

  constructor(
    private readonly store: SearchStore,
    private readonly reader: JournalReader,
    private readonly tenantId: number,
    private readonly request: SearchRequest,
    private readonly limits: SearchLimits,
  ) {
    this.position = request.after ?? { endUs: request.filter.toUs, traceId: '' };
    this.budget = new Budget(limits, performance.now());
  }

  async fill(db: EntityManager): Promise<void> {
    const { filter } = this.request;
    const operations = await this.store.operations(db, this.tenantId, filter);
    // The first statement has fixed what is visible: all of it was received before now.
    this.asOfMs = this.request.asOfMs ?? Date.now();
    const hours = await this.store.hours(db);
    const firstMs = Math.max(windowOf(filter.fromUs / 1_000), hours.firstMs);
    let last: { lengthMs: number; postings: number } | null = null;
    let mostSpans = FIRST_CHUNK_SPANS;
    let isRare = filter.attributes.length > 0;
    while (!this.hasMoved || !this.mustStop()) {
      const toMs = Math.min(windowsAfter(this.position) / 1_000, hours.endMs);
      if (toMs <= firstMs || operations?.ids.length === 0) {
        this.isDone = true;
        return;
      }
      if (isRare && (isRare = await this.readFew(db, firstMs, toMs))) continue;
      const fromMs = Math.max(firstMs, toMs - nextSliceMs(last));
      const weights = await this.store.weigh(db, this.tenantId, operations, filter, fromMs, toMs);
      const postings = weights.reduce((sum, weight) => sum + weight.postings, 0);
      this.budget.postings += postings;
      last = { lengthMs: toMs - fromMs, postings };
      for (const chunk of chunksOf(fromMs, toMs, weights, Math.min(mostSpans, this.limits.chunkSpans))) {
        do {
          if (this.hasMoved && this.mustStop()) return;
        } while (!(await this.readChunk(db, operations, chunk)));
      }
      mostSpans *= 4;
    }
  }

  answer(): SearchAnswer {
    const { limit, filter } = this.request;
    const shown = this.found.slice(0, limit);
    const isFull = this.found.length > limit;
    const next = isFull ? shown.at(-1)!.place : this.isDone ? null : this.position;
    return {
      asOfMs: this.asOfMs,
      traces: shown.map(({ trace }) => trace),
      next,
      isComplete: isFull || this.isDone,
      searchedToUs: next === null ? filter.fromUs : Math.max(filter.fromUs, next.endUs),
      cost: this.budget.cost,
    };
  }

  private isFull(): boolean {
    return this.found.length > this.request.limit;
  }

  private mustStop(): boolean {
    return this.isFull() || this.budget.isSpent(performance.now());
  }

  private moveTo(place: Place): void {
    this.position = place;
    this.hasMoved = true;
  }

  /** Reads what of a chunk lies after the position; false when there is more of it than fits in memory. */
  private async readChunk(db: EntityManager, operations: NamedOperations, chunk: Chunk): Promise<boolean> {
    if (chunk.spans > 0)
      return this.take(db, await postedCandidates(this.store, operations, chunk, this.looking(db)), chunk.fromMs);
    this.moveTo({ endUs: chunk.fromMs * 1_000, traceId: '' });
    return true;
  }

  /** Reads the segments of the hour before `toMs` that may have the attributes, and no postings. False when they are too many for that. */
  private async readFew(db: EntityManager, firstMs: number, toMs: number): Promise<boolean> {
    const { filter } = this.request;
    const hourMs = floorHour(toMs - 1);
    const fromMs = Math.max(firstMs, hourMs);
    const few = await this.store.segmentsWith(db, this.tenantId, filter.attributes, hourMs, FEW_SEGMENTS + 1);
    if (few === null || few.length > FEW_SEGMENTS || !this.budget.allows(few.map(({ id }) => id))) return false;
    do {
      if (this.hasMoved && this.mustStop()) break;
    } while (!(await this.take(db, await storedCandidates(this.reader, few, fromMs, this.looking(db)), fromMs)));
    return true;
  }

  /** Judges candidates of the time since `fromMs`; true when that time is done or the page has to stop. */
  private async take(db: EntityManager, { items, floor }: Candidates, fromMs: number): Promise<boolean> {
    if (!(await this.judge(db, items))) return true;
    this.moveTo(floor ?? { endUs: fromMs * 1_000, traceId: '' });
    return floor === null;
  }

  private looking(db: EntityManager): Looking {
    const { tenantId, budget } = this;
    return { db, tenantId, filter: this.request.filter, after: this.position, most: this.limits.candidates, budget };
  }

  /** Looks at candidates in their order; false when it had to stop among them. */
  private async judge(db: EntityManager, candidates: readonly Candidate[]): Promise<boolean> {
    for (let at = 0; at < candidates.length;) {
      if (this.hasMoved && this.mustStop()) return false;
      const some = this.someFrom(candidates, at);
      if (!(await this.show(db, await this.inspect(db, some)))) return false;
      this.moveTo(placeOf(some.at(-1)!));
      at += some.length;
    }
    return true;
  }

  /** A few candidates whose segments can be paid for; those at one place stay together, so that it can be a position. */
  private someFrom(candidates: readonly Candidate[], from: number): Candidate[] {
    const segments = new Set<string>();
    let to = from;
    for (; to < candidates.length; to++) {
      const { isOpen, segment } = candidates[to]!;
      if (to > from && byPlace(candidates[to]!, candidates[to - 1]!) > 0) {
        if (to - from >= INSPECTED_AT_ONCE || (isOpen && !this.budget.allows([...segments, segment.id]))) break;
      }
      if (isOpen) segments.add(segment.id);
    }
    return candidates.slice(from, to);
  }

  /** Those of the candidates that match, or that the postings have told enough of. */
  private async inspect(db: EntityManager, candidates: readonly Candidate[]): Promise<Candidate[]> {
    const bySegment = new Map<string, Candidate[]>();
    for (const candidate of candidates) {
      if (!candidate.isOpen || this.met.has(candidate.traceId)) continue;
      const others = bySegment.get(candidate.segment.id);
      if (others) others.push(candidate);
      else bySegment.set(candidate.segment.id, [candidate]);
    }
    const refuted = new Set<Candidate>();
    const keys = [...bySegment.values()].map(([first]) => first!.segment);
    await eachSegment(this.reader, this.looking(db), keys, (table, { id }) => {
      for (const candidate of bySegment.get(id)!) {
        if (!matches(this.request.filter, table, candidate.ordinal)) refuted.add(candidate);
      }
    });
    return candidates.filter((candidate) => !refuted.has(candidate));
  }

  /** Reads whole traces, as many at a time as the page still takes; false when it had to stop among them. */
  private async show(db: EntityManager, candidates: readonly Candidate[]): Promise<boolean> {
    for (let at = 0; at < candidates.length;) {
      const candidate = candidates[at]!;
      const trace = this.met.get(candidate.traceId);
      if (trace) {
        if (!this.shown.has(trace.traceId) && fateOf(trace.newestMatchUs, candidate.endUs) === 'show') {
          this.shown.add(trace.traceId);
          this.found.push({ place: placeOf(candidate), trace: trace.trace() });
          if (this.isFull()) return false;
        }
        this.moveTo(placeOf(candidate));
        at++;
      } else {
        if (this.hasMoved && this.mustStop()) return false;
        const room = this.request.limit + 1 - this.found.length;
        const unmet = new Set<string>();
        for (let i = at; i < candidates.length && unmet.size < room; i++) {
          if (!this.met.has(candidates[i]!.traceId)) unmet.add(candidates[i]!.traceId);
        }
        await this.meet(db, [...unmet]);
      }
    }
    return true;
  }

  /** Reads as many of the traces as can be paid for, at least one. */
  private async meet(db: EntityManager, traceIds: readonly string[]): Promise<void> {
    const segments = await this.store.segmentsOf(db, this.tenantId, traceIds, this.request.asOfMs);
    const wanted = new Map<string, TraceGatherer>();
    const keys = new Map<string, SegmentKey>();
    for (const [traceId, some] of segments) {
      if (wanted.size > 0 && !this.budget.allows([...keys.keys(), ...some.map(({ id }) => id)])) break;
      wanted.set(traceId, new TraceGatherer(traceId, this.request.filter));
      for (const key of some) keys.set(key.id, key);
    }
    const inOrder = [...keys.values()].sort((a, b) => +a.hour - +b.hour || (BigInt(a.id) < BigInt(b.id) ? -1 : 1));
    await eachSegment(this.reader, this.looking(db), inOrder, (table) => gather(table, wanted));
    for (const [traceId, trace] of wanted) this.met.set(traceId, trace);
  }
}

function placeOf({ endUs, traceId }: Place): Place {
  return { endUs, traceId };
}
