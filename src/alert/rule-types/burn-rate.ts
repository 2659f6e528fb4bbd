import { durationMs } from '../../model/duration.js';
import type { BurnWindow, RuleOf } from '../../model/rule.js';
import type { Load } from '../history.js';
import type { Condition, Guard, RuleData } from '../rule-data.js';
import { groupsOf } from '../select.js';
import { atLeast, beyond } from './guards.js';

/** Of a window something must be known for at least this share: a burn rate of an hour says nothing five minutes after a start. */
const MIN_KNOWN = 0.5;

/**
 * The error budget burns faster than a row allows, in its long and its short window at once: burn = share of bad events / (1 - objective).
 * (Site Reliability Workbook, chapter 5, multiwindow multi-burn-rate alerts.) The first row that holds gives the severity.
 */
export function burnRateConditions(rule: RuleOf<'burn_rate'>, data: RuleData, nowMs: number): Condition[] {
  const windows = rule.windows.map((row) => {
    const [longMs, shortMs] = [durationMs(row.long), durationMs(row.short)];
    return { row, longMs, shortMs, known: data.history.knownShare(nowMs - longMs, nowMs) };
  });
  return groupsOf(rule, data.operations, data.resources).map(({ key, labels, ids }) => {
    const rows = windows.map(({ row, longMs, shortMs, known }): BurnRow => {
      const long = burnOf(rule, data.history.load(key, ids, nowMs - longMs, nowMs));
      const short = burnOf(rule, data.history.load(key, ids, nowMs - shortMs, nowMs));
      return { row, long, short, known };
    });
    const holding = rows.find((each) => holds(rule, each));
    const shown = holding ?? rows[0]!;
    return {
      key,
      labels,
      verdict: holding ? 'holds' : rows.some((each) => hasData(rule, each)) ? 'clear' : 'no_data',
      severity: holding?.row.severity ?? null,
      figures: { observed: shown.long.burn, expected: shown.row.burnRate, unit: 'burn_rate', n: shown.long.n },
      // Asked for by those who explain, not at every instant of a replay.
      get guards() {
        return (holding ? [holding] : rows).flatMap((each) => guardsOf(rule, each));
      },
      exemplars: () => data.exemplars(ids, 'failed'),
    };
  });
}

interface BurnRow {
  row: BurnWindow;
  long: Burn;
  short: Burn;
  /** Share of the long window that anything is known of. */
  known: number;
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

function hasData({ minEvents }: RuleOf<'burn_rate'>, { long, known }: BurnRow): boolean {
  return long.n >= minEvents && known >= MIN_KNOWN;
}

function holds(rule: RuleOf<'burn_rate'>, burnRow: BurnRow): boolean {
  const { row, long, short } = burnRow;
  return hasData(rule, burnRow) && (long.burn ?? 0) > row.burnRate && (short.burn ?? 0) > row.burnRate;
}

/** The same as `holds`, one by one. */
function guardsOf(rule: RuleOf<'burn_rate'>, { row, long, short, known }: BurnRow): Guard[] {
  return [
    atLeast(`minEvents ${row.long}`, long.n, rule.minEvents, 'spans'),
    atLeast(`known ${row.long}`, known, MIN_KNOWN, 'ratio'),
    beyond(`burnRate ${row.long}`, long.burn, row.burnRate, 'above', 'burn_rate'),
    beyond(`burnRate ${row.short}`, short.burn, row.burnRate, 'above', 'burn_rate'),
  ];
}
