import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface SinkRequest {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
  atMs: number;
}

/** How the sink answers a request. before: done when the request has come and is not answered. hang: never. cut: hangs up, before an answer or in the middle of its body. endless: a body without end. */
export type SinkAnswer =
  | { status: number; headers?: Record<string, string>; body?: string; afterMs?: number; before?: () => void }
  | 'hang'
  | 'cut'
  | 'cut-mid-body'
  | 'endless';

export interface Sink {
  url: string;
  /** In order of arrival. */
  requests: SinkRequest[];
  /** Requests to paths that begin with this, in order. */
  at(path: string): SinkRequest[];
  /** Answers the next requests to the path (or below it) with these, one each, and all after them with the last; the longest path counts. */
  answer(path: string, ...answers: SinkAnswer[]): void;
  /** Resolves when the path has had that many requests; rejects after five seconds, saying how many came. */
  received(path: string, count: number): Promise<SinkRequest[]>;
  close(): Promise<void>;
}

/** A webhook receiver on loopback that writes down what it gets. Without instructions it answers 200 `ok`. */
export async function startSink(): Promise<Sink> {
  const requests: SinkRequest[] = [];
  const plans = new Map<string, SinkAnswer[]>();

  const nextAnswer = (path: string): SinkAnswer => {
    const [plan] = [...plans]
      .filter(([prefix]) => path.startsWith(prefix))
      .toSorted(([a], [b]) => b.length - a.length)
      .map(([, answers]) => answers);
    const answer = plan && plan.length > 1 ? plan.shift() : plan?.[0];
    return answer ?? { status: 200, body: 'ok' };
  };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      // Its sender ended in the middle of it: nothing was received.
      return;
    }
    const path = request.url ?? '';
    requests.push({
      method: request.method ?? '',
      path,
      headers: request.headers,
      body: Buffer.concat(chunks).toString('utf8'),
      atMs: Date.now(),
    });
    await give(nextAnswer(path), response);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const at = (path: string) => requests.filter((request) => request.path.startsWith(path));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    at,
    answer: (path, ...answers) => void plans.set(path, answers),
    received: async (path, count) => {
      for (const endMs = Date.now() + 5_000; at(path).length < count; await sleep(10)) {
        if (Date.now() > endMs) throw new Error(`${path} got ${at(path).length} requests, not ${count}`);
      }
      return at(path);
    },
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}

async function give(answer: SinkAnswer, response: ServerResponse): Promise<void> {
  if (answer === 'hang') return;
  if (answer === 'cut') return void response.destroy();
  if (answer === 'cut-mid-body') {
    response.writeHead(200, { 'content-length': '1000' });
    response.write('o', () => response.destroy());
    return;
  }
  if (answer === 'endless') {
    response.writeHead(200);
    const more = () => void (response.destroyed || response.write('x'.repeat(65_536), () => setImmediate(more)));
    return more();
  }
  answer.before?.();
  if (answer.afterMs !== undefined) await sleep(answer.afterMs);
  response.writeHead(answer.status, answer.headers).end(answer.body ?? '');
}
