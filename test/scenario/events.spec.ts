import { describe, expect, it } from '@jest/globals';
import { PureRun } from '../../eval/pure-run.js';
import { MINUTE_MS } from '../../src/model/window.js';
import { shopLines, shopOperations, shopTraffic, type Talk } from '../support/shop.js';

const START = Date.parse('2026-03-02T09:00:00Z');
const minute = (m: number): number => START + m * MINUTE_MS;
const INFO = 9;
const ERROR = 17;

interface Told {
  minute: number;
  kind: string;
  cause: string;
  evidence: string;
}

/** Ordinary traffic of the shop whose spans never change; only what is written does. */
function live(
  talkAt: (atMs: number) => Talk,
  { toMs = minute(21), perWindow = 8 } = {},
): { told: Told[]; run: PureRun } {
  const windows = [...shopTraffic({ fromMs: START, toMs, perWindow })];
  const run = new PureRun(shopOperations());
  const told: Told[] = [];
  for (const { windowAtMs, spans } of windows) {
    for (const { incident, event } of run.feed(windowAtMs, spans, shopLines(spans, talkAt(windowAtMs)))) {
      if (event === null) continue;
      const [cause] = incident.causes;
      told.push({
        minute: (windowAtMs + 10_000 - START) / MINUTE_MS,
        kind: event.kind,
        cause: `${cause?.service} ${cause?.operation}`,
        evidence: cause?.evidence[0]?.text ?? '',
      });
    }
  }
  return { told, run };
}

/** Servers say what they do; one checkout in a hundred or so complains. */
const calm: Talk = (span, { service, kind }) => {
  if (kind !== 2) return [];
  const lines = [{ text: `${service} handled request {}`, severity: INFO }];
  const isUnlucky = service === 'checkout' && span.spanId.endsWith('7f');
  return isUnlucky ? [...lines, { text: 'voucher {} is not valid', severity: ERROR }] : lines;
};
const during =
  (talk: Talk, fromMinute = 12, toMinute = 16) =>
  (atMs: number) =>
    atMs >= minute(fromMinute) && atMs < minute(toMinute) ? talk : calm;

describe('what is written changes at minute 12 while the spans look the same', () => {
  const table: { name: string; talk: Talk; cause: string; evidence: RegExp }[] = [
    {
      name: 'cart starts throwing, and checkout writes about it too',
      talk: (span, operation) => [
        ...calm(span, operation),
        ...(operation.kind !== 2
          ? []
          : operation.service === 'cart'
            ? [{ text: 'NullPointerException in basket {}', severity: ERROR }]
            : operation.service === 'checkout'
              ? [{ text: 'could not read basket {}: 500 from cart', severity: ERROR }]
              : []),
      ],
      cause: 'cart GetCart',
      evidence: /log "NullPointerException in basket/,
    },
    {
      name: 'payment no longer says what it always said',
      talk: (span, operation) => (operation.service === 'payment' ? [] : calm(span, operation)),
      cause: 'payment Charge',
      evidence: /^0 % of spans log "payment handled request/,
    },
    {
      name: 'the errors of checkout explode',
      talk: (span, operation) =>
        operation.service === 'checkout' && operation.kind === 2 && parseInt(span.spanId.slice(-2), 16) < 100
          ? [...calm(span, operation), { text: 'voucher {} is not valid', severity: ERROR }]
          : calm(span, operation),
      cause: 'checkout PlaceOrder',
      evidence: /log "voucher .* is not valid"/,
    },
  ];
  it.each(table)('$name: one incident, the right cause first, one recovery', ({ talk, cause, evidence }) => {
    const { told } = live(during(talk));
    expect(told.filter((t) => t.kind !== 'escalated').map((t) => t.kind)).toEqual(['opened', 'resolved']);
    expect(told[0]!.minute).toBeGreaterThan(12);
    expect(told[0]!.minute).toBeLessThanOrEqual(13);
    expect(told[0]!.cause).toBe(cause);
    expect(told[0]!.evidence).toMatch(evidence);
    expect(told.at(-1)!.minute).toBeLessThanOrEqual(20);
  });

  it('is noticed in quiet services too, later', () => {
    const throwing: Talk = (span, operation) =>
      operation.service === 'cart' && operation.kind === 2
        ? [{ text: 'NullPointerException in basket {}', severity: ERROR }]
        : calm(span, operation);
    const { told } = live(during(throwing), { perWindow: 2 });
    expect(told[0]).toMatchObject({ kind: 'opened', cause: 'cart GetCart' });
    expect(told[0]!.minute).toBeLessThanOrEqual(14);
  });
});

describe('nothing is said', () => {
  const silent = (talk: (atMs: number) => Talk, options?: { toMs: number }) => {
    const { told, run } = live(talk, options);
    expect(told).toEqual([]);
    return run.findings.filter(({ signal }) => signal === 'events').map(({ reason }) => reason);
  };

  it('of ordinary lines', () => {
    silent(() => calm, { toMs: minute(40) });
  });

  it('of a deploy that words its lines anew and has new ones', () => {
    const deployed: Talk = (_span, { service, kind }) =>
      kind === 2
        ? [
            { text: `request {} was served by ${service} in the new way`, severity: INFO },
            { text: 'feature flag basket-v2 is on', severity: INFO },
          ]
        : [];
    expect(silent(during(deployed, 12, 99))).toContain('harmless');
  });

  it('of a service whose level is set to errors only', () => {
    const quiet: Talk = (span, operation) =>
      operation.service === 'frontend'
        ? calm(span, operation).filter(({ severity }) => severity >= ERROR)
        : calm(span, operation);
    expect(silent(during(quiet, 12, 99))).toContain('logging_changed');
  });

  it('of logs that do not arrive for three minutes', () => {
    silent(during(() => [], 12, 15));
  });

  it('of a single error', () => {
    silent(
      (atMs) => (span, operation) =>
        atMs === minute(12) && operation.service === 'cart' && span.spanId.endsWith('0')
          ? [...calm(span, operation), { text: 'NullPointerException in basket {}', severity: ERROR }]
          : calm(span, operation),
    );
  });

  it('while learning', () => {
    silent(
      during((span, operation) => [...calm(span, operation), { text: 'cannot begin {}', severity: ERROR }], 1, 2),
      {
        toMs: minute(2),
      },
    );
  });
});
