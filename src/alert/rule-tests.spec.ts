import { describe, expect, it } from '@jest/globals';
import { runRuleTest } from './rule-tests.js';
import { RuleTests } from './rule-tests-contract.js';
import { rulesOfFile } from './rules-file.js';

function lines(input: object): string[] {
  const { rules, tests } = RuleTests.parse(input);
  const all = rulesOfFile({ rules }).map(({ values }, i) => ({ ...values, id: String(i), tenantId: 0, epoch: 1 }));
  return tests.flatMap((test) => runRuleTest(all, test).flatMap((failure) => [failure.evalTime, ...failure.lines]));
}

const RULE = { type: 'threshold', name: 'errors', measure: 'error_rate', window: '1m', above: 0.1, for: '1m' };
const SERIES = { service: 'cart', operation: 'Get', n: '10x60', errors: '0x5 5x20 0x40' };
const FIRES = [{ exp_labels: { severity: 'warning', service: 'cart', operation: 'Get' } }];
const at = (eval_time: string, exp_alerts: object[]) => ({ eval_time, alertname: 'errors', exp_alerts });

describe('unit tests of rules', () => {
  it('pass when what fires is what should', () => {
    const alert_rule_test = [at('1m', []), at('2m10s', []), at('2m20s', FIRES), at('5m30s', [])];
    expect(lines({ rules: [RULE], tests: [{ input_series: [SERIES], alert_rule_test }] })).toEqual([]);
  });

  it('tell what was expected and what came', () => {
    const wrong = [{ exp_labels: { severity: 'critical', service: 'cart', operation: 'Get' } }];
    expect(lines({ rules: [RULE], tests: [{ input_series: [SERIES], alert_rule_test: [at('3m', wrong)] }] })).toEqual([
      '3m',
      '- expected {"labels":{"alertname":"errors","operation":"Get","service":"cart","severity":"critical"}}',
      '+ came     {"labels":{"alertname":"errors","operation":"Get","service":"cart","severity":"warning"}}',
    ]);
    const unknown = { eval_time: '1m', alertname: 'x', exp_alerts: [] };
    expect(lines({ rules: [RULE], tests: [{ alert_rule_test: [unknown] }] })).toEqual([
      '1m',
      'there is no rule named x',
    ]);
  });

  it('know traces: attributes, ancestors, counts', () => {
    const rule = {
      type: 'trace_match',
      name: 'errors',
      where: [
        { services: ['web'] },
        {
          services: ['db'],
          minCount: 2,
          attributes: [{ key: 'db.system', value: 'postgresql' }],
          relation: { is: 'descendant_of', filter: 0 },
        },
      ],
      keepFiringFor: '0s',
    };
    const span = (id: string, parent: string | null, service: string) => ({
      id,
      parent,
      service,
      operation: 'op',
      attributes: { 'db.system': 'postgresql' },
    });
    const traces = [
      { at: '0s', spans: [span('1', null, 'web'), span('2', '1', 'cart'), span('3', '2', 'db')] },
      { at: '5m', spans: [span('1', null, 'web'), span('2', '1', 'cart'), span('3', '2', 'db'), span('4', '2', 'db')] },
    ];
    const expected = [{ exp_labels: { severity: 'warning', service: 'web', operation: 'op' } }];
    const alert_rule_test = [at('1m', []), at('5m10s', expected), at('7m', [])];
    expect(lines({ rules: [rule], tests: [{ traces, alert_rule_test }] })).toEqual([]);
  });
});
