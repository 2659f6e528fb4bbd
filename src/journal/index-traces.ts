import { CopyRows } from './copy-rows.js';
import type { NewSegment } from './index-spans.js';
import { SPAN_ERROR, type SpanTable } from './span-table.js';

/** A search among equal hashes gives up after so many slots, so that ids made to collide cost no more than others. */
const MAX_PROBES = 16;

const ROW_BYTES = 104;

interface TraceRow {
  bytes: Uint8Array;
  at: number;
  segment: number;
  startUs: number;
  endUs: number;
  n: number;
  errors: number;
  rootOperationId: number | null;
}

/** One row for each trace of each segment, in the order of their ids: that is the order of the index. `hours`: of each segment, epoch ms. */
export function indexTraces(segments: readonly NewSegment[], hours: readonly number[]): CopyRows {
  const traces = segments.flatMap((segment, i) => tracesOf(segment, i));
  const order = Float64Array.from(traces, ({ bytes, at }) => beginning(bytes, at));
  const inOrder = Uint32Array.from(order.keys()).sort((a, b) => order[a]! - order[b]!);
  const rows = new CopyRows(traces.length * ROW_BYTES);
  for (const i of inOrder) {
    const trace = traces[i]!;
    const { id, tenantId } = segments[trace.segment]!;
    rows.row(9);
    rows.raw(trace.bytes, trace.at, 16);
    rows.bigint(id);
    rows.timestamp(hours[trace.segment]!);
    rows.int4(tenantId);
    rows.int8(trace.startUs);
    rows.int8(trace.endUs);
    rows.int4(trace.n);
    rows.int4(trace.errors);
    if (trace.rootOperationId === null) rows.null();
    else rows.int4(trace.rootOperationId);
  }
  return rows;
}

function tracesOf({ requests }: NewSegment, segment: number): TraceRow[] {
  const traces = new Traces(requests.reduce((sum, { spans }) => sum + spans.n, 0));
  for (const { spans, operationIds } of requests) {
    const { startUs, endUs, flags, parentAt } = spans;
    for (let i = 0; i < spans.n; i++) {
      const trace = traces.at(spans, i, segment);
      if (startUs[i]! < trace.startUs) trace.startUs = startUs[i]!;
      if (endUs[i]! > trace.endUs) trace.endUs = endUs[i]!;
      trace.n++;
      if (flags[i]! & SPAN_ERROR) trace.errors++;
      if (parentAt[i] === -1) trace.rootOperationId = operationIds[i]!;
    }
  }
  return traces.all;
}

/** Finds equal trace ids without making strings of them. */
class Traces {
  readonly all: TraceRow[] = [];
  private readonly slots: Int32Array;
  private collided: Map<string, TraceRow> | null = null;
  private last: TraceRow | null = null;

  constructor(spans: number) {
    this.slots = new Int32Array(2 ** Math.ceil(Math.log2(Math.max(16, spans * 1.5)))).fill(-1);
  }

  at({ bytes, traceAt }: SpanTable, i: number, segment: number): TraceRow {
    const at = traceAt[i]!;
    if (this.last && isEqual(this.last, bytes, at)) return this.last;
    return (this.last = this.find(bytes, at, segment));
  }

  private find(bytes: Uint8Array, at: number, segment: number): TraceRow {
    const { slots } = this;
    let hash =
      Math.imul(word(bytes, at + 8), 0x9e3779b1) ^ Math.imul(word(bytes, at + 12), 0x85ebca77) ^ word(bytes, at);
    hash ^= hash >>> 15;
    for (let probe = 0; probe < MAX_PROBES; probe++) {
      const slot = (hash + probe) & (slots.length - 1);
      const number = slots[slot]!;
      if (number < 0) {
        slots[slot] = this.all.length;
        return this.added(bytes, at, segment);
      }
      if (isEqual(this.all[number]!, bytes, at)) return this.all[number]!;
    }
    this.collided ??= new Map();
    const key = Buffer.from(bytes.buffer, bytes.byteOffset + at, 16).toString('latin1');
    let trace = this.collided.get(key);
    if (!trace) this.collided.set(key, (trace = this.added(bytes, at, segment)));
    return trace;
  }

  private added(bytes: Uint8Array, at: number, segment: number): TraceRow {
    const trace = { bytes, at, segment, startUs: Infinity, endUs: 0, n: 0, errors: 0, rootOperationId: null };
    this.all.push(trace);
    return trace;
  }
}

function isEqual(trace: TraceRow, bytes: Uint8Array, at: number): boolean {
  for (let i = 15; i >= 0; i--) if (trace.bytes[trace.at + i] !== bytes[at + i]) return false;
  return true;
}

function word(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

/** The first six bytes as one number, for sorting. */
function beginning(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let i = 0; i < 6; i++) value = value * 256 + bytes[at + i]!;
  return value;
}
