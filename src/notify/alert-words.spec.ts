import { describe, expect, it } from '@jest/globals';
import {
  alertNotice,
  BEGAN_MS,
  HOSTILE,
  INCIDENT_ID,
  incidentNotice,
  noticeAlert,
  TRACE_ID,
} from '../../test/support/notices.js';
import type { Notice } from '../model/notice.js';
import { composeMessage } from './message.js';
import { slackPayload } from './slack-payload.js';
import { webhookPayload } from './webhook-payload.js';

const message = (notice: Notice) => composeMessage('id-1', notice, 'https://trace.example.com/');
const ended = { status: 'resolved', endsAt: new Date(BEGAN_MS + 300_000).toISOString() } as const;

describe('a notice with alerts and without an incident', () => {
  it('says what, how bad, since when, and observed against expected', () => {
    expect(message(alertNotice())).toMatchObject({
      groupKey: '{}:{alertname="CheckoutSlow"}',
      status: 'firing',
      severity: 'critical',
      title: 'Firing: CheckoutSlow at checkout / PlaceOrder',
      text: 'Firing: CheckoutSlow at checkout / PlaceOrder since 03:11:40 UTC. checkout is slow.',
      facts: ['severity critical', 'since 03:11:40 UTC'],
      alerts: [
        'firing CheckoutSlow at checkout / PlaceOrder: 1.9 s (expected 500 ms), n 50, since 03:11:40 UTC, team=shop',
      ],
      links: {
        incident: null,
        more: 'https://trace.example.com/api/v1/alerts',
        traces: [`https://trace.example.com/api/v1/traces/${TRACE_ID}`],
        runbook: 'https://runbooks.example.com/checkout',
      },
    });
  });

  it('says how long it lasted when all are resolved', () => {
    expect(message(alertNotice([noticeAlert(ended)]))).toMatchObject({
      status: 'resolved',
      title: 'Resolved: CheckoutSlow at checkout / PlaceOrder',
      text: expect.stringContaining('from 03:11:40 UTC for 5 min.'),
    });
  });

  it('counts what it leaves out, and names first what fires', () => {
    const alerts = [
      noticeAlert({ ...ended, labels: { alertname: 'Quiet' } }),
      ...Array.from({ length: 14 }, () => noticeAlert()),
    ];
    const { title, alerts: lines, facts } = message(alertNotice(alerts, { truncatedAlerts: 5 }));
    expect(title).toBe('Firing: CheckoutSlow at checkout / PlaceOrder and 18 more');
    expect(lines).toHaveLength(11);
    expect(lines.at(-1)).toBe('and 10 more');
    expect(facts).toContain('14 firing, 1 resolved');
  });

  it.each([
    ['new_alerts', 'more alerts'],
    ['repeat', 'still firing: told again'],
    ['escalation', 'nobody acknowledged it: escalated'],
  ] as const)('says why it comes again: %s', (notificationReason, said) => {
    const notice = alertNotice();
    if (!notice.group) throw new Error('no group');
    expect(message({ ...notice, group: { ...notice.group, notificationReason } }).facts).toContain(said);
  });

  it.each([
    'javascript:alert(1)',
    'https://a.example/|x>',
    'x',
    `https://a.example/${'x'.repeat(3_000)}`,
    `https://a.example/${"'".repeat(1_500)}`,
  ])('links only to what is a plain web address: %s', (url) => {
    const { links } = message(
      alertNotice([noticeAlert({ generatorUrl: url, annotations: { runbook_url: url } })], {
        links: { acknowledge: url, silence: null, feedback: null },
      }),
    );
    for (const link of [links.more, links.runbook ?? '', links.acknowledge ?? '']) {
      expect(link).toMatch(/^(https?:\/\/[^()<>|"'`\\\s]{1,2000})?$/);
    }
  });

  it('does with alerts from outside, which promise nothing', () => {
    const bare = noticeAlert({ labels: {}, annotations: {}, startsAt: 'never', figures: null, ruleId: null });
    expect(message(alertNotice([{ ...bare, ruleName: '' }])).text).toBe('Firing: (no name) since an unknown time.');
  });

  it('names what a rule of another kind measures', () => {
    const line = (unit: 'burn_rate' | 'apdex' | 'seconds' | 'traces' | 'per_second') =>
      message(alertNotice([noticeAlert({ figures: { observed: 14.4, expected: null, unit, n: 9 } })])).alerts[0];
    expect(line('burn_rate')).toContain('14.4 times the budget');
    expect(line('traces')).toContain('14.4 traces');
    expect(line('seconds')).toContain('14.4 s');
    expect(line('per_second')).toContain('14.4 per s');
    expect(line('apdex')).toContain('Apdex 14.4');
  });

  it.each(HOSTILE)('lets no text do anything: %j', (name) => {
    const told = message(
      alertNotice([noticeAlert({}, name)], { links: { acknowledge: null, silence: null, feedback: null } }),
    );
    for (const text of [told.title, told.text, ...told.facts, ...told.alerts]) {
      expect(text).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
    }
    const { text, blocks } = slackPayload(told);
    expect(text).not.toMatch(/[<>]/);
    expect(JSON.stringify(blocks)).not.toMatch(/<[!@#]/);
    const body = webhookPayload(told);
    expect(Buffer.byteLength(body)).toBeLessThan(20_000);
  });
});

describe('a notice with an incident and the alerts that speak of it', () => {
  it('leads to pages that open without a key where there are any', () => {
    const pages = { incident: 'https://t.example/see/1', traces: ['https://t.example/see/2'] };
    const links = { acknowledge: null, silence: null, feedback: null };
    expect(message(incidentNotice('opened', { links: { ...links, ...pages } })).links).toMatchObject({
      ...pages,
      more: pages.incident,
    });
    expect(message(alertNotice([noticeAlert()], { links: { ...links, traces: pages.traces } })).links.traces).toEqual(
      pages.traces,
    );
    const alert = 'https://t.example/see/3';
    const more = (change: object) =>
      message(alertNotice([noticeAlert(change)], { links: { ...links, alert } })).links.more;
    expect(more({})).toBe(alert);
    expect(more({ generatorUrl: 'https://trace.example.com/api/v1/rules/1' })).toBe(alert);
    expect(more({ generatorUrl: 'https://prom.example.com/graph', ruleId: null })).toBe(
      'https://prom.example.com/graph',
    );
    expect(message(incidentNotice('opened', { links: { ...links, incident: null, traces: [] } })).links).toMatchObject({
      incident: `https://trace.example.com/api/v1/incidents/${INCIDENT_ID}`,
      traces: [`https://trace.example.com/api/v1/traces/${TRACE_ID}`],
    });
  });

  it.each([
    [604_800, 'this week'],
    [172_800, 'within 2 days'],
    [3_600, 'within 1 h'],
  ])('says that it keeps coming (%i s)', (withinS, within) => {
    const frequent = { times: 14, withinS, mutedUntil: '2026-11-22T03:12:00.000Z' };
    expect(message(incidentNotice('opened', { frequent })).facts).toContain(
      `happened 14 times ${within}: muted until 2026-11-22 03:12:00 UTC unless it gets clearly worse`,
    );
  });

  it('says which versions are at work, and who calls what fires', () => {
    const versions = [{ service: 'cart', key: 'service.version', value: '2.4.1', since: '2026-11-21T03:05:10.000Z' }];
    const fact = 'cart version 2.4.1, first seen 2026-11-21 03:05 UTC';
    expect(message(incidentNotice('opened', { versions })).facts).toContain(fact);
    const callers = [{ service: 'web', operation: 'GET /', calls: 12 }];
    const told = message(alertNotice([noticeAlert()], { versions, callers }));
    expect(told.facts).toContain(fact);
    expect(told.affected).toEqual(['web / GET / calls it: 12 calls seen in 5 min']);
    const rare = message(alertNotice([noticeAlert()], { callers: [{ service: 'web', operation: 'GET /', calls: 1 }] }));
    expect(rare.affected).toEqual(['web / GET / calls it: 1 call seen in 5 min']);
  });

  it('tells of the incident, with what the group adds', () => {
    const group = { ...alertNotice().group!, notificationReason: 'repeat' } as const;
    const links = {
      acknowledge: 'https://t.example/act/1',
      silence: 'https://t.example/act/2',
      feedback: 'https://t.example/act/3',
    };
    expect(
      message(incidentNotice('opened', { type: 'alert.firing', alerts: [noticeAlert()], group, links })),
    ).toMatchObject({
      groupKey: group.key,
      status: 'firing',
      severity: 'critical',
      title: 'Firing: checkout / PlaceOrder p95 1.9 s (normal 240 ms), cause: cart / GetCart',
      facts: expect.arrayContaining(['still firing: told again']),
      links: { ...links, runbook: 'https://runbooks.example.com/checkout' },
    });
    expect(message(incidentNotice('resolved', { type: 'alert.resolved' }))).toMatchObject({ status: 'resolved' });
  });
});

describe('every channel of before', () => {
  it('tells alerts: Slack', () => {
    const { blocks } = slackPayload(
      message(
        alertNotice([noticeAlert()], {
          links: { acknowledge: 'https://t.example/act/1', silence: null, feedback: null },
        }),
      ),
    );
    expect(blocks.map((block) => (block.type === 'context' ? block.elements[0]?.text : block.text.text))).toEqual([
      'Firing: CheckoutSlow at checkout / PlaceOrder',
      'severity critical · since 03:11:40 UTC',
      '• `firing CheckoutSlow at checkout / PlaceOrder: 1.9 s (expected 500 ms), n 50, since 03:11:40 UTC, team=shop`',
      `<https://trace.example.com/api/v1/alerts|more> · <https://trace.example.com/api/v1/traces/${TRACE_ID}|trace 1>` +
        ' · <https://runbooks.example.com/checkout|runbook>',
      '<https://t.example/act/1|acknowledge>',
    ]);
  });

  it('tells alerts: webhook', () => {
    expect(JSON.parse(webhookPayload(message(alertNotice())))).toMatchObject({
      type: 'alert.firing',
      data: {
        incident: null,
        alerts: [{ status: 'firing', labels: { team: 'shop' }, figures: { observed: 1_900_000 } }],
        truncatedAlerts: 0,
        group: { notificationReason: 'first' },
      },
    });
  });

  it('tells a statement', () => {
    const notice: Notice = {
      type: 'channel.failing',
      timestamp: '2026-11-21T03:12:00.000Z',
      reason: 'failing for 15 min',
      incident: null,
      statement: { title: 'ops', lines: ['the receiver answered 500'], path: '/api/v1/channels' },
    };
    expect(message(notice)).toMatchObject({
      status: 'info',
      title: 'Channel failing: ops',
      alerts: ['the receiver answered 500'],
      links: { more: 'https://trace.example.com/api/v1/channels' },
    });
    expect(JSON.parse(webhookPayload(message(notice)))).toMatchObject({
      type: 'channel.failing',
      data: { statement: { title: 'ops', lines: ['the receiver answered 500'] } },
    });
  });
});
