import { describe, expect, it } from '@jest/globals';
import type { Incident, IncidentEventKind, Severity } from '../model/incident.js';
import { ANOMALY_DEFAULTS, type AnomalyRule } from '../model/rule.js';
import { decide } from './decide.js';

function rule(id: string, change: Partial<AnomalyRule> = {}): AnomalyRule {
  const common = { id, tenantId: 1, epoch: 1, name: id, enabled: true, channelIds: null };
  return { ...ANOMALY_DEFAULTS, ...common, services: ['*'], minSeverity: 'warning', ...change };
}

function step(kind: IncidentEventKind, severity: Severity = 'warning') {
  return { kind, snapshot: { severity, causes: [{ service: 'cart' }], affected: [] } as unknown as Incident };
}

describe('decide', () => {
  it.each([
    { name: 'a rule that it concerns', event: step('opened'), rules: [rule('r1')], expected: [] },
    { name: 'no rule', event: step('opened'), rules: [], expected: [] },
    {
      name: 'disabled',
      event: step('opened'),
      rules: [rule('r1', { enabled: false })],
      expected: ['r1 rule_disabled'],
    },
    { name: 'too mild', event: step('opened', 'info'), rules: [rule('r1')], expected: ['r1 severity_below_rule'] },
    {
      name: 'another service, beside one that it concerns',
      event: step('escalated'),
      rules: [rule('r1', { services: ['web'] }), rule('r2')],
      expected: ['r1 service_not_in_rule'],
    },
    {
      name: 'an end concerns whoever was concerned',
      event: step('resolved', 'info'),
      rules: [rule('r1')],
      expected: [],
    },
  ])('$name', ({ event, rules, expected }) => {
    expect(decide(event, rules).map(({ ruleId, reason }) => `${ruleId} ${reason}`)).toEqual(expected);
  });
});
