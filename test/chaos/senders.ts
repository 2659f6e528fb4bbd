import * as grpc from '@grpc/grpc-js';
import { Agent, request as httpRequest } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { GrpcClient } from '../support/grpc-call.js';
import { requestOf, span } from '../support/otlp-proto.js';
import type { Ledger } from './ledger.js';

const ANSWER_WITHIN_MS = 10_000;
/** What never left is repeated by the library itself. */
const AS_BY_DEFAULT = { 'grpc.enable_retries': 1 };
/** What exporters repeat. */
const LATER = new Set([429, 502, 503, 504]);

export interface Load {
  senders: number;
  spansPerRequest: number;
  /** The longest that a sender waits between two requests, on a connection that stays open; every third does not wait. */
  pauseMs?: number;
  /** Where to send attempt number `n`. */
  url: (n: number) => string;
  /** The same for every fourth sender, which speaks gRPC. */
  grpcAddress: (n: number) => string;
  tenant: string;
  random: () => number;
  ledger: Ledger;
}

/** What the senders heard. */
export interface Heard {
  requests: number;
  /** Attempts that had to be repeated. */
  repeated: number;
  /** Why, and how often. */
  reasons: Record<string, number>;
  /** Refused for good, which nothing here should be. */
  refused: string[];
}

/**
 * Sends requests as exporters do, each repeated with the same bytes until it is taken, as long as `signal` allows new ones; what is under way
 * then has `graceMs` to be taken.
 */
export async function sendUntil(signal: AbortSignal, graceMs: number, load: Load): Promise<Heard> {
  const heard: Heard = { requests: 0, repeated: 0, reasons: {}, refused: [] };
  const agent = new Agent({ keepAlive: true, maxSockets: load.senders });
  const clients = new Map<string, GrpcClient>();
  let giveUpMs = Infinity;
  signal.addEventListener('abort', () => (giveUpMs = Date.now() + graceMs));
  let attempts = 0;
  const send = (sender: number, body: Buffer, message: Buffer) => {
    const n = attempts++;
    if (sender % 4 !== 3) return post(load.url(n), body, load.tenant, agent);
    const address = load.grpcAddress(n);
    const client = clients.get(address) ?? new GrpcClient(address, AS_BY_DEFAULT);
    clients.set(address, client);
    return call(client, message, load.tenant);
  };
  const sender = async (_: unknown, index: number) => {
    while (!signal.aborted) {
      if (load.pauseMs !== undefined) await sleep(((index % 3) / 2) * load.pauseMs);
      const n = 1 + Math.floor(load.random() * load.spansPerRequest);
      const ids = Array.from({ length: n }, () => idOf(load.random, 8));
      const traceId = idOf(load.random, 16);
      const spans = ids.map((spanId) => span(Date.now(), { traceId, spanId, name: `op ${n % 7}` }));
      const message = requestOf(`chaos ${n % 3}`, spans);
      const body = gzipSync(message, { level: 1 });
      const names = ids.map((id) => id.toString('hex'));
      heard.requests++;
      load.ledger.sends(names);
      for (;;) {
        const { status, reason } = await send(index, body, message);
        if (status === 200) {
          load.ledger.acknowledges(names);
          break;
        }
        if (status !== null && !LATER.has(status)) {
          heard.refused.push(`${status}`);
          break;
        }
        if (Date.now() > giveUpMs) break;
        heard.repeated++;
        heard.reasons[reason] = (heard.reasons[reason] ?? 0) + 1;
        await sleep(20 + load.random() * 80);
      }
    }
  };
  await Promise.all(Array.from({ length: load.senders }, sender));
  agent.destroy();
  for (const client of clients.values()) client.close();
  return heard;
}

function idOf(random: () => number, size: number): Buffer {
  const id = Buffer.alloc(size);
  for (let at = 0; at < size; at += 4) id.writeUInt32LE(Math.floor(random() * 4_294_967_295) + 1, at);
  return id;
}

/** What came of an attempt. */
interface Outcome {
  /** Of OTLP/HTTP, or what it would have been; null when there was no answer. An answer that says that spans were rejected is no 200 here. */
  status: number | null;
  reason: string;
}

async function call(client: GrpcClient, body: Buffer, tenant: string): Promise<Outcome> {
  const answer = await client.call(body, { metadata: { 'x-tracehound-tenant': tenant }, deadlineMs: ANSWER_WITHIN_MS });
  return { status: statusOf(answer), reason: `gRPC ${answer.code}: ${answer.message}` };
}

function statusOf({ code, details, body }: Awaited<ReturnType<GrpcClient['call']>>): number | null {
  if (code === grpc.status.OK) return body.length > 0 ? 299 : 200;
  if (code === grpc.status.UNAVAILABLE) return 503;
  if (code === grpc.status.RESOURCE_EXHAUSTED && details.includes('RetryInfo')) return 429;
  return code === grpc.status.CANCELLED || code === grpc.status.DEADLINE_EXCEEDED ? null : 1_000 + code;
}

function post(url: string, body: Buffer, tenant: string, agent: Agent): Promise<Outcome> {
  return new Promise((resolve) => {
    const headers = {
      'content-type': 'application/x-protobuf',
      'content-encoding': 'gzip',
      'x-tracehound-tenant': tenant,
      'content-length': body.length,
    };
    const failed = (reason: string) => resolve({ status: null, reason });
    const request = httpRequest(`${url}/v1/traces`, { method: 'POST', agent, headers, timeout: ANSWER_WITHIN_MS });
    request.on('timeout', () => request.destroy());
    request.on('error', ({ message }: Error) => failed(message));
    request.on('response', (response) => {
      let bytes = 0;
      response.on('data', (chunk: Buffer) => (bytes += chunk.length));
      response.on('error', ({ message }: Error) => failed(message));
      response.on('close', () => failed('the answer was cut'));
      response.on('end', () => {
        const { statusCode = 0 } = response;
        resolve({ status: statusCode === 200 && bytes > 0 ? 299 : statusCode, reason: `HTTP ${statusCode}` });
      });
    });
    request.end(body);
  });
}
