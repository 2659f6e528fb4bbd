import { lookup as dnsLookup, type LookupAddress, type LookupAllOptions } from 'node:dns';
import { connect as connectSocket, isIP, type LookupFunction, type Socket } from 'node:net';
import { Agent, buildConnector, request, type FormData } from 'undici';
import { addressGuard } from './address.js';
import type { Answer } from './channel.js';

/** How much of an answer is read when it is the receipt. */
export const RECEIPT_BYTES = 1_024;

class Refused extends Error {}

type Resolve = (
  hostname: string,
  options: LookupAllOptions,
  done: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/**
 * The only way out: POST, or a socket for mail, to addresses that a tenant chose. Every address is checked when the connection is made (so a name that resolves
 * to another address the second time gains nothing), redirects are not followed, connections are not reused, and an attempt ends in time.
 */
export class Egress {
  readonly refusal: (address: string) => string | null;
  private readonly agent: Agent;

  /** `allow`: CIDRs that may be reached though they are private. `timeoutMs`: of one request, and of one connection. `resolve`: asks for all addresses of a name. */
  constructor(
    allow: readonly string[],
    readonly timeoutMs: number,
    private readonly resolve: Resolve = dnsLookup,
  ) {
    this.refusal = addressGuard(allow);
    const connect = buildConnector({ lookup: this.lookup, timeout: timeoutMs, maxCachedSessions: 0 });
    this.agent = new Agent({
      connect: (options, callback) => {
        // No lookup happens for a literal address, so that one is checked here.
        const literal = options.hostname.replace(/^\[|\]$/g, '');
        const refused = isIP(literal) ? this.refusal(literal) : null;
        if (refused !== null) callback(refusedAddress(literal, refused), null);
        else connect(options, callback);
      },
    });
  }

  /** One attempt. `readBytes`: how much of the body is waited for; with 0 an answer is its status line and headers. */
  async post(
    url: string,
    headers: Record<string, string>,
    body: string | Uint8Array | FormData,
    readBytes = 0,
  ): Promise<Answer> {
    try {
      const answer = await request(url, {
        method: 'POST',
        headers: {
          ...(typeof body === 'string' && { 'content-type': 'application/json' }),
          'user-agent': 'Tracehound',
          ...headers,
        },
        body,
        dispatcher: this.agent,
        reset: true,
        signal: AbortSignal.timeout(this.timeoutMs),
        headersTimeout: this.timeoutMs,
        bodyTimeout: this.timeoutMs,
      });
      // Destroying a body that is still coming raises an error that is nobody's.
      answer.body.on('error', () => undefined);
      const bodyStart = readBytes > 0 ? await readStart(answer.body, readBytes) : '';
      answer.body.destroy();
      const retryAfter = answer.headers['retry-after'];
      return {
        status: answer.statusCode,
        retryAfter: Array.isArray(retryAfter) ? retryAfter[0] : retryAfter,
        bodyStart,
      };
    } catch (error) {
      return { status: null, ...explain(error, this.timeoutMs) };
    }
  }

  /** A connected socket, its address checked like that of a request. Throws what `explain` puts into words. */
  async connect(host: string, port: number): Promise<Socket> {
    const refused = isIP(host) ? this.refusal(host) : null;
    if (refused !== null) throw refusedAddress(host, refused);
    return new Promise((resolve, reject) => {
      const socket = connectSocket({ host, port, lookup: this.lookup, timeout: this.timeoutMs });
      const fail = (error: Error) => {
        socket.destroy();
        reject(error);
      };
      socket.once('error', fail);
      socket.once('timeout', () => fail(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' })));
      socket.once('connect', () => {
        socket.off('error', fail);
        socket.removeAllListeners('timeout');
        socket.setTimeout(0);
        resolve(socket);
      });
    });
  }

  /** What an error of a connection means, in words without the URL, and whether trying again is useless. */
  explain(error: unknown): { reason: string; permanent: boolean } {
    return explain(error, this.timeoutMs);
  }

  async close(): Promise<void> {
    await this.agent.destroy();
  }

  private readonly lookup: LookupFunction = (hostname, options, callback) => {
    this.resolve(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
      if (error) return callback(error, '');
      for (const { address } of addresses) {
        const refused = this.refusal(address);
        if (refused !== null) return callback(refusedAddress(`an address of ${hostname}`, refused), '');
      }
      const first = addresses[0];
      if (!first) return callback(new Error(`${hostname} has no address`), '');
      if (options.all === true) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}

async function readStart(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= maxBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, maxBytes).toString('utf8');
}

function refusedAddress(what: string, why: string): Refused {
  return new Refused(
    `${what} must not be reached (${why}); to allow it, the operator adds its network to OUTBOUND_ALLOW`,
  );
}

/** A reason without the URL in it: the URL is a secret. */
function explain(error: unknown, timeoutMs: number): { reason: string; permanent: boolean } {
  if (error instanceof Refused) return { reason: error.message, permanent: true };
  const { name, code } = error as { name?: string; code?: string };
  if (name === 'TimeoutError' || code === 'ETIMEDOUT' || code?.endsWith('_TIMEOUT')) {
    return { reason: `no answer within ${timeoutMs / 1000} s`, permanent: false };
  }
  return { reason: `${NETWORK_TROUBLE[code ?? ''] ?? 'the connection failed'} (${code ?? name})`, permanent: false };
}

const NETWORK_TROUBLE: Record<string, string> = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was cut',
  UND_ERR_SOCKET: 'the connection was cut',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'the connection was cut',
  ENOTFOUND: 'the host name is not known',
  EAI_AGAIN: 'the name server did not answer',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  CERT_HAS_EXPIRED: 'the certificate has expired',
  SELF_SIGNED_CERT_IN_CHAIN: 'the certificate is self-signed',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate is self-signed',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'the certificate cannot be verified',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate is for another host',
};
