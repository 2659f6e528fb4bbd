import {
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  constants,
  createServer,
} from 'node:http2';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Listen } from '../listen.js';
import type { BodyBudget, BodyShare } from './body-budget.js';
import { type CallHead, httpRefusal, readHead } from './grpc-call.js';
import { type GrpcMessage, frame } from './grpc-framing.js';
import { GrpcListener } from './grpc-listener.js';
import { readMessage } from './grpc-message.js';
import { GrpcFailure, grpcFailureOf, later, statusTrailers } from './grpc-status.js';
import { RPC } from './rpc-status.js';

/**
 * How much a sender may have under way before it hears from us. With the default of 64 KiB one batch of a Collector stops several times and
 * waits for a WINDOW_UPDATE from a busy process (docs/decisions/010). It grants no memory: bytes are counted against the budget as they
 * arrive, whatever the window.
 */
const STREAM_WINDOW_BYTES = 4 * 2 ** 20;
const SESSION_WINDOW_BYTES = 16 * 2 ** 20;
/** Per connection; a client queues what is beyond. */
const MAX_CONCURRENT_CALLS = 256;
const MAX_HEADER_LIST_BYTES = 16 * 1024;
/** From the connection to the client's SETTINGS. */
const PREFACE_WITHIN_MS = 10_000;
/** A connection without calls; clients connect again when they need one. */
const IDLE_MS = 5 * 60_000;
/** A sender that needs longer for one call holds memory that others want. */
const CALL_WITHIN_MS = 60_000;
const CLOSE_WITHIN_MS = 10_000;
const DRAIN_LOOK_MS = 50;
/** "No new streams, all that you have opened will be answered" (RFC 9113, 6.8): GOAWAY with the highest stream id there is. */
const SHUTDOWN_NOTICE = Buffer.from('0000080700000000007fffffff00000000', 'hex');
const CONTENT_TYPE = 'application/grpc';
const ACCEPTED_ENCODINGS = 'gzip, identity';

/** A unary call as a method sees it. */
export interface UnaryCall {
  fields: IncomingHttpHeaders;
  head: CallHead;
  /** Resolves when the message has arrived. */
  message: Promise<GrpcMessage>;
  /** For whatever the method holds in memory besides the message; it ends with the method. */
  share: BodyShare;
}

/** Answers a call with the bytes of its response message. Throws GrpcFailure, Rejected or Unavailable. */
export type UnaryMethod = (call: UnaryCall) => Promise<Buffer>;

export interface GrpcServerOptions {
  /** The method at a path such as /package.Service/Method; throws GrpcFailure where there is none. */
  methodAt: (path: string) => UnaryMethod;
  maxMessageBytes: number;
  budget: BodyBudget;
  /** Told to whoever speaks HTTP/1 on this port. */
  adviceInHttp1: string;
  /** Told of errors that nobody foresaw. */
  onTrouble: (error: Error) => void;
}

/** Unary gRPC over HTTP/2 without TLS, on a port of its own: framing, status, deadlines, limits, and an end that loses nothing. */
export class GrpcServer {
  private readonly server: Http2Server;
  private readonly listener: GrpcListener;
  private readonly sessions = new Map<ServerHttp2Session, Socket>();
  /** Those whose client knows our SETTINGS, before which no other frame may come. */
  private readonly greeted = new WeakSet<ServerHttp2Session>();
  private isClosing = false;

  constructor(private readonly options: GrpcServerOptions) {
    this.server = createServer({
      settings: {
        initialWindowSize: STREAM_WINDOW_BYTES,
        maxConcurrentStreams: MAX_CONCURRENT_CALLS,
        maxHeaderListSize: MAX_HEADER_LIST_BYTES,
      },
    });
    this.server.on('stream', (stream, fields) => void this.serve(stream, fields));
    this.listener = new GrpcListener((socket) => {
      this.server.once('session', (session) => this.keep(session, socket));
      this.server.emit('connection', socket);
    }, options.adviceInHttp1);
  }

  /** Listens and returns the address, as in 127.0.0.1:4317. */
  listen(host: string, port: number, listen: Listen): Promise<string> {
    return this.listener.listen(host, port, listen);
  }

  /**
   * Takes no new connections and sends those that are open elsewhere; calls that they still bring are answered. Resolves when all connections
   * have ended, or after this time.
   */
  async drain(withinMs: number): Promise<void> {
    this.listener.stopTaking();
    const giveUpMs = performance.now() + withinMs;
    do {
      // Again and again: a connection may have come last that has not spoken yet.
      for (const [session, socket] of this.sessions) {
        if (!this.greeted.delete(session)) continue;
        // Past node:http2, which would refuse calls from here on, and with them those that cross the notice. It writes whole frames.
        socket.write(SHUTDOWN_NOTICE);
      }
      await sleep(DRAIN_LOOK_MS);
    } while ((this.sessions.size > 0 || this.listener.isAwaited) && performance.now() < giveUpMs);
  }

  /** Takes no new connections and, after a GOAWAY, no new calls; answers what is under way; what still runs after ten seconds is cut. */
  async close(): Promise<void> {
    this.isClosing = true;
    const closed = this.listener.close();
    for (const session of this.sessions.keys()) session.close();
    const cut = setTimeout(() => {
      for (const session of this.sessions.keys()) session.destroy();
    }, CLOSE_WITHIN_MS);
    await closed;
    clearTimeout(cut);
  }

  private keep(session: ServerHttp2Session, socket: Socket): void {
    this.sessions.set(session, socket);
    session.once('localSettings', () => this.greeted.add(session));
    session.on('close', () => this.sessions.delete(session));
    // A connection that breaks ends its calls, each of which hears of it.
    session.on('error', () => undefined);
    if (this.isClosing) return session.close();
    session.setLocalWindowSize(SESSION_WINDOW_BYTES);
    session.setTimeout(PREFACE_WITHIN_MS);
    session.once('remoteSettings', () => session.setTimeout(IDLE_MS));
    session.once('timeout', () => {
      session.close();
      session.setTimeout(CLOSE_WITHIN_MS, () => session.destroy());
    });
  }

  /** Answers one request, whatever it is; never throws. */
  private async serve(stream: ServerHttp2Stream, fields: IncomingHttpHeaders): Promise<void> {
    stream.on('error', () => undefined);
    const status = httpRefusal(fields);
    if (status !== null) {
      return end(stream, { ':status': status, ...(status === 405 && { allow: 'POST' }) });
    }
    try {
      const response = await this.call(stream, fields);
      if (isOpen(stream)) succeed(stream, response);
    } catch (error) {
      end(stream, {
        ':status': 200,
        'content-type': CONTENT_TYPE,
        'grpc-accept-encoding': ACCEPTED_ENCODINGS,
        ...statusTrailers(grpcFailureOf(error) ?? this.unforeseen(error)),
      });
    }
  }

  /** Not INTERNAL or UNKNOWN: exporters drop spans that are answered so. */
  private unforeseen(error: unknown): GrpcFailure {
    this.options.onTrouble(error instanceof Error ? error : new Error(String(error)));
    return later('the request could not be processed now');
  }

  private async call(stream: ServerHttp2Stream, fields: IncomingHttpHeaders): Promise<Buffer> {
    const method = this.options.methodAt(fields[':path'] ?? '');
    const head = readHead(fields);
    const share = this.options.budget.open();
    // Read at once, while the method looks who is calling: what waits unread would be held without being counted.
    const message = readMessage(stream, this.options.maxMessageBytes, share);
    const response = method({ fields, head, message, share });
    // A caller that left or waited too long does not end what was begun, nor free what that holds.
    void Promise.allSettled([message, response]).then(() => share.close());
    return withinDeadline(response, head.timeoutMs);
  }
}

async function withinDeadline<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const waitMs = Math.min(timeoutMs, CALL_WITHIN_MS);
  const late = new Promise<never>((_, reject) => {
    const failure = new GrpcFailure(RPC.DEADLINE_EXCEEDED, `not done within ${waitMs} ms`);
    timer = setTimeout(() => reject(failure), waitMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function succeed(stream: ServerHttp2Stream, response: Buffer): void {
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.respond(
    { ':status': 200, 'content-type': CONTENT_TYPE, 'grpc-accept-encoding': ACCEPTED_ENCODINGS },
    { waitForTrailers: true },
  );
  stream.end(frame(response));
}

/** Answers with headers alone; what the caller still sends is not wanted. */
function end(stream: ServerHttp2Stream, headers: Record<string, string | number>): void {
  if (!isOpen(stream)) return;
  stream.respond(headers, { endStream: true });
  stream.resume();
  if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
}

function isOpen(stream: ServerHttp2Stream): boolean {
  return !stream.destroyed && !stream.closed && !stream.headersSent;
}
