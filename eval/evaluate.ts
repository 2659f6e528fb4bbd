import type { Operation } from '../src/model/operation.js';
import type { WindowMeasure } from '../src/model/rollup.js';
import { MINUTE_MS } from '../src/model/window.js';
import type { Fault } from '../tools/recorded/faults.js';
import type { Recording } from '../tools/recorded/recording.js';
import { distinctServices, rankOf, type Score, score } from '../tools/recorded/score.js';
import { operationsOf, windowsOf } from './feed.js';
import { rankIntervals } from './given.js';
import { PureMeasure } from './pure-measure.js';
import type { PureRun } from './pure-run.js';
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
  stream: Score;
}

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
export function evaluate(name: string, recording: Recording, onProgress: (step: string) => void): Evaluated {
  const recorded = operationsOf(recording);
  const { operations } = recorded;
  const measurer = new PureMeasure();
  const windows: WindowMeasure[] = [];
  for (const { windowAtMs, spans } of windowsOf(recording, recorded, () => false)) {
    windows.push(measurer.measure(windowAtMs, spans));
    onProgress(`measured up to ${new Date(windowAtMs).toISOString()}`);
  }
  onProgress('ranking given windows');
  const causes = rankIntervals(
    windows,
    recording.faults.map(({ startMs, endMs }) => ({ startMs, endMs })),
    operations,
  );
  onProgress('judging the stream');
  const { alarms, run } = streamAlarms(windows, operations);
  const result: DatasetResult = {
    dataset: name,
    spans: recording.order.length,
    operations: operations.size,
    services: recording.spans.serviceNames.count,
    hours: (recording.minutesWithSpans.length * MINUTE_MS) / 3_600_000,
    given: recording.faults.map(({ judged, ...fault }, i) => {
      const [first] = causes[i]!;
      return {
        fault,
        judged,
        rank: rankOf(fault.service, distinctServices(causes[i]!)),
        first: first ? { service: first.service, operation: first.operation, score: first.score } : null,
      };
    }),
    stream: score(recording.faults, alarms, recording.minutesWithSpans),
  };
  return { result, windows, operations, run };
}
