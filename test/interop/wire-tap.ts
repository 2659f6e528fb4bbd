import { type IncomingMessage, type ServerResponse, createServer as createHttpServer } from 'node:http';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { type Http2ServerRequest, type Http2ServerResponse, createServer as createHttp2Server } from 'node:http2';
import { gunzipSync } from 'node:zlib';
import { decodeGrpcMessages, decodeJson, decodeProtobuf } from './otlp-decode.js';
import type { WireSpan } from './otlp-decode.js';

export interface SentRequest {
  path: string;
  contentType: string;
  /** As announced; empty for none. */
  contentEncoding: string;
  spans: WireSpan[];
}

export interface WireTap {
  /** Base URL for the peer to send to. */
  url: string;
  requests: SentRequest[];
  /** Every distinct span that passed, once `count` have; rejects after 15 s. */
  spans(count: number): Promise<WireSpan[]>;
  stop(): Promise<void>;
}

/**
 * Stands between a peer and the service and passes bytes on untouched, in both directions, while a copy of what the peer sends is
 * parsed here: the record of what was sent, kept without any code of the service.
 */
export async function startWireTap(targetUrl: string, protocol: 'http' | 'grpc' = 'http'): Promise<WireTap> {
  const target = new URL(targetUrl);
  const requests: SentRequest[] = [];
  const failures: Error[] = [];
  const sockets = new Set<Socket>();

  const record = (request: IncomingMessage | Http2ServerRequest, response: ServerResponse | Http2ServerResponse) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      response.end();
      const contentType = request.headers['content-type'] ?? '';
      const contentEncoding = request.headers['content-encoding'] ?? '';
      const raw = Buffer.concat(chunks);
      try {
        if (protocol === 'grpc') {
          const encoding = String(request.headers['grpc-encoding'] ?? '');
          requests.push({
            path: request.url ?? '',
            contentType,
            contentEncoding: encoding === 'identity' ? '' : encoding,
            spans: decodeGrpcMessages(raw),
          });
          return;
        }
        const body = contentEncoding === 'gzip' ? gunzipSync(raw) : raw;
        const spans = contentType.startsWith('application/json') ? decodeJson(body) : decodeProtobuf(body);
        requests.push({ path: request.url ?? '', contentType, contentEncoding, spans });
      } catch (error) {
        failures.push(error as Error);
      }
    });
  };
  const recorder = protocol === 'grpc' ? createHttp2Server(WIDE, record) : createHttpServer(record);
  const recorderPort = await listen(recorder);

  const tap = createServer((peer) => {
    const service = connect(Number(target.port), target.hostname);
    const copy = connect(recorderPort, '127.0.0.1');
    peer.on('data', (chunk) => {
      service.write(chunk);
      copy.write(chunk);
    });
    peer.on('end', () => {
      service.end();
      copy.end();
    });
    service.pipe(peer);
    copy.resume();
    for (const socket of [peer, service, copy]) {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    }
    peer.on('error', () => service.destroy());
    service.on('error', () => peer.destroy());
    copy.on('error', (error) => failures.push(error));
  });
  const tapPort = await listen(tap);

  return {
    url: `http://127.0.0.1:${tapPort}`,
    requests,
    async spans(count) {
      for (const deadline = Date.now() + 15_000; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
        if (failures[0]) throw failures[0];
        // A peer may send a batch twice when an answer was late.
        const distinct = new Map(
          requests.flatMap(({ spans }) => spans).map((span) => [`${span.traceId}/${span.spanId}`, span]),
        );
        if (distinct.size >= count) return [...distinct.values()];
        if (Date.now() > deadline) throw new Error(`The peer sent ${distinct.size} spans of ${count} within 15 s.`);
      }
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      await Promise.all([tap, recorder].map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}

/** The peer keeps to the windows of the service, whose answers it gets: those of the recorder must be no smaller. */
const WIDE = { settings: { initialWindowSize: 2 ** 26, maxConcurrentStreams: 10_000 } };

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}
