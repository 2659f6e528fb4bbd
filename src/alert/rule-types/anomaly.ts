import { displayText } from '../../model/display.js';
import type { Finding } from '../../model/anomaly.js';
import { DEFAULT_POLICY } from '../../model/policy.js';
import type { RuleOf } from '../../model/rule.js';
import { WINDOW_MS } from '../../model/window.js';
import type { Condition, Guard, RuleData } from '../rule-data.js';
import { selects } from '../select.js';
import { allPass, atLeast } from './guards.js';

/** Findings that were held back for being weak or short; those held back for a known cause (a season, waiting by design) stay so. */
const WEAK: ReadonlySet<string> = new Set([
  'raised',
  'not_significant',
  'not_persistent',
  'small_absolute_effect',
  'small_relative_effect',
]);

/**
 * Series of the last window that deviate, also those for which no incident is opened: only for rules of high sensitivity. At the others,
 * steps of incidents are looked at, see `anomalyAlerts`.
 */
export function anomalyConditions(rule: RuleOf<'anomaly'>, data: RuleData, nowMs: number): Condition[] {
  if (rule.sensitivity !== 'high') return [];
  return data.findings(nowMs - WINDOW_MS, nowMs).flatMap((finding) => {
    const operation = data.operations.get(finding.operationId);
    if (operation === undefined || !WEAK.has(finding.reason) || !selects(rule, operation, data.resources)) return [];
    if (rule.signals !== null && !rule.signals.includes(finding.signal)) return [];
    const { service, name } = operation;
    const guards = guardsOf(rule, finding);
    return [
      {
        key: `${finding.signal} ${finding.operationId} ${finding.callerId}`,
        labels: { service: displayText(service), operation: displayText(name), signal: finding.signal },
        verdict: allPass(guards) ? ('holds' as const) : ('clear' as const),
        severity: 'info' as const,
        figures: { observed: finding.observed, expected: finding.expected, unit: finding.unit, n: finding.n },
        guards,
        exemplars: () => data.exemplars([finding.operationId], finding.signal === 'errors' ? 'failed' : 'slow'),
      },
    ];
  });
}

/** Shared by findings and by incidents: how strong, how many spans, how large. */
export function guardsOf(
  rule: Pick<RuleOf<'anomaly'>, 'minVolume' | 'effect'>,
  finding: Pick<Finding, 'score' | 'n' | 'observed' | 'expected'>,
  minScore: number = DEFAULT_POLICY.windowScore,
): Guard[] {
  const distance = Math.abs(finding.observed - finding.expected);
  const guards = [
    atLeast('score', finding.score, minScore, 'score'),
    atLeast('minVolume', finding.n, rule.minVolume, 'spans'),
  ];
  if (rule.effect?.minAbsolute != null)
    guards.push(atLeast('minAbsolute', distance, rule.effect.minAbsolute, 'of the observed'));
  if (rule.effect?.minRelative != null) {
    const relative = finding.expected === 0 ? Infinity : distance / finding.expected;
    guards.push(atLeast('minRelative', relative, rule.effect.minRelative, 'ratio'));
  }
  return guards;
}
