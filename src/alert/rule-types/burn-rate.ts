import { durationMs } from '../../model/duration.js';
import type { BurnWindow, RuleOf } from '../../model/rule.js';
import type { Stretch } from '../history.js';
import type { Condition, Guard, RuleData, Wanted } from '../rule-data.js';
import type { OperationGroup } from '../select.js';
import { eachGroup } from './each-group.js';
import { atLeast, beyond } from './guards.js';

/** Of a window something must be known for at least this share: a burn rate of an hour says nothing five minutes after a start. */
const MIN_KNOWN = 0.5;

/**
 * The error budget burns faster than a row allows, in its long and its short window at once: burn = share of bad events / (1 - objective).
 * (Site Reliability Workbook, chapter 5, multiwindow multi-burn-rate alerts.) The first row that holds gives the severity.
 */
export function burnRateConditions(
  rule: RuleOf<'burn_rate'>,
  data: RuleData,
  nowMs: number,
  wanted: Wanted,
): Condition[] {
  const rows = rule.windows.map((row): BurnRow => {
    const long = data.history.over(nowMs - durationMs(row.long), nowMs);
    return { row, long, short: data.history.over(nowMs - durationMs(row.short), nowMs), known: long.knownShare };
  });
  return eachGroup(rule, data, (group) => {
    const { key, labels, ids } = group;
    const holding = rows.find((each) => holds(rule, each, group));
    const verdict = holding ? 'holds' : rows.some((each) => hasData(rule, each, group)) ? 'clear' : 'no_data';
    if (!wanted(key, verdict)) return null;
    const shown = holding ?? rows[0]!;
    const { n, burn } = burnOf(rule, shown.long, group);
    return {
      key,
      labels,
      verdict,
      severity: holding?.row.severity ?? null,
      figures: { observed: burn, expected: shown.row.burnRate, unit: 'burn_rate', n },
      // Asked for by those who explain, not at every instant of a replay.
      get guards() {
        return (holding ? [holding] : rows).flatMap((each) => guardsOf(rule, each, group));
      },
      exemplars: () => data.exemplars(ids, 'failed'),
    };
  });
}

interface BurnRow {
  row: BurnWindow;
  long: Stretch;
  short: Stretch;
  /** Share of the long window that anything is known of. */
  known: number;
}

function burnOf(
  { objective, latency }: RuleOf<'burn_rate'>,
  stretch: Stretch,
  { key, ids }: OperationGroup,
): { n: number; burn: number | null } {
  const { n, errors } = stretch.counts(ids);
  if (n === 0) return { n, burn: null };
  // Which of the slow ones failed is not known: at most all of either are bad twice, so the larger of both is what is certain.
  const slow = latency === null ? 0 : stretch.latency(key, ids).countAbove(1_000 * durationMs(latency));
  return { n, burn: Math.max(errors, slow) / n / (1 - objective) };
}

function hasData({ minEvents }: RuleOf<'burn_rate'>, { long, known }: BurnRow, { ids }: OperationGroup): boolean {
  return known >= MIN_KNOWN && long.counts(ids).n >= minEvents;
}

/** The short window first: mostly it says no, and then nobody asks for the long one. */
function holds(rule: RuleOf<'burn_rate'>, burnRow: BurnRow, group: OperationGroup): boolean {
  const { row, long, short } = burnRow;
  if ((burnOf(rule, short, group).burn ?? 0) <= row.burnRate) return false;
  return hasData(rule, burnRow, group) && (burnOf(rule, long, group).burn ?? 0) > row.burnRate;
}

/** The same as `holds`, one by one. */
function guardsOf(rule: RuleOf<'burn_rate'>, { row, known, ...stretches }: BurnRow, group: OperationGroup): Guard[] {
  const [long, short] = [burnOf(rule, stretches.long, group), burnOf(rule, stretches.short, group)];
  return [
    atLeast(`minEvents ${row.long}`, long.n, rule.minEvents, 'spans'),
    atLeast(`known ${row.long}`, known, MIN_KNOWN, 'ratio'),
    beyond(`burnRate ${row.long}`, long.burn, row.burnRate, 'above', 'burn_rate'),
    beyond(`burnRate ${row.short}`, short.burn, row.burnRate, 'above', 'burn_rate'),
  ];
}
