import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from '@jest/globals';
import { exportResponse } from './otlp.js';
import { keyIdentity } from '../client/api.js';
import { RequestRefused, Sender } from './sender.js';

type Answer = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void;

let server: Server | undefined;
let sender: Sender | undefined;
const bodies: Buffer[] = [];

async function listen(answer: Answer, port = 0): Promise<number> {
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      bodies.push(Buffer.concat(chunks));
      answer(request, response, Buffer.concat(chunks));
    });
  });
  await new Promise<void>((resolve) => server?.listen(port, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function close(): Promise<void> {
  const closing = server;
  server = undefined;
  closing?.closeAllConnections();
  await new Promise<void>((resolve) => (closing ? closing.close(() => resolve()) : resolve()));
}

function senderTo(port: number, options: { patienceMs?: number; signal?: AbortSignal } = {}): Sender {
  sender = new Sender(
    `http://127.0.0.1:${port}`,
    keyIdentity('th_key'),
    options.signal ?? new AbortController().signal,
    options.patienceMs,
  );
  return sender;
}

const one = { body: Buffer.from('spans'), spans: 3 };

describe('Sender', () => {
  afterEach(async () => {
    await sender?.close();
    await close();
    bodies.length = 0;
  });

  it('sends to another path when it is told to', async () => {
    let path: string | undefined;
    const port = await listen((request, response) => {
      path = request.url;
      response.end();
    });
    sender = new Sender(`http://127.0.0.1:${port}`, {}, new AbortController().signal, undefined, 'v1/logs');
    await sender.sendAll([one]);
    expect(path).toBe('/v1/logs');
  });

  it('sends OTLP/HTTP: path, headers, gzip', async () => {
    let seen: IncomingMessage | undefined;
    const port = await listen((request, response) => {
      seen = request;
      response.end();
    });
    await senderTo(port).sendAll([one]);
    expect(seen?.url).toBe('/v1/traces');
    expect(seen?.headers).toMatchObject({
      'content-type': 'application/x-protobuf',
      'content-encoding': 'gzip',
      authorization: 'Bearer th_key',
    });
    expect(gunzipSync(bodies[0] ?? Buffer.of()).toString()).toBe('spans');
    expect(sender?.counts).toMatchObject({ requests: 1, spans: 3, retries: 0, rejectedSpans: 0 });
  });

  it.each([429, 502, 503, 504])('sends the same bytes again on %d', async (status) => {
    const port = await listen((_, response) => response.writeHead(bodies.length < 3 ? status : 200).end());
    await senderTo(port).sendAll([one]);
    expect(bodies).toHaveLength(3);
    expect(bodies[1]).toEqual(bodies[0]);
    expect(bodies[2]).toEqual(bodies[0]);
    expect(sender?.counts).toMatchObject({ requests: 1, spans: 3, retries: 2 });
    expect(sender?.counts.retriedBecause).toEqual({ [status]: 2 });
  });

  it('waits as long as Retry-After says', async () => {
    const port = await listen((_, response) =>
      response.writeHead(bodies.length < 2 ? 503 : 200, { 'retry-after': '1' }).end(),
    );
    const began = performance.now();
    await senderTo(port).sendAll([one]);
    expect(performance.now() - began).toBeGreaterThan(950);
  });

  it('outlives a service that is killed before it answers and started again', async () => {
    const port = await listen((request) => request.socket.destroy());
    const sending = senderTo(port).sendAll([one]);
    while (bodies.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    await close();
    await new Promise((resolve) => setTimeout(resolve, 400));
    await listen((_, response) => response.end(), port);
    await sending;
    expect(bodies.length).toBeGreaterThan(1);
    expect(bodies.every((body) => body.equals(bodies[0] ?? Buffer.of()))).toBe(true);
    expect(sender?.counts).toMatchObject({ requests: 1, spans: 3 });
  });

  it('gives up after its patience, naming the reason', async () => {
    const port = await listen((_, response) => response.writeHead(503).end());
    await expect(senderTo(port, { patienceMs: 300 }).sendAll([one])).rejects.toThrow(/took no spans .*503/);
  });

  it('counts rejected spans and keeps the reason', async () => {
    const answer = exportResponse.encode({ partialSuccess: { rejectedSpans: 2, errorMessage: 'too old' } }).finish();
    const port = await listen((_, response) => response.end(answer));
    await senderTo(port).sendAll([one, one]);
    expect(sender?.counts).toMatchObject({ spans: 6, rejectedSpans: 4, rejectedBecause: 'too old' });
  });

  it('does not repeat what is refused for good', async () => {
    const port = await listen((_, response) => response.writeHead(401).end(Buffer.from([0x12, 2, 0x6e, 0x6f])));
    const sending = senderTo(port).sendAll([one]);
    await expect(sending).rejects.toThrow(RequestRefused);
    await expect(sending).rejects.toThrow('refused a request with 401: no');
    expect(bodies).toHaveLength(1);
  });

  it('has at most four requests on the way', async () => {
    let open = 0;
    let most = 0;
    const port = await listen((_, response) => {
      most = Math.max(most, (open += 1));
      setTimeout(() => {
        open -= 1;
        response.end();
      }, 20);
    });
    await senderTo(port).sendAll(Array.from({ length: 12 }, () => one));
    expect(bodies).toHaveLength(12);
    expect(most).toBe(4);
  });

  it('stops when it is told to', async () => {
    const stop = new AbortController();
    const port = await listen((_, response) => response.writeHead(503, { 'retry-after': '20' }).end());
    const sending = senderTo(port, { signal: stop.signal }).sendAll([one]);
    while (bodies.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    stop.abort();
    await sending;
    expect(sender?.counts.spans).toBe(0);
  });
});
