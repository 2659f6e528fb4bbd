import { durationMs } from '../../model/duration.js';
import type { RuleOf } from '../../model/rule.js';
import type { Load } from '../history.js';
import type { Condition, RuleData } from '../rule-data.js';
import { groupsOf } from '../select.js';
import { allPass, atLeast, beyond } from './guards.js';

/** Of a window something must be known for at least this share: a burn rate of an hour says nothing five minutes after a start. */
const MIN_KNOWN = 0.5;

/**
 * The error budget burns faster than a row allows, in its long and its short window at once: burn = share of bad events / (1 - objective).
 * (Site Reliability Workbook, chapter 5, multiwindow multi-burn-rate alerts.) The first row that holds gives the severity.
 */
export function burnRateConditions(rule: RuleOf<'burn_rate'>, data: RuleData, nowMs: number): Condition[] {
  const all = rule.windows.map((row) => {
    const [longMs, shortMs] = [durationMs(row.long), durationMs(row.short)];
    const names = [
      `minEvents ${row.long}`,
      `known ${row.long}`,
      `burnRate ${row.long}`,
      `burnRate ${row.short}`,
    ] as const;
    return { row, longMs, shortMs, known: data.history.knownShare(nowMs - longMs, nowMs), names };
  });
  return groupsOf(rule, data.operations, data.resources).map(({ key, labels, ids }) => {
    const rows = all.map(({ row, longMs, shortMs, known, names }) => {
      const long = burnOf(rule, data.history.load(key, ids, nowMs - longMs, nowMs));
      const short = burnOf(rule, data.history.load(key, ids, nowMs - shortMs, nowMs));
      const guards = [
        atLeast(names[0], long.n, rule.minEvents, 'spans'),
        atLeast(names[1], known, MIN_KNOWN, 'ratio'),
        beyond(names[2], long.burn, row.burnRate, 'above', 'burn_rate'),
        beyond(names[3], short.burn, row.burnRate, 'above', 'burn_rate'),
      ];
      return { row, long, guards };
    });
    const holding = rows.find(({ guards }) => allPass(guards));
    const shown = holding ?? rows[0]!;
    const hasData = rows.some(({ guards }) => guards[0]!.passes && guards[1]!.passes);
    return {
      key,
      labels,
      verdict: holding ? 'holds' : hasData ? 'clear' : 'no_data',
      severity: holding?.row.severity ?? null,
      figures: { observed: shown.long.burn, expected: shown.row.burnRate, unit: 'burn_rate', n: shown.long.n },
      guards: holding ? holding.guards : rows.flatMap(({ guards }) => guards),
      exemplars: () => data.exemplars(ids, 'failed'),
    };
  });
}

interface Burn {
  n: number;
  burn: number | null;
}

function burnOf({ objective, latency }: RuleOf<'burn_rate'>, load: Load): Burn {
  const { n, errors } = load;
  if (n === 0) return { n, burn: null };
  // Which of the slow ones failed is not known: at most all of either are bad twice, so the larger of both is what is certain.
  const slow = latency === null ? 0 : load.latency.countAbove(1_000 * durationMs(latency));
  return { n, burn: Math.max(errors, slow) / n / (1 - objective) };
}
