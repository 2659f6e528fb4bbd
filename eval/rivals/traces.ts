import { depths, parentPositions, selfTimes } from '../../src/measure/self-time.js';
import type { StructuralSpan } from '../../src/model/span.js';
import { floorMinute, MINUTE_MS } from '../../src/model/window.js';
import type { Recording } from '../../tools/recorded/recording.js';
import { FAULT_REACH_MS } from '../../tools/recorded/score.js';
import type { RecordedOperations } from '../feed.js';
import type { Interval } from '../given.js';
import { Normals } from './normal.js';
import type { RivalCase, RivalTrace } from './rival.js';

/** Traces a minute from which the methods learn what is normal: a fifth or more of what the recordings hold, and quick. */
const PAST_TRACES_A_MINUTE = 100;

/**
 * What each interval (in order of start) gives to the rivals: all traces whose root began in it, and what was normal in the past. As for
 * our own ranking, minutes that touch an earlier interval or its tail teach nothing.
 */
export function* rivalCases(
  recording: Recording,
  recorded: RecordedOperations,
  intervals: readonly Interval[],
  isError: (row: number) => boolean,
): Generator<RivalCase, void, undefined> {
  const traces = new RecordedTraces(recording, recorded, isError);
  const normals = new Normals();
  const isCalm = (minute: number): boolean =>
    !intervals.some((each) => each.startMs < minute + MINUTE_MS && minute < each.startMs + FAULT_REACH_MS);
  let minute = traces.firstMinute;
  for (const { startMs, endMs } of intervals) {
    for (; minute + MINUTE_MS <= startMs; minute += MINUTE_MS) {
      if (!isCalm(minute)) continue;
      for (const trace of traces.some(minute, minute + MINUTE_MS, PAST_TRACES_A_MINUTE)) normals.add(trace);
    }
    yield { traces: [...traces.some(startMs, endMs, Infinity)], past: normals.snapshot() };
  }
}

class RecordedTraces {
  /** Roots with their start, ordered by it. */
  private readonly roots: { row: number; startMs: number }[] = [];
  private readonly members = new Map<number, number[]>();
  readonly firstMinute: number;

  constructor(
    private readonly recording: Recording,
    private readonly recorded: RecordedOperations,
    private readonly isError: (row: number) => boolean,
  ) {
    const { spans, order } = recording;
    const baseMs = Number(spans.baseNs / 1_000_000n);
    for (const row of order) {
      if (spans.isRoot(row)) this.roots.push({ row, startMs: baseMs + spans.startNs(row) / 1e6 });
      const root = this.rootOf(row);
      const list = this.members.get(root);
      if (list === undefined) this.members.set(root, [row]);
      else list.push(row);
    }
    this.roots.sort((a, b) => a.startMs - b.startMs);
    this.firstMinute = floorMinute(this.roots[0]?.startMs ?? 0);
  }

  /** Traces whose root began in the range, at most `limit`, evenly spread. */
  *some(fromMs: number, toMs: number, limit: number): Generator<RivalTrace, void, undefined> {
    const inside = this.roots.filter(({ startMs }) => startMs >= fromMs && startMs < toMs);
    const step = Math.max(1, inside.length / limit);
    for (let at = 0; at < inside.length; at += step) yield this.trace(inside[Math.floor(at)]!.row);
  }

  private rootOf(row: number): number {
    let at = row;
    // Bounded: parents in a circle must not hang it.
    for (let depth = 0; depth < 1_000; depth += 1) {
      const up = this.recording.spans.parentRow(at);
      if (up < 0) break;
      at = up;
    }
    return at;
  }

  private trace(root: number): RivalTrace {
    const { spans, kinds } = this.recording;
    const rows = this.members.get(root) ?? [];
    const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
    const structural = rows.map((row): StructuralSpan => ({
      traceId: '',
      spanId: hex(spans.spanId(row)),
      parentSpanId: hex(spans.parentId(row)),
      operationId: this.recorded.idOfRow[row]!,
      serviceId: spans.service(row),
      kind: kinds[row]!,
      startUs: spans.startNs(row) / 1000,
      endUs: Math.max(spans.startNs(row), spans.endNs(row)) / 1000,
      isError: this.isError(row),
    }));
    const parent = parentPositions(structural);
    return {
      service: structural.map((span) => span.serviceId),
      operation: structural.map((span) => span.operationId),
      parent,
      durationUs: structural.map((span) => span.endUs - span.startUs),
      selfUs: [...selfTimes(structural, depths(parent))],
      isError: structural.map((span) => span.isError),
    };
  }
}
