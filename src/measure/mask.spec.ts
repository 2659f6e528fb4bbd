import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { maskText } from './mask.js';

describe('maskText', () => {
  it.each([
    ['Order 4711 of user 12 paid', 'Order <num> of user <num> paid'],
    ['2023-01-29T09:34:38.896+00:00 ready', '<time> ready'],
    ['17:34:38.900 ERROR o.a.Servlet#175 failed', '<time> ERROR o.a.Servlet#<num> failed'],
    ['user 8c756d0c-b064-4dc6-b705-496a75343ddb not found', 'user <uuid> not found'],
    ['connect to 10.0.3.17:5432 refused', 'connect to <ip> refused'],
    ['peer fe80:0:0:0:a1b2 left', 'peer <ip> left'],
    ['key deadbeef01 at 0xFFA0', 'key <hex> at <hex>'],
    ['GET /api/v1/orders/9912/items', 'GET /api/v<num>/orders/<num>/items'],
    ['mail to jane.doe+x@example.co.uk bounced', 'mail to <email> bounced'],
    ['took -3.5 ms', 'took <num> ms'],
    ['answered status=503 after 12 ms', 'answered status=<5xx> after <num> ms'],
    ['HTTP 404 for G1236', 'HTTP <4xx> for G<num>'],
    ['ids: 1, 2, 3, 4', 'ids: <num>'],
    ['token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJmZHNlX21pY3Jv.c2lnbmF0dXJl ok', 'token eyJhbGciOiJIUzI<num>NiJ<num>'],
    ['\n  first line that speaks\n\tat com.example.Foo(Foo.java:12)', 'first line that speaks'],
    ['', ''],
    ['nothing changes here', 'nothing changes here'],
  ])('masks %j', (text, masked) => {
    expect(maskText(text).slice(0, masked.length)).toBe(masked);
  });

  it('gives texts that differ in their numbers the same mask', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.uuid(), fc.uuid(), (a, b, x, y) => {
        expect(maskText(`order ${a} for ${x} shipped`)).toBe(maskText(`order ${b} for ${y} shipped`));
      }),
    );
  });

  it('is bounded, whatever it is given', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 8_000 }), (text) => {
        const masked = maskText(text);
        // A number of one digit grows to <num>.
        expect(masked.length).toBeLessThanOrEqual(5_000);
        expect(masked).not.toMatch(/[\0\n]/);
        expect(masked).not.toMatch(/\p{Cs}/u);
      }),
    );
    const startedMs = performance.now();
    for (const nasty of ['a1'.repeat(50_000), '1.'.repeat(50_000), '-'.repeat(99_999), 'a@'.repeat(50_000)])
      maskText(nasty);
    expect(performance.now() - startedMs).toBeLessThan(500);
  });
});
