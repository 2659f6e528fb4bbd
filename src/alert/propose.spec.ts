import { describe, expect, it } from '@jest/globals';
import type { RuleValues } from '../model/rule.js';
import { asksForChange, candidates, counted, isBetter } from './propose.js';
import type { Firing } from './replay.js';
import { checkedRule } from './rules-contract.js';

const rule = (input: object): RuleValues => checkedRule({ name: 'r', services: ['*'], ...input });
const words = (values: RuleValues) => candidates(values).map((each) => each.words);

describe('candidates', () => {
  it.each<[string, RuleValues, string[]]>([
    [
      'an anomaly rule looks less closely, then only at what is worse',
      rule({ type: 'anomaly', sensitivity: 'high', minSeverity: 'info' }),
      [
        'sensitivity high → medium',
        'sensitivity high → low',
        'minSeverity info → warning',
        'minSeverity info → critical',
      ],
    ],
    [
      'one that says least has nothing left',
      rule({ type: 'anomaly', sensitivity: 'low', minSeverity: 'critical' }),
      [],
    ],
    [
      'a limit goes up',
      rule({ type: 'threshold', measure: 'p99', window: '5m', above: 800 }),
      ['above 800 → 880', 'above 800 → 1000', 'above 800 → 1200', 'above 800 → 1600', 'above 800 → 2400'],
    ],
    [
      'or down',
      rule({ type: 'threshold', measure: 'rate', window: '5m', below: 30 }),
      ['below 30 → 27.3', 'below 30 → 24', 'below 30 → 20', 'below 30 → 15', 'below 30 → 10'],
    ],
    [
      'a share stays one',
      rule({ type: 'threshold', measure: 'error_rate', window: '5m', above: 0.6 }),
      ['above 0.6 → 0.66', 'above 0.6 → 0.75', 'above 0.6 → 0.9'],
    ],
    ['what has no limit is left alone', rule({ type: 'absence', window: '1h', expectedWithin: '1d' }), []],
  ])('%s', (_name, values, expected) => {
    expect(words(values)).toEqual(expected);
  });

  it('move the limit of recovery along, and are rules again', () => {
    const values = rule({ type: 'threshold', measure: 'p99', window: '5m', above: 800, recoverAt: 600 });
    expect(candidates(values)[1]!.patch).toEqual({ above: 1_000, recoverAt: 750 });
    for (const { patch } of candidates(values)) expect(() => checkedRule({ ...values, ...patch })).not.toThrow();
  });
});

describe('what people said', () => {
  const verdicts = (noise: number, useful: number) => [
    ...Array.from({ length: noise }, () => ({ verdict: 'noise' as const })),
    ...Array.from({ length: useful }, () => ({ verdict: 'useful' as const })),
  ];
  it.each([
    [0, 0, false],
    [2, 0, false],
    [3, 0, true],
    [3, 3, true],
    [3, 4, false],
  ])('%i times noise and %i times useful: %s', (noise, useful, expected) => {
    expect(asksForChange(verdicts(noise, useful))).toBe(expected);
  });

  it.each([
    ['spares all', { useful: 2, noise: 0 }, true],
    ['spares half', { useful: 2, noise: 2 }, true],
    ['spares less', { useful: 2, noise: 3 }, false],
    ['costs something useful', { useful: 1, noise: 0 }, false],
  ])('a change that %s', (_name, after, expected) => {
    expect(isBetter({ useful: 2, noise: 4 }, after)).toBe(expected);
  });

  it('is found among the firings of a replay, by incident or by labels and time', () => {
    const firing: Firing = {
      labels: { alertname: 'r', service: 'cart', severity: 'critical' },
      activeAtMs: 0,
      firedAtMs: 60_000,
      endedAtMs: 300_000,
      figures: null,
      incidentId: null,
    };
    const said = { verdict: 'noise', incidentId: null, labels: { service: 'cart', alertname: 'r' } } as const;
    const at = (firedAtMs: number) => counted([{ ...said, firedAtMs }], [firing]).noise;
    expect([-600_000, 60_000, 310_000, 900_000].map(at)).toEqual([0, 1, 1, 0]);
    expect(counted([{ ...said, firedAtMs: 60_000, labels: { service: 'pay', alertname: 'r' } }], [firing]).noise).toBe(
      0,
    );
    const incident = { ...firing, incidentId: 'i' };
    expect(counted([{ ...said, verdict: 'useful', firedAtMs: 9e12, incidentId: 'i' }], [incident])).toEqual({
      useful: 1,
      noise: 0,
    });
  });
});
