import { floorHour, HOUR_MS } from '../model/window.js';
import { attributeFilter } from './attribute-filter.js';
import { CopyRows } from './copy-rows.js';
import { indexPostings } from './index-postings.js';
import { indexTraces } from './index-traces.js';
import type { SpanTable } from './span-table.js';

const GZIP = 1;
/** What a COPY adds to each segment besides its payload. */
const ROW_BYTES = 80;

/** The spans of one accepted request, in the order in which they lie in its payload. */
export interface IndexedRequest {
  spans: SpanTable;
  operationIds: Int32Array;
}

/** Requests of one tenant that are stored as one row. */
export interface NewSegment {
  /** int8 in decimal. */
  id: string;
  tenantId: number;
  /** Gzip members that hold the requests' messages, in their order. */
  payload: Buffer;
  requests: IndexedRequest[];
}

/** The rows of one commit, and what it touched. */
export interface CommitRows {
  segments: CopyRows;
  traceSegments: CopyRows;
  postings: CopyRows;
  postingTotals: CopyRows;
  /** Number of spans by tenant and window (epoch ms of its start). */
  touched: Map<number, Map<number, number>>;
}

/** Hour (epoch ms) of the earliest end among the spans; where the request and its segment are filed. */
export function hourOf(spans: SpanTable): number {
  let earliestUs = Infinity;
  for (let i = 0; i < spans.n; i++) earliestUs = Math.min(earliestUs, spans.endUs[i]!);
  return floorHour(earliestUs / 1_000);
}

/** Whether a span ended at this instant (epoch ms) or later. */
function endsAfter({ n, endUs }: SpanTable, instantMs: number): boolean {
  for (let i = 0; i < n; i++) if (endUs[i]! >= instantMs * 1_000) return true;
  return false;
}

/** Hours (epoch ms) in which spans ended, earliest first. */
export function hoursOf(spans: SpanTable): number[] {
  const hours = new Set<number>();
  let last = -1;
  for (let i = 0; i < spans.n; i++) {
    const hour = floorHour(spans.endUs[i]! / 1_000);
    if (hour !== last) hours.add(hour);
    last = hour;
  }
  return [...hours].sort((a, b) => a - b);
}

/** Computes every row of a commit; segments must hold at least one span each, and be 255 at most. */
export function indexSegments(segments: readonly NewSegment[], nowMs: number): CommitRows {
  const hours = segments.map(({ requests }) => Math.min(...requests.map(({ spans }) => hourOf(spans))));
  const segmentRows = new CopyRows(segments.reduce((sum, { payload }) => sum + payload.length + ROW_BYTES, 0));
  segments.forEach((segment, i) => addSegment(segmentRows, segment, hours[i]!, nowMs));
  return { segments: segmentRows, traceSegments: indexTraces(segments, hours), ...indexPostings(segments, hours) };
}

function addSegment(
  rows: CopyRows,
  { id, tenantId, payload, requests }: NewSegment,
  hourMs: number,
  nowMs: number,
): void {
  rows.row(9);
  rows.bigint(id);
  rows.timestamp(hourMs);
  rows.int4(tenantId);
  rows.timestamp(nowMs);
  rows.int4(requests.reduce((sum, { spans }) => sum + spans.n, 0));
  rows.int2(GZIP);
  rows.raw(payload);
  const terms = requests.map(({ spans }) => spans.terms);
  if (terms.every((each) => each !== null && each.isComplete))
    rows.raw(attributeFilter(terms.map((each) => each!.all())));
  else rows.null();
  rows.bool(requests.some(({ spans }) => endsAfter(spans, hourMs + HOUR_MS)));
}
