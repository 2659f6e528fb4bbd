import { select, type Recording } from '../tools/recorded/recording.js';
import { inferKinds } from '../tools/recorded/kinds.js';
import { type SpanRow, SpanTable } from '../tools/recorded/span-table.js';
import { MINUTE_MS } from '../src/model/window.js';
import { Random } from './generator/random.js';

/** What is changed of a recording without changing what is wrong in it: a verdict that rests on the figures of one day does not survive it. */
export interface Perturbation {
  name: string;
  /** In words, for a table. */
  what: string;
  /** A random half of the traces, by this seed. */
  halfOf?: number;
  /** Every trace takes so many times as long, from its first span on. */
  stretch?: number;
  /** Everything happens so much later: windows are cut elsewhere. */
  laterMs?: number;
  /** So much is left out at the beginning. */
  withoutFirstMs?: number;
  /** Services have other names, and are met in another order. */
  renamed?: boolean;
  /** Faults begin so much before their labels. */
  labelsEarlierMs?: number;
}

export const PERTURBATIONS: readonly Perturbation[] = [
  { name: 'half-1', what: 'a random half of the traces', halfOf: 1 },
  { name: 'half-2', what: 'another half', halfOf: 2 },
  { name: 'faster', what: 'all durations halved', stretch: 0.5 },
  { name: 'slower', what: 'all durations doubled', stretch: 2 },
  { name: 'shifted', what: 'everything 3.7 s later: windows cut elsewhere', laterMs: 3_700 },
  { name: 'late', what: 'the first 30 minutes left out', withoutFirstMs: 30 * MINUTE_MS },
  { name: 'renamed', what: 'services renamed', renamed: true },
  { name: 'labels', what: 'labels a minute earlier', labelsEarlierMs: MINUTE_MS },
];

/** The same recording, perturbed. Labels move and are renamed with what they label; the same seed keeps the same traces. */
export function perturbed(recording: Recording, how: Perturbation): Recording {
  const { spans: from, order } = recording;
  const spans = new SpanTable();
  const traceOf = (row: number): string => hex(from.traceId(row));
  const begins = new Map<string, number>();
  for (const row of order) {
    const trace = traceOf(row);
    begins.set(trace, Math.min(begins.get(trace) ?? Infinity, from.startNs(row)));
  }
  const kept = how.halfOf === undefined ? null : halfOf([...begins.keys()], how.halfOf);
  const laterNs = BigInt(how.laterMs ?? 0) * 1_000_000n;
  const stretch = how.stretch ?? 1;
  const moved = (trace: string, atNs: number): bigint => {
    const beginNs = begins.get(trace) ?? atNs;
    return from.baseNs + BigInt(Math.round(beginNs + (atNs - beginNs) * stretch)) + laterNs;
  };
  const nameOf = (service: string): string => (how.renamed ? `svc-${Buffer.from(service).toString('hex')}` : service);
  // Names are numbered as they come: the other way round, all numbers are others.
  for (const row of how.renamed ? order.toReversed() : order) {
    const traceId = traceOf(row);
    if (kept !== null && !kept.has(traceId)) continue;
    const span: SpanRow = {
      traceId,
      spanId: hex(from.spanId(row)),
      parentId: hex(from.parentId(row)),
      service: nameOf(from.serviceNames.name(from.service(row))),
      operation: from.operationNames.name(from.operation(row)),
      pod: from.podNames.name(from.pod(row)),
      startNs: moved(traceId, from.startNs(row)),
      endNs: moved(traceId, from.endNs(row)),
    };
    spans.add(span);
  }
  const fromMs = recording.firstStartMs + (how.laterMs ?? 0) + (how.withoutFirstMs ?? 0);
  const faults = recording.faults.map(({ service, type, startMs, endMs }) => ({
    service: nameOf(service),
    type,
    startMs: startMs + (how.laterMs ?? 0) - (how.labelsEarlierMs ?? 0),
    endMs: endMs + (how.laterMs ?? 0),
  }));
  const selected = select(spans, { fromMs: Math.floor(fromMs), toMs: null, limitMinutes: null }, faults);
  const logs = recording.logs
    .filter(
      ({ traceId, timeNs }) =>
        (kept?.has(traceId) ?? true) &&
        Number(timeNs / 1_000_000n) >= recording.firstStartMs + (how.withoutFirstMs ?? 0),
    )
    .map((line) => ({
      ...line,
      service: nameOf(line.service),
      timeNs: moved(line.traceId, Number(line.timeNs - from.baseNs)),
    }))
    .sort((a, b) => (a.timeNs < b.timeNs ? -1 : a.timeNs > b.timeNs ? 1 : a.spanId < b.spanId ? -1 : 1));
  return { ...recording, ...selected, spans, kinds: inferKinds(spans), logs };
}

function halfOf(traces: readonly string[], seed: number): Set<string> {
  return new Set(traces.filter((trace) => new Random(seed, trace).next() < 0.5));
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}
