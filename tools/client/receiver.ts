import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook, WebhookVerificationError } from 'standardwebhooks';

const MAX_BODY_BYTES = 1024 * 1024;

/** A webhook as it came in; `verified` tells whether its signature is right. */
export interface ReceivedMessage {
  id: string;
  verified: boolean;
  receivedAtMs: number;
  /** The parsed body, or null when it is not JSON. */
  body: unknown;
}

/** An HTTP endpoint for Standard Webhooks. A message that was sent again is handed on once. */
export interface Receiver {
  url: string;
  /** From now on signatures are checked with this secret (`whsec_...`). */
  useSecret(secret: string): void;
  messages: readonly ReceivedMessage[];
  close(): Promise<void>;
}

/** Listens on a free port of `host`; `onMessage` hears of every new message. Unsigned or wrongly signed ones are answered with 401. */
export async function startReceiver(
  host: string,
  onMessage: (message: ReceivedMessage) => void = () => undefined,
): Promise<Receiver> {
  const messages: ReceivedMessage[] = [];
  const seen = new Set<string>();
  let webhook: Webhook | undefined;
  const server = createServer((request, response) => {
    void readBody(request).then((body) => {
      if (body === null) return void response.writeHead(413).end();
      const message = check(webhook, request, body);
      if (!message.verified) {
        messages.push(message);
        onMessage(message);
        return void response.writeHead(401).end();
      }
      response.writeHead(204).end();
      if (seen.has(message.id)) return;
      seen.add(message.id);
      messages.push(message);
      onMessage(message);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}/tracehound`,
    useSecret: (secret) => {
      webhook = new Webhook(secret);
    },
    messages,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function check(webhook: Webhook | undefined, request: IncomingMessage, body: string): ReceivedMessage {
  const header = (name: string): string => String(request.headers[name] ?? '');
  const id = header('webhook-id');
  const message = { id, verified: false, receivedAtMs: Date.now(), body: parse(body) };
  if (!webhook) return message;
  try {
    webhook.verify(body, {
      'webhook-id': id,
      'webhook-timestamp': header('webhook-timestamp'),
      'webhook-signature': header('webhook-signature'),
    });
    return { ...message, verified: true };
  } catch (error) {
    if (error instanceof WebhookVerificationError) return message;
    throw error;
  }
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return null;
  }
}

async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
