import { describe, expect, it } from '@jest/globals';
import { addressGuard } from './address.js';
import { checkChannelUrl } from './channel-url.js';

describe('checkChannelUrl', () => {
  const shown = [
    { text: 'https://hooks.slack.com/services/T0/B0/XXXX', expected: 'https://hooks.slack.com/…' },
    { text: 'https://example.com', expected: 'https://example.com/' },
    { text: 'https://example.com/?token=1', expected: 'https://example.com/…' },
    { text: 'http://example.com:8080/a#b', expected: 'http://example.com:8080/…' },
    { text: 'https://1.1.1.1/x', expected: 'https://1.1.1.1/…' },
  ];
  it.each(shown)('shows $text as $expected', ({ text, expected }) => {
    expect(checkChannelUrl(text, addressGuard([]))).toMatchObject({ ok: true, shown: expected });
  });

  const refused = [
    { text: 'hooks.example.com', problem: 'must be a URL' },
    { text: 'ftp://example.com/x', problem: 'https://' },
    { text: 'file:///etc/passwd', problem: 'https://' },
    { text: 'https://user:pass@example.com/', problem: 'user name' },
    { text: `https://example.com/${'x'.repeat(2_000)}`, problem: '2000 characters' },
    ...[
      '127.0.0.1',
      '127.1',
      '2130706433',
      '0x7f000001',
      '0177.0.0.1',
      '①②⑦.0.0.1',
      '127.0.0.1.',
      'localhost',
      'LOCALHOST.',
      'a.localhost',
    ].map((host) => ({ text: `http://${host}/x`, problem: 'OUTBOUND_ALLOW' })),
    ...['[::1]', '[::ffff:7f00:1]', '[fd00::1]', '169.254.169.254', '10.0.0.1'].map((host) => ({
      text: `http://${host}:8080/x`,
      problem: 'OUTBOUND_ALLOW',
    })),
  ];
  it.each(refused)('refuses $text', ({ text, problem }) => {
    const check = checkChannelUrl(text, addressGuard([]));
    expect(check).toEqual({ ok: false, problem: expect.stringContaining(problem) });
  });

  it('lets a private address pass that the operator allows', () => {
    expect(checkChannelUrl('http://127.0.0.1:9/x', addressGuard(['127.0.0.0/8'])).ok).toBe(true);
  });
});
