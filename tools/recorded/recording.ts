import { readFile } from 'node:fs/promises';
import { windowOf } from '../../src/model/window.js';
import type { Dataset } from './datasets.js';
import { parseFaults } from './faults.js';
import type { Fault } from './faults.js';
import { inferKinds } from './kinds.js';
import { readLogs, type RecordedLog } from './log-files.js';
import { readSpans } from './span-files.js';
import type { ReadCounts } from './span-files.js';
import { SpanTable } from './span-table.js';

/** A data set in memory, ready to be sent. Times in milliseconds are on the data's own scale. */
export interface Recording {
  spans: SpanTable;
  kinds: Uint8Array;
  /** Rows to send, in the order in which the spans ended: that is when an exporter gets them. */
  order: Uint32Array;
  /** Log lines by time; none when the data set has no logs. */
  logs: RecordedLog[];
  firstStartMs: number;
  lastEndMs: number;
  /** Starts of the windows in which spans started, oldest first. */
  windowsWithSpans: number[];
  /** Labelled faults that began within the recording; judged: at least one span started while it lasted. */
  faults: (Fault & { judged: boolean })[];
  counts: ReadCounts;
}

export interface Range {
  fromMs: number | null;
  toMs: number | null;
  limitMinutes: number | null;
}

/** Reads a data set and selects the spans that start in the range. Throws when nothing is left. */
export async function readRecording(
  dataset: Dataset,
  range: Range,
  faultsFile: string | undefined,
  onProgress: (spans: number) => void,
): Promise<Recording> {
  const spans = new SpanTable();
  const counts: ReadCounts = { duplicates: 0, invalid: 0 };
  let before = 0;
  for (const { file, format } of dataset.files) {
    await readSpans(file, format, spans, counts, onProgress);
    before = spans.count;
  }
  if (before === 0) throw new Error(`${dataset.name} holds no spans that can be read`);
  const labels =
    faultsFile === undefined ? [] : parseFaults(JSON.parse(await readFile(faultsFile, 'utf8')), faultsFile);
  const logs = (await Promise.all((dataset.logFiles ?? []).map((file) => readLogs(file, spans, counts)))).flat();
  const selected = select(spans, range, labels);
  return { ...selected, logs: selectLogs(logs, selected), spans, kinds: inferKinds(spans), counts };
}

/** The pure part: which rows, in which order, and which faults they cover. */
export function select(
  spans: SpanTable,
  range: Range,
  labels: readonly Fault[],
): Pick<Recording, 'order' | 'firstStartMs' | 'lastEndMs' | 'windowsWithSpans' | 'faults'> {
  const baseMs = Number(spans.baseNs / 1_000_000n) + Number(spans.baseNs % 1_000_000n) / 1e6;
  const startMs = (row: number): number => baseMs + spans.startNs(row) / 1e6;
  const fromMs = range.fromMs ?? earliest(spans.count, startMs);
  const toMs = Math.min(
    range.toMs ?? Infinity,
    range.limitMinutes === null ? Infinity : fromMs + range.limitMinutes * 60_000,
  );
  const order = new Uint32Array(spans.count);
  const windows = new Set<number>();
  const judged = new Set<Fault>();
  let count = 0;
  let firstStartMs = Infinity;
  let lastEndMs = -Infinity;
  for (let row = 0; row < spans.count; row += 1) {
    const at = startMs(row);
    if (at < fromMs || at >= toMs) continue;
    order[count++] = row;
    firstStartMs = Math.min(firstStartMs, at);
    lastEndMs = Math.max(lastEndMs, baseMs + spans.endNs(row) / 1e6);
    windows.add(windowOf(at));
    for (const fault of labels) if (at >= fault.startMs && at < fault.endMs) judged.add(fault);
  }
  if (count === 0) throw new Error('no span starts in the given range');
  return {
    order: order.subarray(0, count).sort((a, b) => spans.endNs(a) - spans.endNs(b) || a - b),
    firstStartMs,
    lastEndMs,
    windowsWithSpans: [...windows].sort((a, b) => a - b),
    faults: labels
      .filter((fault) => fault.startMs >= firstStartMs && fault.startMs < lastEndMs)
      .map((fault) => ({ ...fault, judged: judged.has(fault) })),
  };
}

/** Lines with a time within the selected spans, by time. */
function selectLogs(
  logs: readonly RecordedLog[],
  { firstStartMs, lastEndMs }: Pick<Recording, 'firstStartMs' | 'lastEndMs'>,
): RecordedLog[] {
  const fromNs = BigInt(Math.floor(firstStartMs)) * 1_000_000n;
  const toNs = BigInt(Math.ceil(lastEndMs)) * 1_000_000n;
  return logs
    .filter(({ timeNs }) => timeNs >= fromNs && timeNs <= toNs)
    .sort((a, b) => (a.timeNs < b.timeNs ? -1 : a.timeNs > b.timeNs ? 1 : a.spanId < b.spanId ? -1 : 1));
}

function earliest(count: number, startMs: (row: number) => number): number {
  let first = Infinity;
  for (let row = 0; row < count; row += 1) first = Math.min(first, startMs(row));
  return first;
}
