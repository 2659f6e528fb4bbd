import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import type { Receiver } from './receiver.js';
import { startReceiver } from './receiver.js';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const OTHER = `whsec_${Buffer.alloc(32, 8).toString('base64')}`;

async function post(url: string, id: string, body: string, secret: string): Promise<number> {
  const at = new Date();
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': new Webhook(secret).sign(id, at, body),
    },
    body,
  });
  return response.status;
}

describe('startReceiver', () => {
  let receiver: Receiver;
  const heard: string[] = [];
  beforeEach(async () => {
    heard.length = 0;
    receiver = await startReceiver('127.0.0.1', (message) => heard.push(`${message.id} ${message.verified}`));
    receiver.useSecret(SECRET);
  });
  afterEach(() => receiver.close());

  it('takes a signed message, once however often it comes', async () => {
    expect(await post(receiver.url, 'a', '{"type":"x"}', SECRET)).toBe(204);
    expect(await post(receiver.url, 'a', '{"type":"x"}', SECRET)).toBe(204);
    expect(receiver.messages).toEqual([expect.objectContaining({ id: 'a', verified: true, body: { type: 'x' } })]);
    expect(heard).toEqual(['a true']);
  });

  it('refuses a message signed with another secret, and says so', async () => {
    expect(await post(receiver.url, 'b', '{}', OTHER)).toBe(401);
    expect(heard).toEqual(['b false']);
  });

  it('refuses a message without a signature', async () => {
    expect((await fetch(receiver.url, { method: 'POST', body: '{}' })).status).toBe(401);
  });

  it('refuses a body that is too large', async () => {
    expect(await post(receiver.url, 'c', 'x'.repeat(2 * 1024 * 1024), SECRET)).toBe(413);
    expect(receiver.messages).toEqual([]);
  });
});
