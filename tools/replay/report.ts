import { displayText } from '../../src/model/display.js';
import { FAULT_REACH_MS, NOTICED_BY, PLACES, SOONEST_MS } from '../recorded/score.js';
import type { FaultResult, Score, Share } from '../recorded/score.js';

const COLUMNS = [
  'fault began (UTC)',
  'service',
  'type',
  'noticed after',
  'first cause, as told',
  'rank',
  'rank at end',
  'alarms',
];

/** The table that ends a replay, one line a fault, and the figures below it. */
export function reportText(score: Score): string {
  const rows = score.results.map((each) => [
    utcSecond(each.fault.startMs),
    each.fault.service,
    each.fault.type,
    noticed(each),
    each.firstCause
      ? `${displayText(each.firstCause.service, 40)} / ${displayText(each.firstCause.operation, 60)}`
      : '',
    each.noticedAfterS === null ? '' : String(each.toldRank ?? '-'),
    each.noticedAfterS === null ? '' : String(each.finalRank ?? '-'),
    String(each.alarms),
  ]);
  return [table([COLUMNS, ...rows]), '', ...summary(score)].join('\n');
}

function noticed({ noticedAfterS, noticedBy, judged }: FaultResult): string {
  if (noticedAfterS === null) return judged ? 'not noticed' : 'no spans';
  return `${Math.round(noticedAfterS)} s${NOTICED_BY[noticedBy ?? 'opened']}`;
}

function summary(score: Score): string[] {
  const { told, final, quietHours } = score;
  const at = (shares: Record<1 | 3 | 5, Share>): string => PLACES.map((place) => percent(shares[place])).join('   ');
  const perHour = score.falsePerQuietHour;
  const lines = [
    ['noticed', `${countOf(score.noticed)} faults that left spans`],
    ['noticed after, median', score.medianNoticedAfterS === null ? '-' : `${Math.round(score.medianNoticedAfterS)} s`],
    ['true service in first 1, 3, 5', ''],
    ['  as told, of all judged', at(told.judged)],
    ['  as told, of noticed', at(told.noticed)],
    ['  at the end, of all judged', at(final.judged)],
    ['  at the end, of noticed', at(final.noticed)],
    ['alarms per noticed fault', score.alarmsPerNoticedFault?.toFixed(2) ?? '-'],
    [
      'false alarms',
      `${score.falseAlarms.length} in ${quietHours.toFixed(2)} h of data outside of faults` +
        (perHour === null ? '' : ` (${perHour.toFixed(1)} an hour)`),
    ],
    ...score.falseAlarms.map((alarm) => [
      `  ${utcSecond(alarm.atMs)}`,
      `${alarm.kind}${alarm.toldFirst ? `, ${displayText(alarm.toldFirst.service, 40)} / ${displayText(alarm.toldFirst.operation, 60)}` : ''}`,
    ]),
  ];
  const width = Math.max(...lines.map(([name = '']) => name.length));
  return [
    ...lines.map(([name = '', value = '']) => `${name.padEnd(width)}  ${value}`.trimEnd()),
    `Brackets: 95 % intervals (Wilson). An alarm ${SOONEST_MS / 1000} to ${FAULT_REACH_MS / 1000} s after the start of a fault belongs to it.`,
  ];
}

/** `2022-08-22 03:53:54`, in UTC. */
export function utcSecond(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}

function percent(share: Share): string {
  if (share.n === 0) return '- of 0';
  return `${round(share.k / share.n)} % (${round(share.low)}-${round(share.high)})`;
}

function countOf(share: Share): string {
  return share.n === 0 ? '0 of 0' : `${share.k} of ${share.n}, ${percent(share)},`;
}

function round(value: number): string {
  return (value * 100).toFixed(0);
}

function table(rows: string[][]): string {
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
