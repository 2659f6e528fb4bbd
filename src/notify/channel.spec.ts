import { describe, expect, it } from '@jest/globals';
import { classify, parseRetryAfter } from './channel.js';

const NOW = Date.parse('2026-11-21T03:11:40Z');

describe('classify', () => {
  const cases: { status: number; kind: string; retryAfter?: string; retryAfterS?: number }[] = [
    { status: 200, kind: 'sent' },
    { status: 204, kind: 'sent' },
    { status: 299, kind: 'sent' },
    { status: 301, kind: 'failed' },
    { status: 307, kind: 'failed' },
    { status: 400, kind: 'failed' },
    { status: 401, kind: 'failed' },
    { status: 404, kind: 'failed' },
    { status: 408, kind: 'retry' },
    { status: 410, kind: 'gone' },
    { status: 425, kind: 'retry' },
    { status: 429, kind: 'retry', retryAfter: '7', retryAfterS: 7 },
    { status: 429, kind: 'retry', retryAfter: 'Sat, 21 Nov 2026 03:12:00 GMT', retryAfterS: 20 },
    { status: 500, kind: 'retry' },
    { status: 503, kind: 'retry', retryAfter: '99999', retryAfterS: 3_600 },
    { status: 599, kind: 'retry' },
  ];
  it.each(cases)('$status $retryAfter: $kind $retryAfterS', ({ status, kind, retryAfter, retryAfterS }) => {
    const outcome = classify({ status, retryAfter, bodyStart: 'secret' }, NOW);
    expect(outcome).toMatchObject({ kind, status, ...(retryAfterS !== undefined && { retryAfterS }) });
    expect(JSON.stringify(outcome)).not.toContain('secret');
    if (retryAfterS === undefined) expect(outcome).not.toHaveProperty('retryAfterS');
  });

  it('tries again when no answer came, unless that cannot change', () => {
    const answer = { status: null, reason: 'the connection was refused', permanent: false } as const;
    expect(classify(answer, NOW)).toEqual({ kind: 'retry', status: null, reason: 'the connection was refused' });
    expect(classify({ ...answer, permanent: true }, NOW).kind).toBe('failed');
  });
});

describe('parseRetryAfter', () => {
  const cases: { header: string | undefined; expected: number | undefined }[] = [
    { header: undefined, expected: undefined },
    { header: '', expected: undefined },
    { header: '0', expected: 1 },
    { header: ' 30 ', expected: 30 },
    { header: '-5', expected: undefined },
    { header: '1e9', expected: undefined },
    { header: '9'.repeat(400), expected: 3_600 },
    { header: 'soon', expected: undefined },
    { header: 'Sat, 21 Nov 2026 03:11:41 GMT', expected: 1 },
    { header: 'Saturday, 21-Nov-26 03:13:40 GMT', expected: 120 },
    { header: 'Sat, 21 Nov 2026 02:00:00 GMT', expected: 1 },
    { header: 'Sun, 21 Nov 2027 03:11:40 GMT', expected: 3_600 },
  ];
  it.each(cases)('$header: $expected', ({ header, expected }) => expect(parseRetryAfter(header, NOW)).toBe(expected));
});
