import { describe, expect, it } from '@jest/globals';
import { alertNotice, incidentNotice } from '../../test/support/notices.js';
import { digestNotice, openForS } from './limits.js';
import { composeMessage } from './message.js';

describe('openForS', () => {
  it.each([
    [0, null],
    [4, null],
    [5, 15],
    [6, 30],
    [9, 240],
    [10, 300],
    [1_000, 300],
  ])('after %i failures in a row: %s s', (failures, seconds) => {
    expect(openForS(failures)).toBe(seconds);
  });
});

describe('digestNotice', () => {
  it('names each message and counts them', () => {
    const digest = digestNotice([incidentNotice(), alertNotice()], 2, 30);
    expect(composeMessage('id', digest, 'http://x')).toMatchObject({
      title: 'Digest: 2 messages in one, since this channel takes 30 a minute',
      status: 'info',
      alerts: [
        'Opened: checkout / PlaceOrder p95 1.9 s (normal 240 ms), cause: cart / GetCart',
        'Firing: CheckoutSlow at checkout / PlaceOrder',
      ],
    });
  });

  it('keeps the newest and counts the others', () => {
    const { statement } = digestNotice(
      Array.from({ length: 1_000 }, () => alertNotice()),
      2_500,
      30,
    );
    expect(statement?.lines).toHaveLength(51);
    expect(statement?.lines[0]).toBe('2450 more, before these');
  });
});
