import { displayText } from '../src/model/display.js';
import {
  accuracy,
  EARLY_MS,
  FAULT_REACH_MS,
  median,
  NOTICED_BY,
  PLACES,
  type Score,
  type Share,
} from '../tools/recorded/score.js';
import { GRACE_MS } from '../src/pipeline.js';
import type { ReplayResult } from '../tools/replay/run.js';
import type { DatasetResult } from './evaluate.js';
import { comparison, givenSums, quantile, type Ranking, streamSums } from './figures.js';
import { chance } from './rivals/chance.js';

const FAULT_COLUMNS = [
  'no.',
  'fault began (UTC)',
  'service',
  'type',
  'noticed after',
  'rank told',
  '60 s later',
  'alarms',
  'rank, window given',
  'first cause, window given',
];
const SUM_COLUMNS = [
  'faults',
  'n',
  'given: AS@1/3/5 %',
  'mean rank',
  'told: AS@1/3/5 %',
  'mean rank',
  '60 s later',
  'noticed',
];

/** What the table about a run through the service needs of it. */
export type LiveResult = Pick<ReplayResult, 'dataset' | 'services' | 'score' | 'incidents' | 'webhooks'>;

/** Everything about one data set as text: a line a fault, sums, and figures of the stream. */
export function datasetText(result: DatasetResult): string {
  const { dataset, spans, operations, services, hours, given, stream } = result;
  const faults = stream.results.map((each, i) => {
    const { first, rank } = given[i]!;
    const isNoticed = each.noticedAfterS !== null;
    return [
      String(i + 1),
      new Date(each.fault.startMs).toISOString().slice(0, 19).replace('T', ' '),
      each.fault.service,
      each.fault.type,
      isNoticed
        ? `${Math.round(each.noticedAfterS!)} s${NOTICED_BY[each.noticedBy ?? 'opened']}`
        : each.judged
          ? 'not noticed'
          : 'no spans',
      isNoticed ? String(each.toldRank ?? '-') : '',
      isNoticed ? String(each.laterRank ?? '-') : '',
      String(each.alarms),
      each.judged ? String(rank ?? '-') : '',
      first ? `${first.score.toFixed(2)} ${causeText(first)}` : '',
    ];
  });
  return [
    `${dataset}: ${spans.toLocaleString('en')} spans, ${services} services, ${operations} operations, ${hours.toFixed(2)} h of data`,
    '',
    table([FAULT_COLUMNS, ...faults]),
    '',
    table([SUM_COLUMNS, ...sumRows(result)]),
    '',
    ...streamLines(stream),
    '',
    'Window given, methods side by side (all but the first re-implemented here, see eval/rivals):',
    table([['method', 'AS@1/3/5 %', 'mean rank'], ...comparisonRows(result)]),
    ...(result.perturbed === undefined ? [] : ['', 'Perturbed copies:', table(robustnessRows(result))]),
  ].join('\n');
}

function sumRows(result: DatasetResult): string[][] {
  const given = givenSums(result);
  return streamSums(result.stream, result.services).map(({ name, n, told, later, noticed }, i) => [
    name,
    String(n),
    placesText(given[i]!.given),
    meanText(given[i]!.given),
    placesText(told),
    meanText(told),
    placesText(later),
    noticedText(noticed),
  ]);
}

function noticedText(noticed: Share): string {
  return `${noticed.k}, ${shareText(noticed)}`;
}

/** The sums of a run through the service, by type of fault. */
export function liveText({ dataset, services, score, incidents, webhooks }: LiveResult): string {
  const rows = streamSums(score, services).map(({ name, n, told, final, noticed }) => [
    name,
    String(n),
    noticedText(noticed),
    placesText(told),
    meanText(told),
    placesText(final),
  ]);
  return [
    `${dataset}, as a user gets it (OTLP in, signed webhooks out)`,
    '',
    table([['faults', 'n', 'noticed', 'told: AS@1/3/5 %', 'mean rank', 'at the end'], ...rows]),
    '',
    ...streamLines(score),
    `A message leaves ${GRACE_MS / 1000} s of grace and its delivery later than the event times above.`,
    `${incidents} incidents` + (webhooks === null ? '' : `; ${webhooks.repeated} messages told again what was told`),
  ].join('\n');
}

/** The stream's figures that are not about ranks. */
export function streamLines(stream: Score): string[] {
  const delays = stream.results.flatMap((each) =>
    each.judged && each.noticedAfterS !== null ? [each.noticedAfterS] : [],
  );
  const overData = stream.results.flatMap((each) => (each.judged ? (each.afterDataS ?? []) : []));
  const seconds = (value: number | null): string => (value === null ? '-' : `${Math.round(value)} s`);
  const { falseAlarms, early, quietHours, falsePerQuietHour, alarmsPerNoticedFault } = stream;
  return [
    `noticed after: median ${seconds(stream.medianNoticedAfterS)}, p95 ${seconds(quantile(delays, 0.95))}, longest ${seconds(quantile(delays, 1))}`,
    `without windows that hold no span: median ${seconds(median(overData))}, p95 ${seconds(quantile(overData, 0.95))}, longest ${seconds(quantile(overData, 1))}`,
    `alarms per noticed fault: ${alarmsPerNoticedFault?.toFixed(2) ?? '-'}`,
    `false alarms: ${falseAlarms.length} in ${quietHours.toFixed(2)} h outside of faults and their tail of ${FAULT_REACH_MS / 1000} s` +
      (falsePerQuietHour === null ? '' : `, ${falsePerQuietHour.toFixed(2)} an hour`) +
      `; ${early} of them less than ${EARLY_MS / 1000} s before a labelled start, with its service first`,
    ...falseAlarms.map(
      (alarm) =>
        `  ${new Date(alarm.atMs).toISOString()} ${alarm.kind}` +
        (alarm.toldFirst ? ` ${causeText(alarm.toldFirst)}` : ''),
    ),
  ];
}

function comparisonRows(result: DatasetResult): string[][] {
  const { as, meanRank } = chance(result.services);
  return [
    ...comparison(result).map(({ name, ranking }) => [name, placesText(ranking), meanText(ranking)]),
    ['chance (expected)', PLACES.map((place) => percent(as[place])).join(' / '), meanRank.toFixed(1)],
  ];
}

/** A line for the recording as it is, and one for each perturbed copy of it. */
export function robustnessRows(result: DatasetResult): string[][] {
  const copies = [{ what: 'as it is', verdicts: result }, ...(result.perturbed ?? [])];
  return [
    ['recording', 'n', 'window given, first', 'noticed', 'told first', 'alarms a noticed fault', 'false alarms'],
    ...copies.map(({ what, verdicts: { given, stream } }) => {
      const ranks = given.flatMap(({ judged, rank }) => (judged ? [rank] : []));
      return [
        what,
        String(ranks.length),
        shareText(accuracy(ranks)[1]),
        noticedText(stream.noticed),
        shareText(stream.told.judged[1]),
        stream.alarmsPerNoticedFault?.toFixed(2) ?? '-',
        `${stream.falseAlarms.length} in ${stream.quietHours.toFixed(2)} h, ${stream.early} early`,
      ];
    }),
  ];
}

function causeText({ service, operation }: { service: string; operation: string }): string {
  return `${displayText(service, 40)} / ${displayText(operation, 60)}`;
}

/** `82 / 91 / 91 (61-93 / 72-97 / 72-97)`: shares at 1, 3 and 5 with their 95 % intervals. */
function placesText({ as }: Ranking): string {
  const parts = PLACES.map((place) => as[place]);
  return `${parts.map((part) => percent(part.n === 0 ? 0 : part.k / part.n)).join(' / ')} (${parts.map(rangeText).join(' / ')})`;
}

function meanText({ meanRank }: Ranking): string {
  return meanRank === null ? '-' : meanRank.toFixed(1);
}

/** `73 % (52-87)` */
export function shareText(part: Share): string {
  return part.n === 0 ? '-' : `${percent(part.k / part.n)} % (${rangeText(part)})`;
}

function rangeText({ low, high }: Share): string {
  return `${percent(low)}-${percent(high)}`;
}

function percent(value: number): string {
  return (value * 100).toFixed(0);
}

/** Columns of equal width, two blanks apart. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
