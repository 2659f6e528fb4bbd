import type { Rule } from '../../model/rule.js';
import { ALL_WANTED, type Condition, type RuleData, type Wanted } from '../rule-data.js';
import { absenceConditions } from './absence.js';
import { anomalyConditions } from './anomaly.js';
import { burnRateConditions } from './burn-rate.js';
import { structuralConditions } from './structural.js';
import { thresholdConditions } from './threshold.js';
import { traceMatchConditions } from './trace-match.js';

/** What a rule says at an instant (the end of a window), for each set of labels that it knows of and that is wanted. */
export function conditionsOf(rule: Rule, data: RuleData, nowMs: number, wanted: Wanted = ALL_WANTED): Condition[] {
  switch (rule.type) {
    case 'anomaly':
      return anomalyConditions(rule, data, nowMs);
    case 'threshold':
      return thresholdConditions(rule, data, nowMs, wanted);
    case 'burn_rate':
      return burnRateConditions(rule, data, nowMs, wanted);
    case 'trace_match':
      return traceMatchConditions(rule, data, nowMs);
    case 'absence':
      return absenceConditions(rule, data, nowMs, wanted);
    case 'structural':
      return structuralConditions(rule, data, nowMs, wanted);
  }
}
