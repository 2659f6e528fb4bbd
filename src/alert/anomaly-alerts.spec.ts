import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Alert } from '../model/alert.js';
import {
  INCIDENT_EVENT_KINDS,
  SEVERITIES,
  type Incident,
  type IncidentEventKind,
  type Severity,
} from '../model/incident.js';
import { ANOMALY_DEFAULTS, type AnomalyRule } from '../model/rule.js';
import { anomalyAlerts } from './anomaly-alerts.js';

const AT_MS = 1_000_000;
const WHERE = { idOf: (ruleId: string) => `alert of ${ruleId}`, incidentUrl: 'http://trace.test/i' };

function rule(change: Partial<AnomalyRule> = {}): AnomalyRule {
  const common = { id: 'r1', tenantId: 1, epoch: 1, name: 'all', enabled: true, channelIds: null };
  return { ...ANOMALY_DEFAULTS, ...common, services: ['*'], minSeverity: 'warning', ...change };
}

function step(kind: IncidentEventKind, severity: Severity = 'warning', atMs = AT_MS) {
  const figures = { observed: 900, expected: 100, unit: 'us', n: 50, quantile: 0.95, score: 9, signal: 'latency' };
  const snapshot = {
    id: 'i1',
    severity,
    startedMs: AT_MS - 20_000,
    openedMs: AT_MS,
    lastSeenMs: AT_MS,
    resolvedMs: null,
    causes: [{ service: 'cart', operation: 'GetCart', evidence: [] }],
    affected: [{ service: 'web\u202e', operation: 'GET /', sinceMs: AT_MS - 20_000, ...figures }],
    exemplars: ['ab'],
  } as unknown as Incident;
  return { incidentId: 'i1', kind, atMs, reason: 'why', snapshot };
}

function played(steps: { event: ReturnType<typeof step>; rules: AnomalyRule[] }[]) {
  const alerts = new Map<string, Alert>();
  return steps.map(({ event, rules }) => {
    const transitions = anomalyAlerts(event, rules, [...alerts.values()], WHERE);
    for (const { snapshot } of transitions) alerts.set(snapshot.id, snapshot);
    return transitions;
  });
}

const short = (all: ReturnType<typeof played>) =>
  all.map((some) =>
    some.map(({ snapshot, from, to, reason }) => `${snapshot.ruleId} ${from}>${to} ${reason}`).join(', '),
  );

describe('anomalyAlerts', () => {
  it('says what is wrong, where, and how bad', () => {
    const [transition] = anomalyAlerts(step('opened'), [rule()], [], WHERE);
    expect(transition).toMatchObject({
      alertId: 'alert of r1',
      sequence: 1,
      atMs: AT_MS,
      from: 'inactive',
      to: 'firing',
    });
    expect(transition?.snapshot).toEqual({
      id: 'alert of r1',
      tenantId: 1,
      ruleId: 'r1',
      incidentId: 'i1',
      state: 'firing',
      labels: { alertname: 'all', severity: 'warning', incident: 'i1', service: 'cart', operation: 'GetCart' },
      annotations: { summary: 'web / GET / p95 900 µs (normal 100 µs), cause: cart / GetCart', description: 'why' },
      figures: { observed: 900, expected: 100, unit: 'us', n: 50 },
      exemplars: ['ab'],
      activeAtMs: AT_MS - 20_000,
      firedAtMs: AT_MS,
      endsAtMs: null,
      generatorUrl: 'http://trace.test/i',
      sequence: 1,
    });
  });

  const all = [rule()];
  const cases: { name: string; steps: Parameters<typeof played>[0]; expected: string[] }[] = [
    {
      name: 'a life',
      steps: (['opened', 'escalated', 'resolved', 'reopened', 'resolved'] as const).map((kind) => ({
        event: step(kind),
        rules: all,
      })),
      expected: [
        'r1 inactive>firing opened',
        'r1 firing>firing escalated',
        'r1 firing>resolved resolved',
        'r1 resolved>firing reopened',
        'r1 firing>resolved resolved',
      ],
    },
    {
      name: 'a rule for critical only fires at the escalation',
      steps: [
        { event: step('opened'), rules: [rule({ minSeverity: 'critical' })] },
        { event: step('escalated', 'critical'), rules: [rule({ minSeverity: 'critical' })] },
      ],
      expected: ['', 'r1 inactive>firing escalated'],
    },
    {
      name: 'a rule that is disabled, or about others, does not fire',
      steps: [{ event: step('opened'), rules: [rule({ enabled: false }), rule({ services: ['x'] })] }],
      expected: [''],
    },
    {
      name: 'the end of a rule that was deleted',
      steps: [
        { event: step('opened'), rules: all },
        { event: step('resolved'), rules: [] },
      ],
      expected: ['r1 inactive>firing opened', 'r1 firing>resolved resolved'],
    },
    {
      name: 'an end that nobody waits for',
      steps: [{ event: step('resolved'), rules: all }],
      expected: [''],
    },
  ];
  it.each(cases)('$name', ({ steps, expected }) => {
    expect(short(played(steps))).toEqual(expected);
  });

  it('never resolves what does not fire, counts each alert from 1, and ends nothing twice, whatever happens', () => {
    const anyRule = fc.record({ enabled: fc.boolean(), minSeverity: fc.constantFrom(...SEVERITIES) });
    const anyStep = fc.record({
      kind: fc.constantFrom(...INCIDENT_EVENT_KINDS),
      severity: fc.constantFrom(...SEVERITIES),
      rules: fc.array(anyRule, { maxLength: 3 }),
    });
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 12 }), (steps) => {
        const numbered = steps.map(({ kind, severity, rules }, at) => ({
          event: step(kind, severity, AT_MS + at),
          rules: rules.map((change, i) => rule({ ...change, id: `r${i}` })),
        }));
        const last = new Map<string, { to: string; sequence: number }>();
        for (const { alertId, from, to, sequence, snapshot } of played(numbered).flat()) {
          expect(from).toBe(last.get(alertId)?.to ?? 'inactive');
          expect(sequence).toBe((last.get(alertId)?.sequence ?? 0) + 1);
          if (to === 'resolved') expect(from).toBe('firing');
          expect(snapshot.endsAtMs === null).toBe(to === 'firing');
          last.set(alertId, { to, sequence });
        }
      }),
    );
  });
});
