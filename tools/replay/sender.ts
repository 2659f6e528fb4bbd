import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import { Agent, request } from 'undici';
import { type Identity, reasonOf } from '../client/api.js';
import { readResponse, readStatus } from './otlp.js';

const PARALLEL = 4;
const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 5_000;
const ATTEMPT_TIMEOUT_MS = 60_000;
const TRY_AGAIN = new Set([429, 502, 503, 504]);
const compress = promisify(gzip);

/** The service refused a whole request, and will again. */
export class RequestRefused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
    this.name = 'RequestRefused';
  }
}

export interface SentCounts {
  requests: number;
  spans: number;
  bytes: number;
  retries: number;
  rejectedSpans: number;
  /** What the service said about the first rejected spans. */
  rejectedBecause: string;
  /** Why a request had to be sent again, with the number of times. */
  retriedBecause: Record<string, number>;
}

/** Sends OTLP/HTTP requests (protobuf, gzip) and remembers what became of them. */
export class Sender {
  readonly counts: SentCounts = {
    requests: 0,
    spans: 0,
    bytes: 0,
    retries: 0,
    rejectedSpans: 0,
    rejectedBecause: '',
    retriedBecause: {},
  };
  private readonly agent = new Agent({ connections: PARALLEL, pipelining: 1 });
  private readonly closed = new AbortController();
  private readonly signal: AbortSignal;
  private readonly url: string;
  private readonly headers: Record<string, string>;

  constructor(
    otlpUrl: string,
    identity: Identity,
    signal: AbortSignal,
    private readonly patienceMs = 180_000,
    path = 'v1/traces',
  ) {
    this.signal = AbortSignal.any([signal, this.closed.signal]);
    this.url = new URL(path, otlpUrl.endsWith('/') ? otlpUrl : `${otlpUrl}/`).href;
    this.headers = {
      'content-type': 'application/x-protobuf',
      'content-encoding': 'gzip',
      ...identity,
    };
  }

  /**
   * Sends all requests, at most four at once, and returns when every one is acknowledged. The same bytes are sent again,
   * with growing pauses for up to `patienceMs`, on 429, 502, 503, 504 and when there is no answer; an aborted `signal` ends that.
   */
  async sendAll(requests: { body: Uint8Array; spans: number }[]): Promise<void> {
    let next = 0;
    const lane = async (): Promise<void> => {
      for (let mine = requests[next++]; mine; mine = requests[next++]) await this.send(mine.body, mine.spans);
    };
    await Promise.all(Array.from({ length: Math.min(PARALLEL, requests.length) }, lane));
  }

  /** Drops what is still on the way. */
  async close(): Promise<void> {
    this.closed.abort();
    await this.agent.destroy();
  }

  private async send(body: Uint8Array, spans: number): Promise<void> {
    const bytes = await compress(body, { level: constants.Z_BEST_SPEED });
    let firstFailureMs: number | undefined;
    for (let attempt = 0; ; attempt += 1) {
      const { reason, retryAfterMs } = await this.attempt(bytes, spans);
      if (reason === null) return;
      firstFailureMs ??= Date.now();
      if (Date.now() - firstFailureMs > this.patienceMs) {
        throw new Error(`${this.url} took no spans for ${Math.round(this.patienceMs / 1000)} s (${reason}): giving up`);
      }
      this.counts.retries += 1;
      this.counts.retriedBecause[reason] = (this.counts.retriedBecause[reason] ?? 0) + 1;
      const pauseMs = Math.max(retryAfterMs, Math.min(FIRST_PAUSE_MS * 2 ** attempt, MAX_PAUSE_MS));
      await sleep(pauseMs, undefined, { signal: this.signal }).catch(() => undefined);
      if (this.signal.aborted) return;
    }
  }

  // A null reason means acknowledged; any other one that trying again may help.
  private async attempt(bytes: Buffer, spans: number): Promise<{ reason: string | null; retryAfterMs: number }> {
    let answer: { status: number; retryAfter: string; body: Uint8Array };
    try {
      const response = await request(this.url, {
        method: 'POST',
        headers: this.headers,
        body: bytes,
        dispatcher: this.agent,
        headersTimeout: ATTEMPT_TIMEOUT_MS,
        bodyTimeout: ATTEMPT_TIMEOUT_MS,
      });
      answer = {
        status: response.statusCode,
        retryAfter: String(response.headers['retry-after'] ?? ''),
        body: new Uint8Array(await response.body.arrayBuffer()),
      };
    } catch (error) {
      return { reason: (error as { code?: string }).code ?? reasonOf(error), retryAfterMs: 0 };
    }
    if (answer.status === 200) {
      const { rejectedSpans, message } = readResponse(answer.body);
      this.counts.requests += 1;
      this.counts.spans += spans;
      this.counts.bytes += bytes.length;
      this.counts.rejectedSpans += rejectedSpans;
      this.counts.rejectedBecause ||= rejectedSpans > 0 ? message : '';
      return { reason: null, retryAfterMs: 0 };
    }
    if (TRY_AGAIN.has(answer.status)) {
      const seconds = /^\d+$/.test(answer.retryAfter) ? Number(answer.retryAfter) : 0;
      return { reason: String(answer.status), retryAfterMs: Math.min(seconds * 1000, 30_000) };
    }
    throw new RequestRefused(
      answer.status,
      `${this.url} refused a request with ${answer.status}: ${readStatus(answer.body) || 'no reason given'}`,
    );
  }
}
