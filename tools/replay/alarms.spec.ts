import { describe, expect, it } from '@jest/globals';
import type { IncidentDetailView } from '../../src/query/incidents-contract.js';
import type { ReceivedMessage } from '../client/receiver.js';
import { alarmsOf, countWebhooks } from './alarms.js';

const SHIFT_MS = 3_600_000;
const AT = '2026-03-01T12:00:10.000Z';
const AGAIN = '2026-03-01T12:05:00.000Z';
const cause = (service: string) => ({
  service,
  operation: `${service}-op`,
  score: 1,
  evidence: [],
  instances: [],
  counterfactuals: [],
  exemplars: [],
});

const incident: IncidentDetailView = {
  id: 'i1',
  state: 'resolved',
  severity: 'critical',
  title: 't',
  startedAt: AT,
  openedAt: AT,
  lastSeenAt: AT,
  resolvedAt: AGAIN,
  flaps: 1,
  causes: [cause('pay'), cause('cart'), cause('pay')],
  affected: [],
  exemplars: [],
  events: [
    { sequence: 1, kind: 'opened', at: AT, reason: '', undecided: null },
    { sequence: 2, kind: 'escalated', at: AT, reason: '', undecided: null },
    { sequence: 3, kind: 'resolved', at: AGAIN, reason: '', undecided: null },
    { sequence: 4, kind: 'reopened', at: AGAIN, reason: '', undecided: null },
  ],
  decisions: [],
  deliveries: [],
  compared: null,
  comparisonReason: null,
  correlations: [],
};

const message = (type: string, timestamp: string, services: string[], verified = true): ReceivedMessage => ({
  id: `${type}${timestamp}`,
  verified,
  receivedAtMs: 0,
  body: { type, timestamp, data: { reason: '', incident: { id: 'i1', causes: services.map(cause) }, links: {} } },
});

describe('alarmsOf', () => {
  it('takes openings and reopenings, in the time of the data, with the causes that the webhook told', () => {
    const messages = [
      message('incident.opened', AT, ['cart', 'web']),
      message('incident.reopened', AGAIN, ['web']),
      message('incident.resolved', AGAIN, ['nobody']),
    ];
    expect(alarmsOf([incident], messages, SHIFT_MS)).toEqual([
      {
        incidentId: 'i1',
        kind: 'opened',
        atMs: Date.parse(AT) - SHIFT_MS,
        toldServices: ['cart', 'web'],
        toldFirst: { service: 'cart', operation: 'cart-op' },
        toldScore: 1,
        laterServices: null,
        finalServices: ['pay', 'cart'],
      },
      expect.objectContaining({ kind: 'reopened', atMs: Date.parse(AGAIN) - SHIFT_MS, toldServices: ['web'] }),
    ]);
  });

  const without = [
    { name: 'no webhook came', messages: [], told: [] },
    { name: 'the signature was wrong', messages: [message('incident.opened', AT, ['cart'], false)], told: [] },
    { name: 'the body is not a message', messages: [{ ...message('', AT, []), body: 'no' }], told: [] },
    { name: 'webhooks cannot be received', messages: null, told: ['pay', 'cart'] },
  ];
  it.each(without)('what was told when $name', ({ messages, told }) => {
    expect(alarmsOf([incident], messages, 0)[0]?.toldServices).toEqual(told);
  });
});

describe('countWebhooks', () => {
  it('counts by type', () => {
    const messages = [
      message('incident.opened', AT, []),
      message('incident.resolved', AGAIN, []),
      message('incident.resolved', AT, []),
      message('incident.opened', AGAIN, [], false),
      { ...message('channel.test', AT, []), body: { type: 'channel.test', timestamp: AT, data: { incident: null } } },
    ];
    expect(countWebhooks(messages)).toEqual({
      opened: 1,
      reopened: 0,
      another_cause: 0,
      escalated: 0,
      resolved: 2,
      unverified: 1,
      repeated: 0,
    });
  });

  it('tells a step that was told twice from two steps', () => {
    const twice = { ...message('incident.opened', AT, []), id: 'another' };
    const messages = [message('incident.opened', AT, []), twice, message('incident.opened', AGAIN, [])];
    expect(countWebhooks(messages)).toMatchObject({ opened: 2, repeated: 1 });
  });
});
