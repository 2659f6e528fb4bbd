import { POSTED_ERROR, POSTED_ROOT } from '../model/posting.js';
import { HOUR_MS, WINDOW_MS, floorHour } from '../model/window.js';
import { CopyRows } from './copy-rows.js';
import { PostingBuilder, spanTag } from './posting.js';
import { SPAN_ERROR, type SpanTable } from './span-table.js';

const GZIP = 1;
const WINDOW_US = WINDOW_MS * 1_000;

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
  /** Number of spans by tenant and window (epoch ms of its start). */
  touched: Map<number, Map<number, number>>;
}

/** Hour (epoch ms) of the earliest end among the spans; where the request and its segment are filed. */
export function hourOf(spans: SpanTable): number {
  let earliestUs = Infinity;
  for (let i = 0; i < spans.n; i++) earliestUs = Math.min(earliestUs, spans.endUs[i]!);
  return floorHour(earliestUs / 1_000);
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
  const rows: CommitRows = {
    segments: new CopyRows(),
    traceSegments: new CopyRows(),
    postings: new CopyRows(),
    touched: new Map(),
  };
  const hours = segments.map(({ requests }) => Math.min(...requests.map(({ spans }) => hourOf(spans))));
  const postings = new Postings();
  segments.forEach((segment, index) => {
    addSegment(rows.segments, segment, hours[index]!, nowMs);
    addTraces(rows.traceSegments, segment, hours[index]!);
    postings.add(segment, index);
  });
  postings.write(rows, segments, hours);
  return rows;
}

function addSegment(
  rows: CopyRows,
  { id, tenantId, payload, requests }: NewSegment,
  hourMs: number,
  nowMs: number,
): void {
  rows.row(7);
  rows.bigint(id);
  rows.timestamp(hourMs);
  rows.int4(tenantId);
  rows.timestamp(nowMs);
  rows.int4(requests.reduce((sum, { spans }) => sum + spans.n, 0));
  rows.int2(GZIP);
  rows.raw(payload);
}

interface TraceRow {
  bytes: Uint8Array;
  at: number;
  startUs: number;
  endUs: number;
  n: number;
  errors: number;
  rootOperationId: number | null;
}

function addTraces(rows: CopyRows, { id, tenantId, requests }: NewSegment, hourMs: number): void {
  const traces = new Map<string, TraceRow>();
  for (const { spans, operationIds } of requests) {
    const { bytes } = spans;
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let i = 0; i < spans.n; i++) {
      const at = spans.traceAt[i]!;
      const key = buffer.toString('latin1', at, at + 16);
      let trace = traces.get(key);
      if (!trace) {
        trace = { bytes, at, startUs: Infinity, endUs: 0, n: 0, errors: 0, rootOperationId: null };
        traces.set(key, trace);
      }
      trace.startUs = Math.min(trace.startUs, spans.startUs[i]!);
      trace.endUs = Math.max(trace.endUs, spans.endUs[i]!);
      trace.n++;
      if (spans.flags[i]! & SPAN_ERROR) trace.errors++;
      if (spans.parentAt[i] === -1) trace.rootOperationId = operationIds[i]!;
    }
  }
  for (const trace of traces.values()) {
    rows.row(9);
    rows.raw(trace.bytes, trace.at, 16);
    rows.bigint(id);
    rows.timestamp(hourMs);
    rows.int4(tenantId);
    rows.int8(trace.startUs);
    rows.int8(trace.endUs);
    rows.int4(trace.n);
    rows.int4(trace.errors);
    if (trace.rootOperationId === null) rows.null();
    else rows.int4(trace.rootOperationId);
  }
}

interface PostingRow {
  tenantId: number;
  builder: PostingBuilder;
  /** Indexes of the segments that it refers to. */
  segments: number[];
  errors: number;
  maxDurationUs: number;
}

/** Spans of a commit by window and operation. */
class Postings {
  private readonly windows = new Map<number, Map<number, PostingRow>>();

  add({ tenantId, requests }: NewSegment, segment: number): void {
    let ordinal = 0;
    let lastWindow = -1;
    let operations: Map<number, PostingRow> | undefined;
    for (const { spans, operationIds } of requests) {
      for (let i = 0; i < spans.n; i++) {
        const endUs = spans.endUs[i]!;
        const window = Math.floor(endUs / WINDOW_US);
        if (window !== lastWindow) {
          operations = this.windows.get(window);
          if (!operations) this.windows.set(window, (operations = new Map()));
          lastWindow = window;
        }
        let row = operations!.get(operationIds[i]!);
        if (!row) {
          row = { tenantId, builder: new PostingBuilder(), segments: [], errors: 0, maxDurationUs: 0 };
          operations!.set(operationIds[i]!, row);
        }
        if (row.segments.at(-1) !== segment) row.segments.push(segment);
        const isError = (spans.flags[i]! & SPAN_ERROR) !== 0;
        const durationUs = endUs - spans.startUs[i]!;
        if (isError) row.errors++;
        if (durationUs > row.maxDurationUs) row.maxDurationUs = durationUs;
        row.builder.add(
          spans.bytes,
          spans.traceAt[i]!,
          spanTag(spans.bytes, spans.spanIdAt[i]!),
          row.segments.length - 1,
          ordinal++,
          endUs - window * WINDOW_US,
          (isError ? POSTED_ERROR : 0) | (spans.parentAt[i] === -1 ? POSTED_ROOT : 0),
          durationUs,
          spans.weight[i]!,
        );
      }
    }
  }

  write({ postings, touched }: CommitRows, segments: readonly NewSegment[], hours: readonly number[]): void {
    const refs = segments.map(({ id }, i) => ({ id, hour: hours[i]! / HOUR_MS }));
    for (const [window, operations] of this.windows) {
      const windowAtMs = window * WINDOW_MS;
      for (const [operationId, row] of operations) {
        postings.row(8);
        postings.int4(operationId);
        postings.timestamp(windowAtMs);
        postings.bigint(segments[0]!.id);
        postings.int4(row.tenantId);
        postings.int4(row.builder.n);
        postings.int4(row.errors);
        postings.int8(row.maxDurationUs);
        postings.raw(row.builder.pack(row.segments.map((index) => refs[index]!)));
        let windows = touched.get(row.tenantId);
        if (!windows) touched.set(row.tenantId, (windows = new Map()));
        windows.set(windowAtMs, (windows.get(windowAtMs) ?? 0) + row.builder.n);
      }
    }
  }
}
