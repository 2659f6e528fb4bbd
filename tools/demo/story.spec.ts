import { describe, expect, it } from '@jest/globals';
import { messageLines, readMessage, summaryLines } from './story.js';

const incident = {
  id: 'i1',
  title: 'frontend / GET / p95 400 ms (normal 30 ms), cause: cart / GET /cart',
  severity: 'critical',
  causes: [
    { service: 'cart', operation: 'GET /cart', score: 0.92, evidence: [{ text: 'self time 302 ms (normal 1 ms)' }] },
    { service: 'evil\u001b[2J', operation: 'x\ny', score: 0.08, evidence: [] },
  ],
  affected: [
    { service: 'frontend', operation: 'GET /', signal: 'latency' },
    { service: 'frontend', operation: 'GET /', signal: 'errors' },
  ],
  exemplars: ['a'.repeat(32)],
  startedAt: '2026-11-21T03:11:40.000Z',
  compared: {
    ...{ service: 'frontend', operation: 'GET /', bad: 'slow', goodFrom: 'during', badN: 90, goodN: 90, tested: 9 },
    ...{ left: {}, through: '2026-11-21T03:12:00.000Z' },
  },
  correlations: [
    {
      ...{ scope: 'resource', service: 'cart', operation: null, key: 'host.name', value: 'h\u001b1' },
      ...{ badShare: 0.96, goodShare: 0.1, badN: 90, goodN: 90, effect: 0.86, oddsRatio: 190, q: 1e-30 },
      ...{ isSymptom: false, firstSeenAt: null, isNew: false, alsoAs: [], explainedBy: null },
    },
  ],
};
const body = { type: 'incident.opened', timestamp: 't', data: { reason: 'r', incident, links: {} } };

describe('readMessage', () => {
  it('reads messages about incidents only', () => {
    expect(readMessage(body)?.data.incident.id).toBe('i1');
    expect(readMessage({ type: 'channel.test', timestamp: 't', data: { reason: '', incident: null } })).toBeNull();
    expect(readMessage('no')).toBeNull();
  });
});

describe('messageLines', () => {
  it('tells cause, evidence and what is affected, without the control characters of a sender', () => {
    const message = readMessage(body);
    expect(message && messageLines(message)).toEqual([
      'incident.opened (critical): frontend / GET / p95 400 ms (normal 30 ms), cause: cart / GET /cart',
      '  cause 1: cart / GET /cart (92 % likely)',
      '           self time 302 ms (normal 1 ms)',
      '  cause 2: evil [2J / x y (8 % likely)',
      '  in common: cart host h 1: 96 % of slow traces, 10 % of others',
      '  affected: frontend / GET /',
      `  traces: ${'a'.repeat(32)}`,
    ]);
  });

  it('is short when it is over', () => {
    const message = readMessage({ ...body, type: 'incident.resolved' });
    expect(message && messageLines(message)).toHaveLength(1);
  });
});

describe('summaryLines', () => {
  const message = readMessage(body);
  const course = { victim: 'cart', brokenAtMs: 1000, repairedAtMs: 60_000, resolved: { atMs: 90_500 }, messages: 2 };
  it('gives the times that count', () => {
    const opened = message && { message, atMs: 26_400 };
    expect(summaryLines({ ...course, opened }).join('\n')).toMatch(
      /25\.4 s after the fault[^]*cart \/ GET \/cart \(it was cart\)[^]*30\.5 s after the repair/,
    );
  });

  it('owns up to a fault that was not noticed', () => {
    expect(summaryLines({ ...course, opened: null }).join('\n')).toContain('not noticed');
  });
});
