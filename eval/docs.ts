import { median, PLACES, type Share } from '../tools/recorded/score.js';
import type { DatasetResult } from './evaluate.js';
import { comparison, givenSums, quantile, type Ranking, streamSums } from './figures.js';
import type { PlotPanel, PlotRow } from './plot.js';
import { publishedFor } from './published.js';
import { leaveOneOut, type Prediction, reliability } from './reliability.js';
import { type LiveResult, robustnessRows } from './report.js';
import { chance } from './rivals/chance.js';

const BEGIN = '<!-- eval:begin (written by npm run eval -- --docs, not by hand) -->';
/** What is added to the name of a data set that is evaluated with its logs. */
export const WITH_LOGS = ' with logs';
const END = '<!-- eval:end -->';

/** The document with what stands between the markers replaced. Throws when they are not there. */
export function withSection(document: string, section: string): string {
  const [begin, end] = [document.indexOf(BEGIN), document.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`the document has no ${BEGIN} ... ${END}`);
  return `${document.slice(0, begin + BEGIN.length)}\n\n${section}\n\n${document.slice(end)}`;
}

/** The figures of a run as Markdown tables. `live`: of runs through the service, when there were any. */
export function sectionText(results: readonly DatasetResult[], live: readonly LiveResult[]): string {
  return [
    '**Window given**: when each fault was is told, nothing else; normal is learned from the past only. n faults; brackets: 95 % (Wilson).',
    ...results.flatMap((result) => ['', `_${result.dataset}_, ${judgedOf(result)} faults:`, '', methodTable(result)]),
    '',
    '**As a stream**, without any hint: incidents that the pipeline opens by itself, ranks as the opening message tells them; a fault that is not',
    'noticed counts as not found. Times are event time, from the start of the fault to the end of the window in which it was decided; the recordings have',
    'gaps in which nothing can be noticed, hence also without windows that hold no span. _Early_: of the false alarms, those less than a minute before',
    'a labelled start that put its service first. Labels are not that exact; they are counted as false, and their faults as not noticed, all the same.',
    '',
    streamTable(results, live),
    '',
    ...robustnessLines(results),
    '**By type of fault**, first / among the first three, in percent:',
    '',
    typeTable(results),
    '',
    '**What the score is worth**: how often the first cause was right, by its score.',
    '',
    reliabilityTable(results),
    '',
    '**Leave one system out**: a logistic map from score to probability is fitted on the other systems and tested on this one.',
    '',
    transferTable(results),
    '',
    '**Not ranked first although the window is given**, and not noticed in the stream:',
    '',
    ...results.map(missedText),
  ].join('\n');
}

function methodTable(result: DatasetResult): string {
  const ours = comparison(result).map(({ name, ranking }, i) => [
    i === 0 ? `**${name}**` : `${name}, re-implemented`,
    ...PLACES.map((place) => withRange(ranking.as[place])),
    ranking.meanRank?.toFixed(1) ?? '-',
  ]);
  const luck = chance(result.services);
  const published = publishedFor(result.dataset);
  return markdown([
    ['method', 'first', 'first three', 'first five', 'mean rank'],
    ...ours,
    ['chance, expected', ...PLACES.map((place) => percent(luck.as[place])), luck.meanRank.toFixed(1)],
    ...(published?.results ?? []).map(({ name, as }) => [
      `${name}, as published on all ${published!.faults} faults`,
      ...as.map((share) => `${share} %`),
      '',
    ]),
  ]);
}

function streamTable(results: readonly DatasetResult[], live: readonly LiveResult[]): string {
  const rows = [
    ...results.map((result) => ({ name: result.dataset, score: result.stream, services: result.services })),
    ...live.map((result) => ({ ...result, name: `${result.dataset}, through the service to the webhook` })),
  ].map(({ name, score, services }) => {
    const [all] = streamSums(score, services);
    const delays = score.results.flatMap(({ judged, noticedAfterS }) => (judged ? (noticedAfterS ?? []) : []));
    const overData = score.results.flatMap(({ judged, afterDataS }) => (judged ? (afterDataS ?? []) : []));
    return [
      name,
      `${all!.noticed.k} of ${all!.n}, ${withRange(all!.noticed)}`,
      `${seconds(score.medianNoticedAfterS)}, ${seconds(quantile(delays, 0.95))}`,
      `${seconds(median(overData))}, ${seconds(quantile(overData, 0.95))}`,
      withRange(all!.told.as[1]),
      withRange(all!.told.as[3]),
      score.alarmsPerNoticedFault?.toFixed(2) ?? '-',
      `${score.falseAlarms.length} in ${score.quietHours.toFixed(2)} h, ${score.early} early`,
    ];
  });
  return markdown([
    [
      'data',
      'noticed',
      'after: median, p95',
      'without gaps',
      'told first',
      'told in first three',
      'alarms a noticed fault',
      'false alarms',
    ],
    ...rows,
  ]);
}

function typeTable(results: readonly DatasetResult[]): string {
  const pair = ({ as }: Ranking): string => `${percentOf(as[1])} / ${percentOf(as[3])}`;
  const rows = results.flatMap((result) => {
    const given = givenSums(result);
    return streamSums(result.stream, result.services)
      .map(({ name, n, told, noticed }, i) => [
        result.dataset,
        name,
        String(n),
        pair(given[i]!.given),
        pair(told),
        `${noticed.k}`,
      ])
      .slice(1);
  });
  return markdown([['data', 'type', 'n', 'window given', 'as told', 'noticed'], ...rows]);
}

/** Nothing, when no copies were judged. */
function robustnessLines(results: readonly DatasetResult[]): string[] {
  const judged = results.filter(({ perturbed }) => perturbed !== undefined);
  if (judged.length === 0) return [];
  return [
    '**Robustness** (`--perturb`): the same recordings, changed in ways that leave what is wrong in them. What rests on the figures of one day does not survive it.',
    ...judged.flatMap((result) => ['', `_${result.dataset}_:`, '', markdown(robustnessRows(result))]),
    '',
  ];
}

/** First causes of given windows with what came of them: the stream's own are too few to sort by score. */
function predictionsOf({ given }: DatasetResult): Prediction[] {
  return given.flatMap(({ judged, first, fault }) =>
    judged && first !== null ? [{ score: first.score, isRight: first.service === fault.service }] : [],
  );
}

function reliabilityTable(results: readonly DatasetResult[]): string {
  // A system counts once: with its logs, where it has any.
  const names = new Set(results.map(({ dataset }) => dataset));
  const found = reliability(
    results.filter(({ dataset }) => !names.has(`${dataset}${WITH_LOGS}`)).flatMap((result) => predictionsOf(result)),
  );
  if (found === null) return 'No cause was named.';
  const rows = found.bins.map(({ from, n, meanScore, right }) => [
    `${from.toFixed(1)} to ${(from + 0.1).toFixed(1)}`,
    String(n),
    percent(meanScore),
    withRange(right),
  ]);
  return [
    markdown([['score', 'n', 'mean score', 'right'], ...rows]),
    '',
    `All ${found.n} together: Brier score ${found.brier.toFixed(3)}, expected calibration error ${found.error.toFixed(3)}.`,
  ].join('\n');
}

function transferTable(results: readonly DatasetResult[]): string {
  const sets = results.map((result) => ({ name: result.dataset, predictions: predictionsOf(result) }));
  // The same faults with and without logs are one system: fitting on one and testing on the other would be no test.
  const rows = sets.flatMap(({ name, predictions }) => {
    const system = publishedFor(name)?.system ?? name;
    const others = sets.filter((other) => (publishedFor(other.name)?.system ?? other.name) !== system);
    return leaveOneOut([{ name, predictions }, ...others])
      .slice(0, 1)
      .map(({ own, fittedElsewhere }) => [
        name,
        String(own.n),
        `${own.brier.toFixed(3)}, ${own.error.toFixed(3)}`,
        `${fittedElsewhere.brier.toFixed(3)}, ${fittedElsewhere.error.toFixed(3)}`,
      ]);
  });
  if (rows.length === 0) return 'There is one system only.';
  return markdown([['tested on', 'n', 'as it is: Brier, calibration error', 'fitted on the others'], ...rows]);
}

function missedText({ dataset, given, stream }: DatasetResult): string {
  const line = (no: number, { service, type }: { service: string; type: string }, rank: number | null): string =>
    `no. ${no} ${service} ${type} (${rank ?? 'not named'})`;
  const notFirst = given.flatMap(({ judged, fault, rank }, i) =>
    judged && rank !== 1 ? [line(i + 1, fault, rank)] : [],
  );
  const unnoticed = stream.results.flatMap(({ judged, noticedAfterS }, i) =>
    judged && noticedAfterS === null ? [String(i + 1)] : [],
  );
  return (
    `- _${dataset}_: ${notFirst.length === 0 ? 'none' : notFirst.join(', ')}. ` +
    `Not noticed: ${unnoticed.length === 0 ? 'none' : `no. ${unnoticed.join(', ')}`}.`
  );
}

/** The plot that goes with the tables: a panel for each data set. */
export function panelsOf(results: readonly DatasetResult[]): PlotPanel[] {
  return results.map((result) => {
    const rows = comparison(result).map(({ name, ranking: { as } }, i): PlotRow => ({
      name,
      first: 100 * ratio(as[1]),
      firstThree: 100 * ratio(as[3]),
      interval: [100 * as[1].low, 100 * as[1].high],
      kind: i === 0 ? 'ours' : 'rival',
    }));
    const [told] = streamSums(result.stream, result.services);
    const { as } = told!.told;
    rows.splice(1, 0, {
      name: 'Tracehound, as a stream',
      first: 100 * ratio(as[1]),
      firstThree: 100 * ratio(as[3]),
      interval: [100 * as[1].low, 100 * as[1].high],
      kind: 'ours',
    });
    const published = (publishedFor(result.dataset)?.results ?? []).map(
      ({ name, as: [first, firstThree] }): PlotRow => ({ name, first, firstThree, interval: null, kind: 'published' }),
    );
    return { title: `${result.dataset}, ${judgedOf(result)} faults, window given`, rows: [...rows, ...published] };
  });
}

function judgedOf({ given }: DatasetResult): number {
  return given.filter(({ judged }) => judged).length;
}

function ratio({ k, n }: Share): number {
  return n === 0 ? 0 : k / n;
}

function withRange(share: Share): string {
  if (share.n === 0) return '-';
  return `${percentOf(share)} % (${Math.round(share.low * 100)}-${Math.round(share.high * 100)})`;
}

function percentOf(share: Share): string {
  return (100 * ratio(share)).toFixed(0);
}

function percent(value: number): string {
  return `${(100 * value).toFixed(0)} %`;
}

function seconds(value: number | null): string {
  return value === null ? '-' : `${Math.round(value)} s`;
}

function markdown([head, ...rows]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head!), line(head!.map(() => '---')), ...rows.map(line)].join('\n');
}
