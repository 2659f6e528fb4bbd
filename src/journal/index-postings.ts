import { POSTED_ERROR, POSTED_ROOT } from '../model/posting.js';
import { HOUR_MS, WINDOW_MS } from '../model/window.js';
import { CopyRows } from './copy-rows.js';
import type { CommitRows, NewSegment } from './index-spans.js';
import { spanTag } from './posting.js';
import { OWN_ROW_SPANS, type SegmentRef, sharedPlaceOf } from './posting-layout.js';
import { type PostingPlan, PostingWriter, packedBytes } from './posting-writer.js';
import { SPAN_ERROR } from './span-table.js';

const WINDOW_US = WINDOW_MS * 1_000;

/** What a COPY adds to each row of postings besides its entries. */
const ROW_BYTES = 80;

/** The spans of one operation that ended in one window. */
interface Group {
  operationId: number;
  n: number;
  /** Tenant and window, numbered through the commit. */
  period: number;
  row: Row | null;
  /** Where in the row the next entry goes. */
  next: number;
}

interface Period {
  tenantId: number;
  window: number;
  /** Numbers of its groups by operation. */
  groups: Map<number, number>;
}

/** A row of postings: of one group, or of several that are small. */
class Row {
  readonly groups: Group[] = [];
  n = 0;
  errors = 0;
  maxDurationUs = 0;
  isWeighted = false;
  readonly segments: SegmentRef[] = [];
  writer: PostingWriter | null = null;
  /** Number in the commit of the segment that was met last, and its index in `segments`. */
  lastSegment = -1;
  segmentIndex = -1;

  constructor(
    public operationId: number,
    readonly period: Period,
    /** The first segment of its tenant: rows of several tenants may share an `operation_id` below zero. */
    readonly commitId: string,
  ) {}

  add(group: Group): void {
    group.row = this;
    group.next = this.n;
    this.groups.push(group);
    this.n += group.n;
  }

  get plan(): PostingPlan {
    const { segments, n, isWeighted, groups } = this;
    const operations = this.operationId < 0 ? groups.map((group) => ({ id: group.operationId, n: group.n })) : null;
    return { segments, n, isWeighted, operations };
  }
}

/**
 * Rows of postings for the spans of a commit, and how many spans each window of each tenant gets. In three passes over numbers: which group is a
 * span's, what is in each row, and then every entry is written where it stays.
 */
export function indexPostings(
  segments: readonly NewSegment[],
  hours: readonly number[],
): Pick<CommitRows, 'postings' | 'postingTotals' | 'touched'> {
  const { periods, groups, groupOf } = groupSpans(segments);
  const rows = rowsOf(periods, groups, segments);
  addUp(segments, hours, groups, groupOf);
  const plans = rows.map((row) => row.plan);
  const postings = new CopyRows(plans.reduce((sum, plan) => sum + packedBytes(plan) + ROW_BYTES, 0));
  const starts = rows.map((row, i) => addRow(postings, row, plans[i]!));
  const { bytes, view } = postings;
  rows.forEach((row, i) => (row.writer = new PostingWriter(bytes, view, starts[i]!, plans[i]!)));
  writeEntries(segments, periods, groups, groupOf);
  return { postings, postingTotals: totalsOf(periods, rows), touched: touchedBy(periods, groups) };
}

/** Numbers each (tenant, window, operation) and says which is each span's, spans counted through the commit. */
function groupSpans(segments: readonly NewSegment[]): { periods: Period[]; groups: Group[]; groupOf: Int32Array } {
  const spans = segments.reduce((sum, { requests }) => requests.reduce((n, request) => n + request.spans.n, sum), 0);
  const groupOf = new Int32Array(spans);
  const groups: Group[] = [];
  const periods: Period[] = [];
  let at = 0;
  for (const { tenantId, requests } of segments) {
    let period = -1;
    for (const { spans: table, operationIds } of requests) {
      for (let i = 0; i < table.n; i++) {
        const window = Math.floor(table.endUs[i]! / WINDOW_US);
        if (period < 0 || periods[period]!.window !== window) {
          period = periods.findIndex((each) => each.tenantId === tenantId && each.window === window);
          if (period < 0) period = periods.push({ tenantId, window, groups: new Map() }) - 1;
        }
        const operationId = operationIds[i]!;
        const its = periods[period]!.groups;
        let number = its.get(operationId);
        if (number === undefined) {
          number = groups.push({ operationId, n: 0, period, row: null, next: 0 }) - 1;
          its.set(operationId, number);
        }
        groups[number]!.n++;
        groupOf[at++] = number;
      }
    }
  }
  return { periods, groups, groupOf };
}

function rowsOf(periods: readonly Period[], groups: readonly Group[], segments: readonly NewSegment[]): Row[] {
  const commitIds = new Map<number, string>();
  for (const { tenantId, id } of segments) if (!commitIds.has(tenantId)) commitIds.set(tenantId, id);
  const rows: Row[] = [];
  const added = (operationId: number, period: Period) => {
    const row = new Row(operationId, period, commitIds.get(period.tenantId)!);
    rows.push(row);
    return row;
  };
  const shared = periods.map(() => new Map<number, Row>());
  for (const group of groups) {
    const period = periods[group.period]!;
    if (group.n >= OWN_ROW_SPANS) added(group.operationId, period).add(group);
    else {
      const place = sharedPlaceOf(group.operationId);
      let row = shared[group.period]!.get(place);
      if (!row) shared[group.period]!.set(place, (row = added(place, period)));
      row.add(group);
    }
  }
  // A small group that is alone needs no list of operations.
  for (const row of rows) if (row.groups.length === 1) row.operationId = row.groups[0]!.operationId;
  return rows;
}

function addUp(
  segments: readonly NewSegment[],
  hours: readonly number[],
  groups: readonly Group[],
  groupOf: Int32Array,
): void {
  let at = 0;
  segments.forEach(({ id, requests }, number) => {
    const ref = { id, hour: hours[number]! / HOUR_MS };
    for (const { spans } of requests) {
      for (let i = 0; i < spans.n; i++) {
        const row = groups[groupOf[at++]!]!.row!;
        if (row.lastSegment !== number) {
          row.lastSegment = number;
          row.segments.push(ref);
        }
        if (spans.flags[i]! & SPAN_ERROR) row.errors++;
        const durationUs = spans.endUs[i]! - spans.startUs[i]!;
        if (durationUs > row.maxDurationUs) row.maxDurationUs = durationUs;
        if (spans.weight[i]! > 0) row.isWeighted = true;
      }
    }
  });
}

/** Adds a row with room for its entries; returns where they are to be written. */
function addRow(postings: CopyRows, row: Row, plan: PostingPlan): number {
  postings.row(8);
  postings.int4(row.operationId);
  postings.timestamp(row.period.window * WINDOW_MS);
  postings.bigint(row.commitId);
  postings.int4(row.period.tenantId);
  postings.int4(row.n);
  postings.int4(row.errors);
  postings.int8(row.maxDurationUs);
  return postings.room(packedBytes(plan));
}

/** One row for the rows of each period. */
function totalsOf(periods: readonly Period[], rows: readonly Row[]): CopyRows {
  const totals = new Map(
    periods.map((period) => [period, { commitId: '', postings: 0, n: 0, errors: 0, maxDurationUs: 0 }]),
  );
  for (const row of rows) {
    const total = totals.get(row.period)!;
    total.commitId = row.commitId;
    total.postings++;
    total.n += row.n;
    total.errors += row.errors;
    total.maxDurationUs = Math.max(total.maxDurationUs, row.maxDurationUs);
  }
  const copy = new CopyRows(totals.size * ROW_BYTES);
  for (const [{ tenantId, window }, { commitId, postings, n, errors, maxDurationUs }] of totals) {
    copy.row(7);
    copy.int4(tenantId);
    copy.timestamp(window * WINDOW_MS);
    copy.bigint(commitId);
    copy.int4(postings);
    copy.int4(n);
    copy.int4(errors);
    copy.int8(maxDurationUs);
  }
  return copy;
}

function writeEntries(
  segments: readonly NewSegment[],
  periods: readonly Period[],
  groups: readonly Group[],
  groupOf: Int32Array,
): void {
  for (const group of groups) group.row!.lastSegment = -1;
  let at = 0;
  segments.forEach(({ requests }, number) => {
    let ordinal = 0;
    for (const { spans } of requests) {
      const { bytes, endUs, startUs, flags } = spans;
      for (let i = 0; i < spans.n; i++) {
        const group = groups[groupOf[at++]!]!;
        const row = group.row!;
        if (row.lastSegment !== number) {
          row.lastSegment = number;
          row.segmentIndex++;
        }
        row.writer!.put(
          group.next++,
          bytes,
          spans.traceAt[i]!,
          spanTag(bytes, spans.spanIdAt[i]!),
          row.segmentIndex,
          ordinal++,
          endUs[i]! - periods[group.period]!.window * WINDOW_US,
          (flags[i]! & SPAN_ERROR ? POSTED_ERROR : 0) | (spans.parentAt[i] === -1 ? POSTED_ROOT : 0),
          endUs[i]! - startUs[i]!,
          spans.weight[i]!,
        );
      }
    }
  });
}

function touchedBy(periods: readonly Period[], groups: readonly Group[]): Map<number, Map<number, number>> {
  const spans = new Float64Array(periods.length);
  for (const { period, n } of groups) spans[period]! += n;
  const touched = new Map<number, Map<number, number>>();
  periods.forEach(({ tenantId, window }, i) => {
    const windows = touched.get(tenantId) ?? new Map<number, number>();
    touched.set(tenantId, windows.set(window * WINDOW_MS, spans[i]!));
  });
  return touched;
}
