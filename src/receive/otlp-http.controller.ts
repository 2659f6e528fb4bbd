import type { ServerResponse } from 'node:http';
import { Server as NetServer } from 'node:net';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import type { Config } from '../config.js';
import { Rejected, Unavailable } from '../model/failure.js';
import type { Listen } from '../listen.js';
import { TroubleLog } from '../trouble-log.js';
import type { BodyBudget, BodyShare } from './body-budget.js';
import type { ExportRequest } from './receiver.js';
import { type Answer, type Encoding, statusAnswer } from './status.js';

const TRACES = '/v1/traces';
const LOGS = '/v1/logs';
const HEADERS_TIMEOUT_MS = 10_000;
/** A sender that needs longer for one request holds memory that others want. */
const REQUEST_TIMEOUT_MS = 60_000;
const CHECK_TIMEOUTS_EVERY_MS = 2_000;
const MAX_CONNECTIONS = 4_096;
const CLOSE_WITHIN_MS = 10_000;
const CLOSE_SWEEP_MS = 100;
const RETRY_AFTER_S = 1;

type Export = (request: ExportRequest, share: BodyShare) => Promise<Answer>;

/** What the server needs of the rest. */
export interface OtlpHttpPorts {
  /** Tenant of a request that may ingest. Throws Rejected 401 or 403, or Unavailable. */
  authenticate: (request: FastifyRequest) => Promise<number>;
  /** Stores a request of spans and says what became of it. Throws Rejected or Unavailable. */
  export: Export;
  /** The same for log records. */
  exportLogs: Export;
  /** Told of a request of a tenant that is refused as a whole. */
  refused: (tenantId: number, error: unknown) => void;
  /** Body of GET /health; 200 when the status is ok. */
  health: () => Promise<{ status: string }>;
}

/** OTLP/HTTP for traces and logs: POST /v1/traces and /v1/logs in protobuf or JSON, and GET /health, on a port of its own, so that every answer follows OTLP. */
export class OtlpHttpServer {
  private readonly app: FastifyInstance;
  private readonly log = new TroubleLog(OtlpHttpServer.name);
  private readonly tenants = new WeakMap<FastifyRequest, number>();
  /** Requests whose head has come and whose answer has not left. */
  private running = 0;
  private isDraining = false;

  constructor(
    private readonly ports: OtlpHttpPorts,
    private readonly limits: Pick<Config['ingest'], 'maxBodyBytes'>,
    private readonly budget: BodyBudget,
  ) {
    this.app = fastify({
      // While it closes it still stores what arrives on open connections.
      return503OnClosing: false,
      requestTimeout: REQUEST_TIMEOUT_MS,
      exposeHeadRoutes: false,
      http: { headersTimeout: HEADERS_TIMEOUT_MS, connectionsCheckingInterval: CHECK_TIMEOUTS_EVERY_MS },
      frameworkErrors: (error, request, reply) =>
        void this.fail(error, request as FastifyRequest, reply as FastifyReply),
    });
    this.app.server.maxConnections = MAX_CONNECTIONS;
    this.app.removeAllContentTypeParsers();
    this.app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
    this.app.server.on('request', (_request, response: ServerResponse) => {
      this.running++;
      response.once('close', () => this.running--);
    });
    this.app.setErrorHandler((error, request, reply) => this.fail(error, request, reply));
    this.app.addHook('onRequest', (request, reply, done) => {
      if (this.isDraining) reply.header('connection', 'close');
      if (!request.is404) return done();
      // Before the body is read: nobody wants it.
      this.fail(unknownRoute(request, reply), request, reply);
    });
    for (const [path, store] of [
      [TRACES, ports.export],
      [LOGS, ports.exportLogs],
    ] as const) {
      this.app.post(path, { onRequest: (request) => this.judgeHead(request) }, (request, reply) =>
        this.receive(request, reply, store),
      );
    }
    this.app.get('/health', async (_request, reply) => {
      const health = await this.ports.health();
      return reply
        .code(health.status === 'ok' ? 200 : 503)
        .header('cache-control', 'no-store')
        .header('content-type', 'application/json')
        .send(Buffer.from(JSON.stringify(health)));
    });
  }

  /** Listens and returns the address, as in http://127.0.0.1:4318. */
  async listen(host: string, port: number, listen: Listen): Promise<string> {
    await this.app.ready();
    return `http://${await listen(this.app.server, host, port)}`;
  }

  /**
   * Takes no new connections and sends those that are open elsewhere, with the answer to their next request. Resolves when all have ended,
   * or after this time.
   */
  async drain(withinMs: number): Promise<void> {
    this.isDraining = true;
    const { server } = this.app;
    // node:http's own `close` also ends idle connections, perhaps just when a sender uses one.
    NetServer.prototype.close.call(server);
    const connections = promisify(server.getConnections.bind(server));
    for (const giveUpMs = performance.now() + withinMs; performance.now() < giveUpMs; await sleep(CLOSE_SWEEP_MS)) {
      if ((await connections()) === 0) return;
    }
  }

  /** Takes no new connections, answers what is under way, then closes; what still runs after ten seconds is cut. */
  async close(): Promise<void> {
    const giveUpMs = Date.now() + CLOSE_WITHIN_MS;
    const closed = this.app.close();
    // Kept-alive connections, and those that have not sent anything yet, would hold it up: they go once nothing runs any more.
    const sweep = setInterval(() => {
      this.app.server.closeIdleConnections();
      if (this.running === 0 || Date.now() > giveUpMs) this.app.server.closeAllConnections();
    }, CLOSE_SWEEP_MS);
    try {
      await closed;
    } finally {
      clearInterval(sweep);
    }
  }

  /** Everything that can be refused before the body is read. */
  private async judgeHead(request: FastifyRequest): Promise<void> {
    this.tenants.set(request, await this.ports.authenticate(request));
    const { headers } = request;
    if (encodingOf(request) === null) {
      throw new Rejected('unsupported_type', `Content-Type must be application/x-protobuf or application/json`, 415);
    }
    if (contentCodingOf(request) === null) {
      throw new Rejected(
        'unsupported_coding',
        `Content-Encoding ${headers['content-encoding']} is not gzip or identity`,
        415,
      );
    }
    if (Number(headers['content-length'] ?? 0) > this.limits.maxBodyBytes) throw tooLarge(this.limits.maxBodyBytes);
  }

  private async receive(request: FastifyRequest, reply: FastifyReply, store: Export): Promise<FastifyReply> {
    const share = this.budget.open();
    try {
      const body = request.body
        ? await readBody(request.body as Readable, this.limits.maxBodyBytes, share)
        : Buffer.alloc(0);
      const answer = await store(
        {
          tenantId: this.tenants.get(request)!,
          encoding: encodingOf(request)!,
          isGzip: contentCodingOf(request) === 'gzip' && body.length > 0,
          body,
        },
        share,
      );
      return send(reply, answer);
    } finally {
      share.close();
    }
  }

  private fail(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const encoding = encodingOf(request) ?? 'json';
    const tenantId = this.tenants.get(request);
    if (tenantId !== undefined) this.ports.refused(tenantId, error);
    if (error instanceof Rejected) {
      if (error.status === 401) reply.header('www-authenticate', 'Bearer');
      if (error.code === 'unsupported_coding') reply.header('accept-encoding', 'gzip, identity');
      return send(reply, statusAnswer(encoding, error.status, error.message, error.field));
    }
    if (error instanceof Unavailable) {
      reply.header('retry-after', String(error.retryAfterS));
      return send(reply, statusAnswer(encoding, error.status, error.message));
    }
    const status = statusOf(error);
    if (status < 500) return send(reply, statusAnswer(encoding, status, (error as Error).message));
    // Exporters drop what is answered with 500, and repeat what is answered with 503.
    this.log.say('could not process a request', error instanceof Error ? error : new Error(String(error)));
    reply.header('retry-after', String(RETRY_AFTER_S));
    return send(reply, statusAnswer(encoding, 503, 'the request could not be processed now'));
  }
}

function unknownRoute(request: FastifyRequest, reply: FastifyReply): Rejected {
  const path = request.url.split('?')[0];
  if (path !== TRACES && path !== LOGS)
    return new Rejected('not_found', `there is nothing here; traces go to ${TRACES}, logs to ${LOGS}`, 404);
  reply.header('allow', 'POST');
  return new Rejected('method_not_allowed', `${path} takes POST only`, 405);
}

/** Status of an error that Fastify itself raised, such as 415 for a content type that is none. */
function statusOf(error: unknown): number {
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : NaN;
  return status >= 400 && status < 500 ? status : 500;
}

function send(reply: FastifyReply, { status, contentType, body }: Answer): FastifyReply {
  // A Buffer, so that nothing is added to the content type.
  return reply.code(status).header('content-type', contentType).send(body);
}

function encodingOf({ headers }: FastifyRequest): Encoding | null {
  switch (headers['content-type']?.split(';')[0]!.trim().toLowerCase()) {
    case 'application/x-protobuf':
      return 'protobuf';
    case 'application/json':
      return 'json';
    default:
      return null;
  }
}

function contentCodingOf({ headers }: FastifyRequest): 'gzip' | 'identity' | null {
  const coding = (headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  return coding === 'gzip' || coding === 'identity' ? coding : coding === '' ? 'identity' : null;
}

function tooLarge(maxBytes: number): Rejected {
  return new Rejected('too_large', `the body has more than ${maxBytes} bytes`, 413);
}

/** The whole body; what comes after a limit is reached is thrown away as it arrives. */
function readBody(payload: Readable, maxBytes: number, share: BodyShare): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (finish: () => void) => {
      payload.off('data', onData).off('end', onEnd).off('close', onClose);
      payload.resume();
      finish();
    };
    const onData = (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxBytes) settle(() => reject(tooLarge(maxBytes)));
      else if (!share.take(chunk.length)) {
        const code = 'too_much_pending';
        settle(() => reject(new Unavailable('too many requests are being received', RETRY_AFTER_S, { code })));
      } else chunks.push(chunk);
    };
    const onEnd = () => settle(() => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size)));
    const onClose = () => settle(() => reject(new Rejected('cut_short', 'the connection ended before the body did')));
    payload.on('data', onData).on('end', onEnd).on('close', onClose);
    payload.on('error', () => undefined);
  });
}
