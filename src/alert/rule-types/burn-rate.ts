import { durationMs } from '../../model/duration.js';
import type { BurnWindow, RuleOf } from '../../model/rule.js';
import type { Load } from '../history.js';
import type { Condition, Guard, RuleData } from '../rule-data.js';
import { groupsOf } from '../select.js';
import { allPass, atLeast, beyond } from './guards.js';

/** Of a window something must be known for at least this share: a burn rate of an hour says nothing five minutes after a start. */
const MIN_KNOWN = 0.5;

/**
 * The error budget burns faster than a row allows, in its long and its short window at once: burn = share of bad events / (1 - objective).
 * (Site Reliability Workbook, chapter 5, multiwindow multi-burn-rate alerts.) The first row that holds gives the severity.
 */
export function burnRateConditions(rule: RuleOf<'burn_rate'>, data: RuleData, nowMs: number): Condition[] {
  const known = new Map<string, number>();
  const knownShare = (lengthMs: number): number => {
    const name = String(lengthMs);
    const share = known.get(name) ?? data.history.knownShare(nowMs - lengthMs, nowMs);
    known.set(name, share);
    return share;
  };
  return groupsOf(rule, data.operations, data.resources).map(({ key, labels, ids }) => {
    const rows = rule.windows.map((row) => {
      const long = burnOf(rule, data.history.load(key, ids, nowMs - durationMs(row.long), nowMs));
      const short = burnOf(rule, data.history.load(key, ids, nowMs - durationMs(row.short), nowMs));
      return { row, long, short, guards: guardsOf(rule, row, long, short, knownShare(durationMs(row.long))) };
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

function guardsOf(rule: RuleOf<'burn_rate'>, row: BurnWindow, long: Burn, short: Burn, known: number): Guard[] {
  return [
    atLeast(`minEvents ${row.long}`, long.n, rule.minEvents, 'spans'),
    atLeast(`known ${row.long}`, known, MIN_KNOWN, 'ratio'),
    beyond(`burnRate ${row.long}`, long.burn, row.burnRate, 'above', 'burn_rate'),
    beyond(`burnRate ${row.short}`, short.burn, row.burnRate, 'above', 'burn_rate'),
  ];
}
