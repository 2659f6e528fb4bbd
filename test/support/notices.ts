import type { AlertFigures } from '../../src/model/alert.js';
import { incidentView } from '../../src/model/incident-view.js';
import type { Incident, IncidentEventKind } from '../../src/model/incident.js';
import type { Notice, NoticeAlert } from '../../src/model/notice.js';

export const BEGAN_MS = Date.parse('2026-11-21T03:11:40Z');
export const TRACE_ID = 'aa'.repeat(16);
export const INCIDENT_ID = '0b54a7a6-8d4e-4e63-9be6-0c7d7f6f1a11';

/** Names that a sender of spans might give in order to ping, to link, to hide or to break something. */
export const HOSTILE: readonly string[] = [
  '<!channel>',
  '<!here|x>',
  '<@U012AB>',
  '<users/all>',
  '<at>everyone</at>',
  '@everyone @here',
  '<@&123456789012345678>',
  '<https://evil.example|x>',
  '[click](http://evil.example)',
  '![x](http://evil.example/p.png)',
  'http://evil.example https://evil.example/x',
  'discord.gg/evil',
  '*bold* _it_ ~no~ `code` ```pre``` ||spoiler|| > quote # head',
  ':boom: @here #general',
  '\u202Egnp.exe',
  'zero\u200Bwidth\u200D\uFEFF',
  'a\r\nBcc: victim@example.com\r\n\r\nbody',
  'a\u2028b\u0000\u001b[31m',
  '<script>alert(1)</script><img src=x onerror=alert(1)>',
  '"><a href="http://evil.example">x</a>',
  "' onmouseover='alert(1)",
  '&lt;!channel&gt; &amp; &#60;b&#62;',
  '=cmd|calc',
  '{{template}} {{DATE(2026-01-01,SHORT)}}',
  '🛒'.repeat(5_000),
  '<&>'.repeat(5_000),
  '',
];

/** An incident at one step of its life, with `name` wherever a sender's text may stand. */
export function incidentNotice(
  kind: IncidentEventKind = 'opened',
  change: Partial<Notice> = {},
  name?: string,
): Notice {
  const over = kind === 'resolved';
  const figures = { observed: 1_900_000, expected: 240_000, unit: 'us', n: 50 } as const;
  const incident: Incident = {
    id: INCIDENT_ID,
    tenantId: 1,
    state: over ? 'resolved' : 'open',
    severity: 'critical',
    startedMs: BEGAN_MS,
    openedMs: BEGAN_MS + 20_000,
    lastSeenMs: BEGAN_MS + 720_000,
    resolvedMs: over ? BEGAN_MS + 900_000 : null,
    quietWindows: 0,
    flaps: 0,
    causes: [
      {
        operationId: 7,
        service: name ?? 'cart',
        operation: name ?? 'GetCart',
        score: 0.92,
        evidence: [{ kind: 'self_time', text: name ?? 'self time +1.6 s', ...figures, share: 0.9 }],
        exemplars: [TRACE_ID],
      },
    ],
    affected: [
      {
        operationId: 8,
        service: name ?? 'checkout',
        operation: name ?? 'PlaceOrder',
        signal: 'latency',
        quantile: 0.95,
        ...figures,
        score: 9,
        sinceMs: BEGAN_MS,
      },
    ],
    exemplars: [TRACE_ID],
  };
  const version = {
    scope: 'resource',
    service: name ?? 'cart',
    operation: null,
    key: name ?? 'service.version',
    value: name ?? '2.4.1',
  } as const;
  return {
    type: `incident.${kind}`,
    timestamp: new Date(BEGAN_MS + 20_000).toISOString(),
    reason: name ?? 'two windows in a row deviate',
    incident: {
      ...incidentView(incident),
      compared: {
        service: name ?? 'checkout',
        operation: name ?? 'PlaceOrder',
        bad: 'slow',
        goodFrom: 'during',
        badN: 200,
        goodN: 200,
        tested: 40,
        left: {},
        through: new Date(BEGAN_MS + 20_000).toISOString(),
      },
      comparisonReason: 'why',
      correlations: [
        {
          ...version,
          badShare: 0.96,
          goodShare: 0.113,
          badN: 200,
          goodN: 200,
          effect: 0.847,
          oddsRatio: 190,
          q: 1e-60,
          isSymptom: false,
          firstSeenAt: null,
          isNew: false,
          alsoAs: [],
          explainedBy: null,
        },
      ],
    },
    ...change,
  };
}

/** An alert of a rule, with `name` wherever a sender's text may stand. */
export function noticeAlert(change: Partial<NoticeAlert> = {}, name?: string): NoticeAlert {
  const figures: AlertFigures = { observed: 1_900_000, expected: 500_000, unit: 'us', n: 50 };
  return {
    status: 'firing',
    labels: {
      alertname: name ?? 'CheckoutSlow',
      severity: 'critical',
      service: name ?? 'checkout',
      operation: name ?? 'PlaceOrder',
      team: name ?? 'shop',
    },
    annotations: { summary: name ?? 'checkout is slow', runbook_url: 'https://runbooks.example.com/checkout' },
    startsAt: new Date(BEGAN_MS).toISOString(),
    endsAt: null,
    generatorUrl: null,
    fingerprint: 'f00dfeedcafe0001',
    figures,
    exemplars: [TRACE_ID],
    ruleId: 'b54a7a60-8d4e-4e63-9be6-0c7d7f6f1a11',
    ruleName: name ?? 'checkout latency',
    ...change,
  };
}

/** A message about alerts of a rule that knows no incident. */
export function alertNotice(alerts: NoticeAlert[] = [noticeAlert()], change: Partial<Notice> = {}): Notice {
  const firing = alerts.some(({ status }) => status === 'firing');
  return {
    type: firing ? 'alert.firing' : 'alert.resolved',
    timestamp: new Date(BEGAN_MS + 20_000).toISOString(),
    reason: 'the limit was exceeded for 2 min',
    incident: null,
    alerts,
    group: {
      key: '{}:{alertname="CheckoutSlow"}',
      receiver: 'default',
      labels: { alertname: 'CheckoutSlow' },
      commonLabels: alerts[0]?.labels ?? {},
      commonAnnotations: alerts[0]?.annotations ?? {},
      notificationReason: firing ? 'first' : 'all_resolved',
    },
    ...change,
  };
}
