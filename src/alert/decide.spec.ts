import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Decision, EarlierDecision } from '../model/decision.js';
import {
  INCIDENT_EVENT_KINDS,
  SEVERITIES,
  type Incident,
  type IncidentEventKind,
  type Severity,
} from '../model/incident.js';
import { ANOMALY_DEFAULTS, type AnomalyRule } from '../model/rule.js';
import { decide } from './decide.js';

const CHANNELS = ['A', 'B'];

function rule(change: Partial<AnomalyRule> = {}): AnomalyRule {
  const common = { id: 'r1', tenantId: 1, epoch: 1, name: 'all', enabled: true, channelIds: null };
  return { ...ANOMALY_DEFAULTS, ...common, services: ['*'], minSeverity: 'warning', ...change };
}

function step(kind: IncidentEventKind, severity: Severity = 'warning') {
  return { kind, snapshot: { severity, causes: [{ service: 'cart' }], affected: [] } as unknown as Incident };
}

function told(kind: IncidentEventKind, channelIds: string[], ruleId = 'r1'): EarlierDecision {
  return { kind, ruleId, ruleName: `name of ${ruleId}`, channelIds };
}

const short = (decisions: Decision[]) =>
  decisions.map(({ ruleId, send, reason, channelIds }) =>
    `${ruleId} ${send ? 'send' : 'hold'} ${reason} ${channelIds.join('')}`.trim(),
  );

describe('decide', () => {
  const cases: {
    name: string;
    event: ReturnType<typeof step>;
    rules?: AnomalyRule[];
    earlier?: EarlierDecision[];
    channels?: string[];
    expected: string[];
  }[] = [
    { name: 'opening: every channel', event: step('opened'), expected: ['r1 send opened AB'] },
    {
      name: 'opening: named channels',
      event: step('opened'),
      rules: [rule({ channelIds: ['B', 'gone'] })],
      expected: ['r1 send opened B'],
    },
    {
      name: 'opening: rule disabled',
      event: step('opened'),
      rules: [rule({ enabled: false })],
      expected: ['r1 hold rule_disabled'],
    },
    { name: 'opening: too mild', event: step('opened', 'info'), expected: ['r1 hold severity_below_rule'] },
    {
      name: 'opening: another service',
      event: step('opened'),
      rules: [rule({ services: ['web'] })],
      expected: ['r1 hold service_not_in_rule'],
    },
    { name: 'opening: no channel yet', event: step('opened'), channels: [], expected: ['r1 hold no_channel'] },
    {
      name: 'opening: rule names no channel any more',
      event: step('opened'),
      rules: [rule({ channelIds: [] })],
      expected: ['r1 hold no_channel'],
    },
    { name: 'no rule', event: step('opened'), rules: [], expected: [] },
    {
      name: 'opening: two rules, one message a channel',
      event: step('opened'),
      rules: [rule({ channelIds: ['A'] }), rule({ id: 'r2' }), rule({ id: 'r3', channelIds: ['B'] })],
      expected: ['r1 send opened A', 'r2 send opened B', 'r3 hold already_told'],
    },
    {
      name: 'escalation of what was told',
      event: step('escalated', 'critical'),
      earlier: [told('opened', ['A', 'B'])],
      expected: ['r1 hold already_told'],
    },
    {
      name: 'escalation is the first word when the opening was held',
      event: step('escalated', 'critical'),
      earlier: [told('opened', [])],
      expected: ['r1 send escalated AB'],
    },
    {
      name: 'escalation reaches the rule for critical only',
      event: step('escalated', 'critical'),
      rules: [rule({ channelIds: ['A'] }), rule({ id: 'r2', minSeverity: 'critical' })],
      earlier: [told('opened', ['A']), told('opened', [], 'r2')],
      expected: ['r1 hold already_told', 'r2 send escalated B'],
    },
    {
      name: 'reopening while told',
      event: step('reopened'),
      earlier: [told('opened', ['A', 'B'])],
      expected: ['r1 hold flapping_already_told'],
    },
    {
      name: 'reopening after the end was told',
      event: step('reopened'),
      earlier: [told('opened', ['A', 'B']), told('resolved', ['A', 'B'])],
      expected: ['r1 send reopened AB'],
    },
    {
      name: 'end, told',
      event: step('resolved'),
      earlier: [told('opened', ['A', 'B'])],
      expected: ['r1 send resolved AB'],
    },
    {
      name: 'end of what was never told',
      event: step('resolved'),
      earlier: [told('opened', [])],
      expected: ['r1 hold never_told'],
    },
    {
      name: 'second end without an opening between',
      event: step('resolved'),
      earlier: [told('opened', ['A', 'B']), told('resolved', ['A', 'B'])],
      expected: ['r1 hold never_told'],
    },
    {
      name: 'end is owed though the rule was disabled',
      event: step('resolved'),
      rules: [rule({ enabled: false })],
      earlier: [told('opened', ['A'])],
      expected: ['r1 send resolved A'],
    },
    {
      name: 'end is owed though the rule was deleted',
      event: step('resolved'),
      rules: [],
      earlier: [told('opened', ['A'], 'old')],
      expected: ['old send resolved A'],
    },
    {
      name: 'end to a channel that is gone',
      event: step('resolved'),
      channels: ['B'],
      earlier: [told('opened', ['A'])],
      expected: ['r1 hold no_channel'],
    },
    {
      name: 'end goes through the rule that told the channel',
      event: step('resolved'),
      rules: [rule(), rule({ id: 'r2' })],
      earlier: [told('opened', ['A']), told('escalated', ['B'], 'r2')],
      expected: ['r1 send resolved A', 'r2 send resolved B'],
    },
  ];
  it.each(cases)('$name', ({ event, rules = [rule()], earlier = [], channels = CHANNELS, expected }) => {
    expect(short(decide(event, rules, earlier, channels))).toEqual(expected);
  });

  it('tells each channel openings and ends in turn, an opening first, whatever happens', () => {
    const anyRule = fc.record({
      enabled: fc.boolean(),
      minSeverity: fc.constantFrom(...SEVERITIES),
      channelIds: fc.option(fc.subarray(CHANNELS), { nil: null }),
    });
    const anyStep = fc.record({
      kind: fc.constantFrom(...INCIDENT_EVENT_KINDS),
      severity: fc.constantFrom(...SEVERITIES),
      rules: fc.array(anyRule, { maxLength: 3 }),
      channels: fc.subarray(CHANNELS),
    });
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 12 }), (steps) => {
        const earlier: EarlierDecision[] = [];
        const heard = new Map<string, ('open' | 'end')[]>(CHANNELS.map((id) => [id, []]));
        for (const { kind, severity, rules, channels } of steps) {
          const numbered = rules.map((change, index) => rule({ ...change, id: `r${index}` }));
          const decisions = decide(step(kind, severity), numbered, earlier, channels);
          for (const { ruleId, ruleName, send, channelIds } of decisions) {
            expect(send).toBe(channelIds.length > 0);
            for (const id of channelIds) {
              expect(channels).toContain(id);
              heard.get(id)?.push(kind === 'resolved' ? 'end' : 'open');
            }
            earlier.push({ kind, ruleId, ruleName, channelIds });
          }
        }
        for (const words of heard.values()) {
          words.forEach((word, index) => expect(word).toBe(index % 2 === 0 ? 'open' : 'end'));
        }
      }),
    );
  });
});
