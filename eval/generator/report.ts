import { share } from '../../tools/recorded/score.js';
import type { Share } from '../../tools/recorded/score.js';
import { FAULT_KINDS } from './faults.js';
import type { Judgement, Verdict } from './judge.js';

/** Spans that a fault must have changed to count: what left nothing behind cannot be noticed. */
const MIN_TOUCHED = 10;

/** The table of a run with faults, one line a kind, as Markdown; shares with their 95 % interval (Wilson). */
export function reportFaults({ verdicts, falseAlarms }: Judgement, hours: number): string {
  const lines = [
    '| kind | faults | noticed | after s, median (max) | right cause first | in first three | incidents each | false alarms |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
  ];
  for (const kind of [...FAULT_KINDS, 'all'] as const) {
    const its = verdicts.filter(({ label }) => kind === 'all' || label.kind === kind);
    if (its.length === 0) continue;
    const wrong = falseAlarms.filter(({ during }) => kind === 'all' || during === kind).length;
    lines.push(`| ${[kind, ...figures(its), String(wrong)].join(' | ')} |`);
  }
  const untold = falseAlarms.filter(({ during }) => during === null).length;
  const perHour = (falseAlarms.length / hours).toFixed(2);
  lines.push(
    '',
    `${falseAlarms.length} false alarms in ${hours.toFixed(1)} h: ${perHour} an hour (${untold} before the first fault).`,
  );
  return lines.join('\n');
}

function figures(verdicts: readonly Verdict[]): string[] {
  const seen = verdicts.filter(({ touched }) => touched >= MIN_TOUCHED);
  const noticed = seen.filter(({ noticedAfterS }) => noticedAfterS !== null);
  const delays = noticed.map(({ noticedAfterS }) => noticedAfterS!).sort((a, b) => a - b);
  const within = (place: number): string =>
    percent(share(seen.filter((each) => each.rank !== null && each.rank <= placeOf(each, place)).length, seen.length));
  const delay =
    delays.length === 0 ? '-' : `${Math.round(delays[delays.length >> 1]!)} (${Math.round(delays.at(-1)!)})`;
  const incidents = noticed.reduce((sum, each) => sum + each.incidents, 0) / Math.max(1, noticed.length);
  return [
    String(seen.length),
    percent(share(noticed.length, seen.length)),
    delay,
    within(1),
    within(3),
    incidents.toFixed(2),
  ];
}

/** Of two causes in one group, both stand first when they are the first two. */
function placeOf({ label }: Verdict, place: number): number {
  return label.kind === 'two_causes' ? place + 1 : place;
}

function percent({ k, n, low, high }: Share): string {
  const of = (value: number): string => (value * 100).toFixed(0);
  return n === 0 ? '-' : `${of(k / n)} % (${of(low)}-${of(high)})`;
}
