import * as grpc from '@grpc/grpc-js';
import { type ClientHttp2Session, type OutgoingHttpHeaders, connect, constants } from 'node:http2';
import protobuf from 'protobufjs';

export const EXPORT = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';

const { root } = protobuf.parse(`
  syntax = "proto3";
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message Any { string type_url = 1; bytes value = 2; }
`);

/** What a client hears of a call. */
interface GrpcAnswer {
  /** Of gRPC; 0 is OK. */
  code: number;
  message: string;
  /** Types of the details, without their package, such as RetryInfo. */
  details: string[];
  body: Buffer;
}

interface CallOptions {
  path?: string;
  metadata?: Record<string, string>;
  deadlineMs?: number;
}

/** A client that shares nothing with the service: @grpc/grpc-js, one connection. */
export class GrpcClient {
  private readonly client: grpc.Client;

  constructor(address: string, options: grpc.ClientOptions = {}) {
    this.client = new grpc.Client(address, grpc.credentials.createInsecure(), {
      // A connection of its own, which does not wait long after the service was away.
      'grpc.use_local_subchannel_pool': 1,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 200,
      'grpc.enable_retries': 0,
      ...options,
    });
  }

  /** Calls Export, or the method at `path`, with a message; never rejects. */
  call(message: Buffer, { path = EXPORT, metadata = {}, deadlineMs = 20_000 }: CallOptions = {}) {
    return new Promise<GrpcAnswer>((resolve) => {
      const fields = new grpc.Metadata();
      for (const [name, value] of Object.entries(metadata)) fields.set(name, value);
      this.client.makeUnaryRequest(
        path,
        (bytes: Buffer) => bytes,
        (bytes: Buffer) => bytes,
        message,
        fields,
        { deadline: Date.now() + deadlineMs },
        (error, body) =>
          resolve({
            code: error?.code ?? 0,
            message: error?.details ?? '',
            details: detailsOf(error?.metadata.get('grpc-status-details-bin')[0] as Buffer | undefined),
            body: body ?? Buffer.alloc(0),
          }),
      );
    });
  }

  close(): void {
    this.client.close();
  }
}

/** How a call over plain HTTP/2 ended. */
interface RawAnswer {
  /** Of HTTP; 0 when nothing came. */
  status: number;
  headers: Record<string, string>;
  /** Those of a call that has no response message stand in `headers`. */
  trailers: Record<string, string>;
  body: Buffer;
}

/** Sends `chunks` in a stream of their own, whatever they are, and ends it unless told otherwise. */
export async function rawCall(
  address: string,
  chunks: Buffer[],
  { headers = {}, isEnded = true }: { headers?: OutgoingHttpHeaders; isEnded?: boolean } = {},
): Promise<RawAnswer> {
  const session = await openSession(address);
  try {
    return await rawCallOn(session, chunks, { headers, isEnded });
  } finally {
    session.destroy();
  }
}

/** The same on a connection that is open. */
export function rawCallOn(
  session: ClientHttp2Session,
  chunks: Buffer[],
  {
    headers = {},
    isEnded = true,
    cancelAfterMs,
  }: { headers?: OutgoingHttpHeaders; isEnded?: boolean; cancelAfterMs?: number } = {},
): Promise<RawAnswer> {
  const given = { ':method': 'POST', ':path': EXPORT, 'content-type': 'application/grpc', te: 'trailers', ...headers };
  const stream = session.request(Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)));
  const answer: RawAnswer = { status: 0, headers: {}, trailers: {}, body: Buffer.alloc(0) };
  return new Promise((resolve) => {
    const body: Buffer[] = [];
    stream.on('response', (fields) => {
      answer.status = Number(fields[':status']);
      answer.headers = fields as unknown as Record<string, string>;
    });
    stream.on('trailers', (fields) => (answer.trailers = fields as unknown as Record<string, string>));
    stream.on('data', (chunk: Buffer) => body.push(chunk));
    // Bytes that the service no longer wants.
    stream.on('error', () => undefined);
    stream.on('close', () => resolve({ ...answer, body: Buffer.concat(body) }));
    for (const chunk of chunks) stream.write(chunk);
    if (isEnded) stream.end();
    if (cancelAfterMs !== undefined) setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), cancelAfterMs);
  });
}

/** A connection over HTTP/2 without TLS. */
export function openSession(address: string): Promise<ClientHttp2Session> {
  return new Promise((resolve, reject) => {
    const session = connect(`http://${address}`, () => resolve(session));
    session.on('error', reject);
  });
}

/** A message behind its prefix: flags, and a length that may lie. */
export function framed(message: Buffer, { flags = 0, length = message.length } = {}): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = flags;
  prefix.writeUInt32BE(length, 1);
  return Buffer.concat([prefix, message]);
}

/** Types of the details in a `grpc-status-details-bin`, without their package. */
export function detailsOf(value: Buffer | string | undefined): string[] {
  if (value === undefined) return [];
  const bytes = typeof value === 'string' ? Buffer.from(value, 'base64') : value;
  const { details = [] } = root.lookupType('Status').decode(bytes).toJSON() as { details?: { typeUrl: string }[] };
  return details.map(({ typeUrl }) => typeUrl.slice(typeUrl.lastIndexOf('.') + 1));
}
