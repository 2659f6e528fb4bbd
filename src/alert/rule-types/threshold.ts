import { durationMs } from '../../model/duration.js';
import type { Measure, RuleOf } from '../../model/rule.js';
import type { AlertFigures } from '../../model/alert.js';
import type { Stretch } from '../history.js';
import type { Condition, Guard, RuleData, Wanted } from '../rule-data.js';
import type { OperationGroup } from '../select.js';
import { eachGroup } from './each-group.js';
import { allPass, atLeast, beyond } from './guards.js';

/** A measure over the last window is beyond the limit: one condition for each group of operations. */
export function thresholdConditions(
  rule: RuleOf<'threshold'>,
  data: RuleData,
  nowMs: number,
  wanted: Wanted,
): Condition[] {
  const fromMs = nowMs - durationMs(rule.window);
  const window = data.history.over(fromMs, nowMs);
  const side = rule.above === null ? 'below' : 'above';
  const limit = inUnit(rule.measure, rule.above ?? rule.below ?? 0);
  const recoverAt = rule.recoverAt === null ? limit : inUnit(rule.measure, rule.recoverAt);
  const unit = unitOf(rule.measure);
  // Of a rate, few spans are the news.
  const minVolume = rule.measure === 'rate' ? 0 : rule.minVolume;
  return eachGroup(rule, data, (group) => {
    const { key, labels, ids } = group;
    const { n, value } = measured(rule, window, group);
    const hasData = rule.measure === 'rate' ? true : value !== null && n >= rule.minVolume;
    // What is not even at the recovery threshold needs no guards to be clear.
    const isBetween = value !== null && (side === 'above' ? value > recoverAt : value < recoverAt);
    if (!isBetween && !wanted(key, hasData ? 'clear' : 'no_data')) return null;
    const guards = [atLeast('minVolume', n, minVolume, 'spans'), beyond('limit', value, limit, side, unit)];
    if (rule.effect !== null && value !== null) {
      guards.push(...effectGuards(rule, rule.effect, data, group, fromMs, value));
    }
    const verdict = !hasData
      ? 'no_data'
      : allPass(guards)
        ? 'holds'
        : isBetween && guards[0]!.passes
          ? 'between'
          : 'clear';
    if (!wanted(key, verdict)) return null;
    return {
      key,
      labels,
      verdict,
      severity: null,
      figures: { observed: value, expected: limit, unit, n },
      guards,
      exemplars: () => data.exemplars(ids, rule.measure === 'error_rate' ? 'failed' : 'slow'),
    };
  });
}

/** Against the same measure over the time before the window. */
function effectGuards(
  rule: RuleOf<'threshold'>,
  effect: NonNullable<RuleOf<'threshold'>['effect']>,
  data: RuleData,
  group: OperationGroup,
  beforeMs: number,
  value: number,
): Guard[] {
  const before = data.history.over(beforeMs - durationMs(effect.reference), beforeMs);
  const { value: usual } = measured(rule, before, group, `before ${group.key}`);
  const distance = usual === null ? null : Math.abs(value - usual);
  const guards: Guard[] = [];
  if (effect.minAbsolute !== null) {
    guards.push(atLeast('minAbsolute', distance, inUnit(rule.measure, effect.minAbsolute), unitOf(rule.measure)));
  }
  if (effect.minRelative !== null) {
    const relative = usual === null || distance === null ? null : usual === 0 ? Infinity : distance / usual;
    guards.push(atLeast('minRelative', relative, effect.minRelative, 'ratio'));
  }
  return guards;
}

/** In the unit of `unitOf`; null when nothing says what it is. Apdex: satisfied up to T, tolerating up to 4 T, by duration alone. */
function measured(
  { measure, apdexT }: RuleOf<'threshold'>,
  stretch: Stretch,
  { key, ids }: OperationGroup,
  named = key,
): { n: number; value: number | null } {
  const { n, errors, represented } = stretch.counts(ids);
  switch (measure) {
    case 'rate':
      return { n, value: represented / (stretch.lengthMs / 1_000) };
    case 'error_rate':
      return { n, value: n === 0 ? null : errors / n };
    case 'apdex': {
      const latency = stretch.latency(named, ids);
      if (latency.count === 0) return { n, value: null };
      const tMs = apdexT === null ? 0 : durationMs(apdexT);
      const frustrated = latency.countAbove(4_000 * tMs);
      const tolerating = latency.countAbove(1_000 * tMs) - frustrated;
      return { n, value: (latency.count - frustrated - tolerating / 2) / latency.count };
    }
    default:
      return { n, value: stretch.latency(named, ids).quantile(Number(measure.slice(1)) / 100) };
  }
}

function unitOf(measure: Measure): AlertFigures['unit'] {
  if (measure === 'rate') return 'per_second';
  if (measure === 'error_rate') return 'ratio';
  return measure === 'apdex' ? 'apdex' : 'us';
}

/** Rules speak of milliseconds, figures of microseconds. */
function inUnit(measure: Measure, value: number): number {
  return measure.startsWith('p') ? value * 1_000 : value;
}
