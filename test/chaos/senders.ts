import { Agent, request as httpRequest } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { requestOf, span } from '../support/otlp-proto.js';
import type { Ledger } from './ledger.js';

const ANSWER_WITHIN_MS = 10_000;
/** What exporters repeat. */
const LATER = new Set([429, 502, 503, 504]);

export interface Load {
  senders: number;
  spansPerRequest: number;
  /** Where to send attempt number `n`. */
  url: (n: number) => string;
  tenant: string;
  random: () => number;
  ledger: Ledger;
}

/** What the senders heard. */
export interface Heard {
  requests: number;
  /** Attempts that had to be repeated. */
  repeated: number;
  /** Refused for good, which nothing here should be. */
  refused: string[];
}

/**
 * Sends requests as exporters do, each repeated with the same bytes until it is taken, as long as `signal` allows new ones; what is under way
 * then has `graceMs` to be taken.
 */
export async function sendUntil(signal: AbortSignal, graceMs: number, load: Load): Promise<Heard> {
  const heard: Heard = { requests: 0, repeated: 0, refused: [] };
  const agent = new Agent({ keepAlive: true, maxSockets: load.senders });
  let giveUpMs = Infinity;
  signal.addEventListener('abort', () => (giveUpMs = Date.now() + graceMs));
  let attempts = 0;
  const sender = async () => {
    while (!signal.aborted) {
      const n = 1 + Math.floor(load.random() * load.spansPerRequest);
      const ids = Array.from({ length: n }, () => idOf(load.random, 8));
      const traceId = idOf(load.random, 16);
      const spans = ids.map((spanId) => span(Date.now(), { traceId, spanId, name: `op ${n % 7}` }));
      const body = gzipSync(requestOf(`chaos ${n % 3}`, spans), { level: 1 });
      const names = ids.map((id) => id.toString('hex'));
      heard.requests++;
      load.ledger.sends(names);
      for (;;) {
        const status = await post(load.url(attempts++), body, load.tenant, agent);
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
        await sleep(20 + load.random() * 80);
      }
    }
  };
  await Promise.all(Array.from({ length: load.senders }, sender));
  agent.destroy();
  return heard;
}

function idOf(random: () => number, size: number): Buffer {
  const id = Buffer.alloc(size);
  for (let at = 0; at < size; at += 4) id.writeUInt32LE(Math.floor(random() * 4_294_967_295) + 1, at);
  return id;
}

/** The status of the answer; null when there was none. An answer that says that spans were rejected is no 200 here. */
function post(url: string, body: Buffer, tenant: string, agent: Agent): Promise<number | null> {
  return new Promise((resolve) => {
    const headers = {
      'content-type': 'application/x-protobuf',
      'content-encoding': 'gzip',
      'x-tracehound-tenant': tenant,
      'content-length': body.length,
    };
    const request = httpRequest(`${url}/v1/traces`, { method: 'POST', agent, headers, timeout: ANSWER_WITHIN_MS });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(null));
    request.on('response', (response) => {
      let bytes = 0;
      response.on('data', (chunk: Buffer) => (bytes += chunk.length));
      response.on('error', () => resolve(null));
      response.on('close', () => resolve(null));
      response.on('end', () => resolve(response.statusCode === 200 && bytes > 0 ? 299 : (response.statusCode ?? null)));
    });
    request.end(body);
  });
}
