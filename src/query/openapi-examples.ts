/** Examples of what is sent, by the name of its schema: each is a body that can be sent as it stands. */
export const BODY_EXAMPLES: Readonly<Record<string, Readonly<Record<string, object>>>> = {
  TenantInput: { tenant: { name: 'team-payments' } },
  KeyInput: {
    collector: { name: 'collector', scopes: ['ingest'] },
    dashboard: { name: 'dashboard', scopes: ['read'], expiresAt: '2030-01-01T00:00:00Z' },
  },
  TenantLimitsInput: { limits: { spansPerSecond: 5_000, bytesPerSecond: null } },
  SpanNamesInput: { on: { normalise: true } },
  SpanNamesTryInput: { service: { service: 'checkout' } },
  RuleInput: {
    anomaly: { type: 'anomaly', name: 'payments', services: ['payment*'], minSeverity: 'info', sensitivity: 'high' },
    threshold: {
      type: 'threshold',
      name: 'checkout is slow',
      services: ['checkout'],
      measure: 'p99',
      window: '5m',
      above: 800,
      recoverAt: 600,
      minVolume: 50,
      for: '2m',
      annotations: { summary: '{{ labels.operation }} takes {{ value }} (limit {{ limit }})' },
      runbookUrl: 'https://wiki.example.com/checkout',
    },
    burn_rate: { type: 'burn_rate', name: 'budget', services: ['checkout'], objective: 0.999, period: '30d' },
    trace_match: {
      type: 'trace_match',
      name: 'a query in a loop',
      where: [
        { services: ['checkout'], kinds: ['server'] },
        {
          attributes: [{ key: 'db.system', value: 'postgresql' }],
          minCount: 20,
          relation: { is: 'descendant_of', filter: 0 },
        },
      ],
      minTraces: 3,
      window: '1m',
    },
    absence: { type: 'absence', name: 'nightly job', services: ['billing'], window: '26h', expectedWithin: '2d' },
    structural: { type: 'structural', name: 'a new dependency', change: 'new_call', services: ['checkout'] },
  },
  RulePatch: { severity: { minSeverity: 'critical' }, 'back to the default': { annotations: null } },
  BacktestInput: {
    threshold: {
      rule: {
        type: 'threshold',
        name: 'errors',
        services: ['checkout'],
        measure: 'error_rate',
        window: '1m',
        above: 0.05,
      },
      from: '2026-11-14T00:00:00Z',
      to: '2026-11-21T00:00:00Z',
    },
  },
  BacktestPeriod: { 'the last week': {}, 'a day': { from: '2026-11-20T00:00:00Z', to: '2026-11-21T00:00:00Z' } },
  ProposalDecision: { ann: { by: 'ann' } },
  FeedbackInput: { noise: { verdict: 'noise', by: 'ann', comment: 'happens at each deploy' } },
  AcknowledgeInput: { ann: { by: 'ann', comment: 'looking' } },
  AssignInput: { 'to bob': { by: 'ann', assignee: 'bob' }, 'to nobody': { by: 'ann', assignee: null } },
  CommentInput: { comment: { by: 'ann', comment: 'the cache was emptied at 03:05' } },
  RoutingInput: {
    'a team and a pager': {
      receivers: [{ name: 'team' }, { name: 'pager', channelIds: [] }],
      route: {
        receiver: 'team',
        groupBy: ['incident', 'alertname'],
        routes: [{ matchers: ['severity="critical"'], receiver: 'pager', groupWaitS: 0, continue: true }],
      },
    },
  },
  MuteTimeInput: {
    'working nights': {
      intervals: [
        { times: [{ start: '00:00', end: '06:00' }], weekdays: ['monday:friday'], location: 'Europe/Berlin' },
      ],
    },
  },
  InhibitionInput: {
    'critical silences warning': {
      name: 'critical first',
      source: ['severity="critical"'],
      target: ['severity="warning"'],
      equal: ['service'],
    },
  },
  SilenceInput: {
    deploy: {
      matchers: ['service="cart"', 'severity=~"info|warning"'],
      endsAt: '2030-01-01T00:00:00Z',
      createdBy: 'ann',
      comment: 'deploy',
    },
  },
  ChannelInput: {
    webhook: { type: 'webhook', name: 'receiver', url: 'https://hooks.example.com/', headers: { 'x-team': 'sre' } },
    'webhook with a body of its own': {
      type: 'webhook',
      name: 'chat',
      url: 'https://chat.example.com/hooks/1',
      template: '{"text": "{{text}}", "link": "{{links.more}}"}',
    },
    slack: { type: 'slack', name: 'on-call', url: 'https://hooks.slack.com/services/T0/B0/x' },
    slack_bot: { type: 'slack_bot', name: 'bot', token: 'xoxb-0-0-x', channel: '#on-call' },
    pagerduty: { type: 'pagerduty', name: 'pager', routingKey: '0123456789abcdef0123456789abcdef' },
    teams: { type: 'teams', name: 'teams', url: 'https://prod-01.westeurope.logic.azure.com/workflows/x' },
    discord: { type: 'discord', name: 'discord', url: 'https://discord.com/api/webhooks/1/x' },
    google_chat: { type: 'google_chat', name: 'space', url: 'https://chat.googleapis.com/v1/spaces/A/messages?key=x' },
    opsgenie: { type: 'opsgenie', name: 'opsgenie', apiKey: '00000000-0000-0000-0000-000000000000' },
    email: {
      type: 'email',
      name: 'mail',
      host: 'smtp.example.com',
      user: 'tracehound',
      password: 'secret',
      from: 'tracehound@example.com',
      to: ['oncall@example.com'],
    },
    alertmanager: { type: 'alertmanager', name: 'am', url: 'https://alertmanager.example.com' },
    alertmanager_webhook: { type: 'alertmanager_webhook', name: 'am-hook', url: 'https://receiver.example.com/' },
  },
  ChannelChange: { off: { enabled: false }, 'a new signing secret': { rotateSecret: true } },
};
