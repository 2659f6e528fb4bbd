import type { Rule } from '../../model/rule.js';
import type { Condition, RuleData } from '../rule-data.js';
import { absenceConditions } from './absence.js';
import { anomalyConditions } from './anomaly.js';
import { burnRateConditions } from './burn-rate.js';
import { structuralConditions } from './structural.js';
import { thresholdConditions } from './threshold.js';
import { traceMatchConditions } from './trace-match.js';

/** What a rule says at an instant (the end of a window), for each set of labels that it knows of. */
export function conditionsOf(rule: Rule, data: RuleData, nowMs: number): Condition[] {
  switch (rule.type) {
    case 'anomaly':
      return anomalyConditions(rule, data, nowMs);
    case 'threshold':
      return thresholdConditions(rule, data, nowMs);
    case 'burn_rate':
      return burnRateConditions(rule, data, nowMs);
    case 'trace_match':
      return traceMatchConditions(rule, data, nowMs);
    case 'absence':
      return absenceConditions(rule, data, nowMs);
    case 'structural':
      return structuralConditions(rule, data, nowMs);
  }
}
