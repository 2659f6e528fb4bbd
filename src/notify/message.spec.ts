import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { CorrelationView, ComparisonView } from '../model/correlation-view.js';
import type { Incident, IncidentEventKind } from '../model/incident.js';
import { incidentView } from '../model/incident-view.js';
import { composeMessage, type Message } from './message.js';
import { slackPayload, type SlackBlock } from './slack-payload.js';
import { webhookPayload } from './webhook-payload.js';

const BEGAN = Date.parse('2026-11-21T03:11:40Z');
const TRACE = 'aa'.repeat(16);

function incident(change: Partial<Incident> = {}): Incident {
  return {
    id: '0b54a7a6-8d4e-4e63-9be6-0c7d7f6f1a11',
    tenantId: 1,
    state: 'open',
    severity: 'critical',
    startedMs: BEGAN,
    openedMs: BEGAN + 20_000,
    lastSeenMs: BEGAN + 720_000,
    resolvedMs: null,
    quietWindows: 0,
    flaps: 0,
    causes: [cause('cart', 'GetCart', 0.92, 'self time +1.6 s')],
    affected: [affected('cart', 'GetCart', 20), affected('checkout', 'PlaceOrder', 9)],
    exemplars: [TRACE],
    ...change,
  };
}

function cause(service: string, operation: string, score: number, text: string) {
  const evidence = { kind: 'self_time', text, observed: 1.7e6, expected: 1e5, unit: 'us', n: 40, share: 0.9 } as const;
  return { operationId: 7, service, operation, score, evidence: [evidence], exemplars: [TRACE] };
}

function affected(service: string, operation: string, score: number) {
  const figures = {
    quantile: 0.95,
    observed: 1_900_000,
    expected: 240_000,
    unit: 'us',
    n: 50,
    score,
    sinceMs: BEGAN,
  } as const;
  return { operationId: score === 20 ? 7 : 8, service, operation, signal: 'latency', ...figures } as const;
}

const COMPARED: ComparisonView = {
  service: 'checkout',
  operation: 'PlaceOrder',
  bad: 'slow',
  goodFrom: 'during',
  badN: 200,
  goodN: 200,
  tested: 40,
  left: {},
  through: '2026-11-21T03:12:00.000Z',
};

function correlation(value: string, change: Partial<CorrelationView> = {}): CorrelationView {
  return {
    scope: 'resource',
    service: 'cart',
    operation: null,
    key: 'service.version',
    value,
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
    ...change,
  };
}

function message(
  kind: IncidentEventKind = 'opened',
  change: Partial<Incident> = {},
  correlations: CorrelationView[] = [],
  compared: Partial<ComparisonView> = {},
): Message {
  const found = { compared: { ...COMPARED, ...compared }, comparisonReason: 'why', correlations };
  const view = { ...incidentView(incident(change)), ...found };
  const notice = {
    type: `incident.${kind}`,
    timestamp: '2026-11-21T03:12:00.000Z',
    reason: 'why',
    incident: view,
  } as const;
  return composeMessage('id-1', notice, 'https://trace.example.com/');
}

describe('composeMessage', () => {
  it('says what, how much, since when, and who is to blame', () => {
    expect(message()).toMatchObject({
      title: 'Opened: checkout / PlaceOrder p95 1.9 s (normal 240 ms), cause: cart / GetCart',
      text:
        'Opened: checkout / PlaceOrder p95 1.9 s (normal 240 ms) since 03:11:40 UTC. ' +
        'Cause: cart / GetCart (92 % likely): self time +1.6 s.',
      affected: ['cart / GetCart p95 1.9 s (normal 240 ms)', 'checkout / PlaceOrder p95 1.9 s (normal 240 ms)'],
      links: {
        incident: 'https://trace.example.com/api/v1/incidents/0b54a7a6-8d4e-4e63-9be6-0c7d7f6f1a11',
        traces: [`https://trace.example.com/api/v1/traces/${TRACE}`],
      },
    });
  });

  it('names what users feel before what programs log about it', () => {
    const log = { ...affected('checkout', 'PlaceOrder', 30), signal: 'events', quantile: null } as const;
    const felt = { ...affected('web', 'GET /', 9), signal: 'errors', quantile: null, unit: 'ratio' } as const;
    expect(message('opened', { affected: [log, felt] }).text).toMatch(/^Opened: web \/ GET \/ errors /);
    expect(message('opened', { affected: [log] }).text).toMatch(/^Opened: checkout \/ PlaceOrder log events /);
  });

  it('names the services that suffer besides', () => {
    const services = ['cart', 'checkout', 'web', 'shop', 'admin', 'app', 'api'];
    const { text } = message('opened', { affected: services.map((service, i) => affected(service, 'op', 30 - i)) });
    expect(text).toMatch(/ Also affected: checkout, web, shop, admin, and 2 more\.$/);
  });

  it('says how long it lasted when it is over', () => {
    const over = message('resolved', { state: 'resolved', resolvedMs: BEGAN + 900_000, flaps: 2 });
    expect(over.text).toContain('from 03:11:40 UTC for 12 min.');
    expect(over.facts).toEqual([
      'severity critical',
      'began 2026-11-21 03:11:40 UTC',
      'resolved 2026-11-21 03:26:40 UTC',
      'lasted 12 min',
      'came back 2 times',
    ]);
    expect(message('reopened', { flaps: 1 }).facts).toContain('came back once');
  });

  it('names what deviates in words, not in those of the program', () => {
    const own = { ...affected('cart', 'GetCart', 20), signal: 'self_time' } as const;
    const gap = { ...affected('cart', 'GetCart', 20), signal: 'gap' } as const;
    expect(message('opened', { affected: [own, gap] }).affected).toEqual([
      'cart / GetCart own time p95 1.9 s (normal 240 ms)',
      'cart / GetCart time on the way p95 1.9 s (normal 240 ms)',
    ]);
  });

  it('says what the bad traces have in common, three lines at most', () => {
    const pod = correlation('cart-7f9', { key: 'k8s.pod.name' });
    const all = [
      correlation('2.4.1', { isNew: true, firstSeenAt: '2026-11-21T03:09:12.000Z', alsoAs: [pod] }),
      correlation('acme', { scope: 'span', service: 'web', operation: 'GET /', key: 'tenant', badShare: 0.7 }),
      { ...pod, explainedBy: 0 },
      correlation('Timeout', { scope: 'event', operation: 'GetCart', key: 'exception.type', isSymptom: true }),
      correlation('eu', { key: 'cloud.region' }),
    ];
    const { correlations, text } = message('opened', {}, all);
    expect(correlations).toEqual([
      'cart version 2.4.1, pod cart-7f9: 96 % of slow traces, 11 % of others; first seen 03:09 UTC',
      'tenant acme at web / GET /: 70 % of slow traces, 11 % of others',
      'exception.type Timeout at cart / GetCart: 96 % of slow traces, 11 % of others',
    ]);
    expect(text).toContain(` ${correlations[0]}.`);
  });

  it('says in one line what may be why, not that what failed has failed', () => {
    const symptom = correlation('500', { scope: 'span', operation: 'GetCart', key: 'http.status', isSymptom: true });
    const event = correlation('retry', { scope: 'event', operation: 'GetCart', key: 'name' });
    const { correlations, text } = message('opened', {}, [symptom, event]);
    expect(correlations).toHaveLength(2);
    expect(text).toContain('event retry at cart / GetCart: 96 % of slow traces');
    expect(text).not.toContain('http.status 500');
  });

  it.each([
    [{ bad: 'failed' }, '96 % of failed traces, 11 % of others'],
    [{ bad: 'lacking_call' }, '96 % of traces without the call, 11 % of others'],
    [{ bad: 'repeating_call' }, '96 % of traces with more calls, 11 % of others'],
    [{ bad: 'now', goodFrom: 'before' }, '96 % of traces since then, 11 % of those before'],
    [{ goodFrom: 'during_and_before' }, '96 % of slow traces, 11 % of others and those before'],
  ] as const)('says which traces %j are', (compared, shares) => {
    const yesterday = correlation('2', { isNew: true, firstSeenAt: '2026-11-20T23:50:00.000Z' });
    expect(message('opened', {}, [yesterday], compared).correlations).toEqual([
      `cart version 2: ${shares}; first seen 2026-11-20 23:50 UTC`,
    ]);
  });

  it('puts a message of an earlier version into words too', () => {
    const notice = {
      type: 'incident.opened',
      timestamp: 't',
      reason: 'r',
      incident: incidentView(incident()),
    } as const;
    const early = composeMessage('id', notice, 'http://x');
    expect(early.correlations).toEqual([]);
    expect(JSON.parse(webhookPayload(early))).toMatchObject({ data: { incident: { correlations: [] } } });
  });

  it('does without causes, figures and traces', () => {
    const bare = message('opened', { causes: [], affected: [], exemplars: [] });
    expect(bare.text).toBe('Opened: incident without figures since 03:11:40 UTC.');
    expect(bare.links.traces).toEqual([]);
  });

  it('puts only trace ids into links', () => {
    expect(
      message('opened', { causes: [], exemplars: ['../../admin', TRACE.toUpperCase(), TRACE] }).links.traces,
    ).toHaveLength(1);
  });

  it('counts what it leaves out', () => {
    const many = message('opened', { affected: Array.from({ length: 11 }, (_, i) => affected(`s${i}`, 'op', 9)) });
    expect(many.affected).toHaveLength(9);
    expect(many.affected.at(-1)).toBe('and 3 more');
  });
});

const HOSTILE = [
  '<!channel>',
  '<!here|x>',
  '<@U012AB>',
  '<https://evil.example|x>',
  '*bold* _it_ ~no~ `code` ```pre```',
  ':boom: @here #general http://evil.example',
  '\u202Egnp.exe',
  'a\r\nb\u2028c\u0000\u001b[31m',
  '&lt;!channel&gt; &amp;',
  '=cmd|calc',
  '{{template}}',
  '🛒'.repeat(50_000),
  '<&>'.repeat(33_334),
];
const hostile = fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: 'binary', maxLength: 300 }));

function hostileMessage(names: string[], count: number, kind: IncidentEventKind): Message {
  const pick = (i: number) => names[i % names.length] ?? '';
  const found = Array.from({ length: 2 * count }, (_, i) =>
    correlation(pick(i), {
      scope: i % 2 === 0 ? 'resource' : 'span',
      service: pick(i + 1),
      operation: i % 2 === 0 ? null : pick(i + 2),
      key: pick(i + 3),
      alsoAs: [correlation(pick(i + 4), { service: pick(i + 1) }), correlation(pick(i + 1), { service: pick(i) })],
    }),
  );
  const change = {
    causes: Array.from({ length: count }, (_, i) => ({
      ...cause(pick(i), pick(i + 1), 0.5, pick(i + 2)),
      evidence: Array.from({ length: 6 }, () => cause('', '', 1, pick(i + 3)).evidence[0]).filter(
        (each) => each !== undefined,
      ),
    })),
    affected: Array.from({ length: 10 * count }, (_, i) => affected(pick(i), pick(i + 1), i)),
    exemplars: Array.from({ length: count }, () => TRACE),
  };
  return message(kind, change, found, { service: pick(0), operation: pick(1) });
}

function texts(block: SlackBlock) {
  return block.type === 'context' ? block.elements : [block.text];
}

describe('slackPayload', () => {
  it('reads well', () => {
    const { text, blocks } = slackPayload(message());
    expect(text).toBe(message().text);
    expect(blocks.flatMap(texts).map((each) => each.text)).toEqual([
      'Opened: checkout / PlaceOrder p95 1.9 s (normal 240 ms), cause: cart / GetCart',
      'severity critical · began 2026-11-21 03:11:40 UTC',
      '*Cause* `cart / GetCart` (92 % likely)\n• `self time +1.6 s`',
      '*Affected*\n• `cart / GetCart p95 1.9 s (normal 240 ms)`\n• `checkout / PlaceOrder p95 1.9 s (normal 240 ms)`',
      `<https://trace.example.com/api/v1/incidents/0b54a7a6-8d4e-4e63-9be6-0c7d7f6f1a11|incident> · <https://trace.example.com/api/v1/traces/${TRACE}|trace 1>`,
    ]);
  });

  it('stays within the limits of Slack and lets no name act as markup', () => {
    const names = fc.array(hostile, { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(names, fc.integer({ min: 0, max: 8 }), fc.constantFrom('opened', 'resolved'), (all, count, kind) => {
        const { text, blocks } = slackPayload(hostileMessage(all, count, kind));
        expect(blocks.length).toBeLessThanOrEqual(50);
        expect(text.length).toBeLessThanOrEqual(3_000);
        expect(text).not.toMatch(/[<>]/);
        let total = 0;
        for (const block of blocks) {
          for (const object of texts(block)) {
            total += object.text.length;
            expect(object.text.length).toBeGreaterThan(0);
            expect(object.text.length).toBeLessThanOrEqual(block.type === 'header' ? 150 : 3_000);
            expect(object.text).not.toMatch(/[\p{Cs}\p{Cf}\p{Zl}]|[^\P{Cc}\n]/u);
            if (object.type === 'plain_text') expect(object.text).not.toMatch(/[<>]/);
            else expectOnlyOurMarkup(object.text);
          }
        }
        expect(total).toBeLessThan(13_000);
      }),
      { numRuns: 150 },
    );
  });
});

/** Outside code spans only our own words and links may stand; inside, no bracket, bare ampersand or backtick. */
function expectOnlyOurMarkup(markup: string): void {
  for (const [index, part] of markup.split('`').entries()) {
    if (index % 2 === 1) {
      expect(part).not.toMatch(/[<>]|&(?!amp;|lt;|gt;)|\n/);
    } else {
      const ours = part.replace(/<https:\/\/trace\.example\.com\/[\w/.-]+\|(incident|trace \d)>/g, '');
      expect(ours).toMatch(
        /^(\*(Cause|Or|In common|Affected)\*|and|more|likely|severity|critical|began|resolved|lasted|min|UTC|[\d:().% \n•·-])*$/,
      );
    }
  }
  expect(markup.split('`').length % 2).toBe(1);
}

describe('webhookPayload', () => {
  it('carries type, timestamp and data', () => {
    const body = JSON.parse(webhookPayload(message())) as Record<string, unknown>;
    expect(Object.keys(body)).toEqual(['type', 'timestamp', 'data']);
    expect(body).toMatchObject({
      type: 'incident.opened',
      timestamp: '2026-11-21T03:12:00.000Z',
      data: {
        reason: 'why',
        incident: { ...incidentView(incident()), compared: COMPARED, correlations: [] },
        links: message().links,
      },
    });
  });

  it('says of a test that it is one', () => {
    const test = composeMessage(
      'id',
      { type: 'channel.test', timestamp: 't', reason: 'asked for', incident: null },
      'http://x',
    );
    expect(JSON.parse(webhookPayload(test))).toMatchObject({ type: 'channel.test', data: { incident: null } });
    expect(slackPayload(test).blocks[0]).toMatchObject({ text: { text: 'Test: Tracehound can reach this channel' } });
  });

  it('stays below 20 kB whatever the names', () => {
    fc.assert(
      fc.property(
        fc.array(hostile, { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 0, max: 20 }),
        (names, count) => {
          const body = webhookPayload(hostileMessage(names, count, 'opened'));
          expect(Buffer.byteLength(body)).toBeLessThan(20_000);
          expect(JSON.parse(body)).toMatchObject({ type: 'incident.opened' });
        },
      ),
      { numRuns: 100 },
    );
  });
});
