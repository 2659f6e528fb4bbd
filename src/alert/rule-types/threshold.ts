import { durationMs } from '../../model/duration.js';
import type { Measure, RuleOf } from '../../model/rule.js';
import type { AlertFigures } from '../../model/alert.js';
import type { Load } from '../history.js';
import type { Condition, Guard, RuleData } from '../rule-data.js';
import { groupsOf } from '../select.js';
import { allPass, atLeast, beyond } from './guards.js';

/** A measure over the last window is beyond the limit: one condition for each group of operations. */
export function thresholdConditions(rule: RuleOf<'threshold'>, data: RuleData, nowMs: number): Condition[] {
  const windowMs = durationMs(rule.window);
  const fromMs = nowMs - windowMs;
  const side = rule.above === null ? 'below' : 'above';
  const limit = inUnit(rule.measure, rule.above ?? rule.below ?? 0);
  const recoverAt = rule.recoverAt === null ? limit : inUnit(rule.measure, rule.recoverAt);
  const tMs = rule.apdexT === null ? 0 : durationMs(rule.apdexT);
  const unit = unitOf(rule.measure);
  return groupsOf(rule, data.operations, data.resources).map(({ key, labels, ids }) => {
    const now = data.history.load(key, ids, fromMs, nowMs);
    const { n } = now;
    const value = measured(rule.measure, now, tMs);
    // Of a rate, few spans are the news.
    const minVolume = rule.measure === 'rate' ? 0 : rule.minVolume;
    const guards = [atLeast('minVolume', n, minVolume, 'spans'), beyond('limit', value, limit, side, unit)];
    if (rule.effect !== null && value !== null)
      guards.push(...effectGuards(rule, rule.effect, data, key, ids, fromMs, value, tMs));
    const isBetween = value !== null && (side === 'above' ? value > recoverAt : value < recoverAt);
    const hasData = rule.measure === 'rate' ? true : value !== null && n >= rule.minVolume;
    return {
      key,
      labels,
      verdict: !hasData ? 'no_data' : allPass(guards) ? 'holds' : isBetween && guards[0]!.passes ? 'between' : 'clear',
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
  key: string,
  ids: readonly number[],
  beforeMs: number,
  value: number,
  tMs: number,
): Guard[] {
  const before = data.history.load(`before ${key}`, ids, beforeMs - durationMs(effect.reference), beforeMs);
  const usual = measured(rule.measure, before, tMs);
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
  measure: Measure,
  { n, errors, represented, latency, lengthMs }: Load,
  apdexTMs: number,
): number | null {
  switch (measure) {
    case 'rate':
      return represented / (lengthMs / 1_000);
    case 'error_rate':
      return n === 0 ? null : errors / n;
    case 'apdex': {
      if (latency.count === 0) return null;
      const frustrated = latency.countAbove(4_000 * apdexTMs);
      const tolerating = latency.countAbove(1_000 * apdexTMs) - frustrated;
      return (latency.count - frustrated - tolerating / 2) / latency.count;
    }
    default:
      return latency.quantile(Number(measure.slice(1)) / 100);
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
