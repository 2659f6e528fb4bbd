import { describe, expect, it } from '@jest/globals';
import type { Affected, Incident } from '../model/incident.js';
import { ANOMALY_DEFAULTS, type AnomalyRule } from '../model/rule.js';
import type { Match } from './match.js';
import { type IncidentContext, matchIncident } from './match-incident.js';

const DAY_MS = 86_400_000;
const AT_MS = 40 * DAY_MS;

function rule(change: Partial<AnomalyRule>): AnomalyRule {
  const common = { id: 'r', tenantId: 1, epoch: 1, name: 'r', enabled: true, channelIds: null };
  return { ...ANOMALY_DEFAULTS, ...common, services: ['*'], minSeverity: 'info', ...change };
}

function incident(score: number, id = 'now', openedMs = AT_MS): Incident {
  const affected = {
    operationId: 1,
    service: 'cart',
    operation: 'Get',
    signal: 'latency',
    observed: 300,
    expected: 100,
    n: 50,
    score,
  };
  return { id, severity: 'warning', openedMs, causes: [], affected: [affected as Affected] } as unknown as Incident;
}

const context: IncidentContext = {
  atMs: AT_MS,
  operations: new Map([[1, { id: 1, serviceId: 1, service: 'cart', name: 'Get', kind: 2 }]]),
  resources: new Map([['cart', new Map([['service.namespace', ['shop']]])]]),
  // Ten a day for four weeks: scores 10 to 289.
  past: Array.from({ length: 280 }, (_, i) => incident(10 + i, `p${i}`, AT_MS - (i + 1) * (DAY_MS / 10))),
  fired: () => [AT_MS - 8 * DAY_MS, AT_MS - DAY_MS],
};

describe('matchIncident', () => {
  const cases: { name: string; change: Partial<AnomalyRule>; score?: number; expected: Match }[] = [
    { name: 'all', change: {}, expected: 'matches' },
    { name: 'operation', change: { operations: ['G*'] }, expected: 'matches' },
    { name: 'another operation', change: { operations: ['Put'] }, expected: 'operation_not_in_rule' },
    { name: 'kind', change: { kinds: ['client'] }, expected: 'operation_not_in_rule' },
    { name: 'namespace', change: { namespaces: ['sh*'] }, expected: 'matches' },
    { name: 'environment that is not known', change: { environments: ['prod'] }, expected: 'operation_not_in_rule' },
    { name: 'signal', change: { signals: ['errors'] }, expected: 'signal_not_in_rule' },
    { name: 'low sensitivity, weak', change: { sensitivity: 'low' }, score: 19, expected: 'weaker_than_rule' },
    { name: 'low sensitivity, strong', change: { sensitivity: 'low' }, score: 20, expected: 'matches' },
    { name: 'few spans', change: { minVolume: 51 }, expected: 'weaker_than_rule' },
    { name: 'small effect', change: { effect: { minAbsolute: 201, minRelative: null } }, expected: 'weaker_than_rule' },
    { name: 'effect', change: { effect: { minAbsolute: 200, minRelative: 2 } }, expected: 'matches' },
    {
      name: 'hours off',
      change: { activeHours: { timeZone: 'UTC', ranges: [{ days: [], from: '00:00', to: '24:00' }] } },
      expected: 'outside_active_hours',
    },
    { name: 'budget, weak', change: { budgetPerWeek: 2 }, score: 100, expected: 'weaker_than_budget' },
    { name: 'budget, strong', change: { budgetPerWeek: 2 }, score: 285, expected: 'matches' },
    { name: 'budget, spent', change: { budgetPerWeek: 1 }, score: 285, expected: 'budget_spent' },
  ];
  it.each(cases)('$name', ({ change, score = 30, expected }) => {
    expect(matchIncident(rule(change), incident(score), context)).toBe(expected);
  });
});
