import type { Operation } from '../src/model/operation.js';
import type { WindowMeasure } from '../src/model/rollup.js';
import { WINDOW_MS } from '../src/model/window.js';
import { rankGivenWindow } from '../src/rank/rank.js';
import type { Fault } from '../tools/recorded/faults.js';
import type { Recording } from '../tools/recorded/recording.js';
import { distinctServices, rankOf, type Score, score } from '../tools/recorded/score.js';
import { failures, linesOf, operationsOf, type RecordedOperations, windowsOf } from './feed.js';
import { type Interval, rankIntervals } from './given.js';
import { PureMeasure } from './pure-measure.js';
import type { PureRun } from './pure-run.js';
import { RIVALS } from './rivals/all.js';
import { rivalCases } from './rivals/traces.js';
import { streamAlarms } from './stream.js';

/** What ranking says of a fault whose window is given. */
export interface GivenResult {
  fault: Fault;
  judged: boolean;
  /** Place of the true service, 1 for the first; null when it is not among the causes. */
  rank: number | null;
  first: { service: string; operation: string; score: number } | null;
}

/** The verdicts on one data set, in the two columns that are never mixed. */
export interface DatasetResult {
  dataset: string;
  spans: number;
  operations: number;
  services: number;
  /** Minutes that hold spans, in hours. */
  hours: number;
  given: GivenResult[];
  /** Re-implemented methods on the same windows: ranks of the true service, in the order of `given`. */
  rivals: { name: string; ranks: (number | null)[] }[];
  stream: Score;
  /** The same verdicts on perturbed copies of it, where they were asked for. */
  perturbed?: { what: string; verdicts: Verdicts }[];
}

/** What ranking says of given windows, and what the pipeline says by itself. */
export type Verdicts = Pick<DatasetResult, 'given' | 'stream'>;

/** What a closer look at one fault needs besides. */
export interface Evaluated {
  result: DatasetResult;
  windows: WindowMeasure[];
  operations: ReadonlyMap<number, Operation>;
  run: PureRun;
}

/**
 * Runs the pure core over a recording, twice on the same measured windows: with every fault's window given, and as a stream. Labels say when
 * to look (given) and what was right; never who is to blame.
 */
export function evaluate(
  name: string,
  recording: Recording,
  errorSpan: string | null,
  onProgress: (step: string) => void,
): Evaluated {
  const isError = failures(recording, errorSpan);
  const recorded = operationsOf(recording);
  const { verdicts, windows, run } = judged(recording, recorded, isError, onProgress);
  onProgress('asking the rivals');
  const rivals = rivalRanks(recording, recorded, isError);
  const result: DatasetResult = {
    dataset: name,
    spans: recording.order.length,
    operations: recorded.operations.size,
    services: recording.spans.serviceNames.count,
    hours: (recording.windowsWithSpans.length * WINDOW_MS) / 3_600_000,
    rivals,
    ...verdicts,
  };
  return { result, windows, operations: recorded.operations, run };
}

/** The verdicts alone, without rivals: what is compared between copies of a recording. */
export function verdictsOn(
  recording: Recording,
  errorSpan: string | null,
  onProgress: (step: string) => void,
): Verdicts {
  return judged(recording, operationsOf(recording), failures(recording, errorSpan), onProgress).verdicts;
}

function judged(
  recording: Recording,
  recorded: RecordedOperations,
  isError: (row: number) => boolean,
  onProgress: (step: string) => void,
): { verdicts: Verdicts; windows: WindowMeasure[]; run: PureRun } {
  const { operations } = recorded;
  const { windows, templates } = measured(recording, recorded, isError, onProgress);
  onProgress('ranking given windows');
  const intervals = intervalsOf(recording);
  const causes = rankIntervals(windows, intervals, operations, templates, rankGivenWindow).map((each) => each ?? []);
  onProgress('judging the stream');
  const { alarms, run } = streamAlarms(windows, operations, templates);
  const given = recording.faults.map(({ judged, ...fault }, i) => {
    const [first] = causes[i]!;
    return {
      fault,
      judged,
      rank: rankOf(fault.service, distinctServices(causes[i]!)),
      first: first ? { service: first.service, operation: first.operation, score: first.score } : null,
    };
  });
  const stream = score(recording.faults, alarms, recording.windowsWithSpans);
  return { verdicts: { given, stream }, windows, run };
}

function intervalsOf({ faults }: Recording): Interval[] {
  return faults.map(({ startMs, endMs }) => ({ startMs, endMs }));
}

/** All windows of a recording, with its log lines. */
export function measured(
  recording: Recording,
  recorded: RecordedOperations,
  isError: (row: number) => boolean,
  onProgress: (step: string) => void,
): { windows: WindowMeasure[]; templates: PureMeasure['templates'] } {
  const measurer = new PureMeasure();
  const windows: WindowMeasure[] = [];
  const lines = linesOf(recording);
  let next = 0;
  for (const { windowAtMs, spans } of windowsOf(recording, recorded, isError)) {
    const from = next;
    while (next < lines.length && lines[next]!.timeMs < windowAtMs + WINDOW_MS) next += 1;
    windows.push(measurer.measure(windowAtMs, spans, lines.slice(from, next)));
    onProgress(`measured up to ${new Date(windowAtMs).toISOString()}`);
  }
  return { windows, templates: measurer.templates };
}

function rivalRanks(
  recording: Recording,
  recorded: RecordedOperations,
  isError: (row: number) => boolean,
): DatasetResult['rivals'] {
  const rows = RIVALS.map(({ name }) => ({ name, ranks: [] as (number | null)[] }));
  let faultNo = 0;
  for (const given of rivalCases(recording, recorded, intervalsOf(recording), isError)) {
    const { service } = recording.faults[faultNo++]!;
    RIVALS.forEach((rival, i) => {
      const named = rival.rank(given).map((id) => recording.spans.serviceNames.name(id));
      rows[i]!.ranks.push(rankOf(service, named));
    });
  }
  return rows;
}
