/** One HTTP/2 connection that sends any number of OTLP/gRPC calls at a time, whose messages are compressed already. */
import { type ClientHttp2Session, connect } from 'node:http2';

const EXPORT = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';

export class GrpcConnection {
  private session: ClientHttp2Session | null = null;

  constructor(private readonly authority: string) {}

  /** 200 for grpc-status 0, else 1000 + grpc-status. */
  send(body: Buffer): Promise<number> {
    return new Promise((resolve, reject) => {
      const session = (this.session ??= this.open());
      const stream = session.request({
        ':method': 'POST',
        ':path': EXPORT,
        'content-type': 'application/grpc',
        'grpc-encoding': 'gzip',
        te: 'trailers',
      });
      let status: number | undefined;
      const note = (headers: Record<string, unknown>) => {
        if (headers['grpc-status'] !== undefined) status = Number(headers['grpc-status']);
      };
      stream.on('response', note).on('trailers', note);
      stream.on('error', reject);
      stream.on('close', () => {
        if (status === undefined) reject(new Error('the call ended without a status'));
        else resolve(status === 0 ? 200 : 1_000 + status);
      });
      stream.resume();
      const prefix = Buffer.alloc(5);
      prefix[0] = 1;
      prefix.writeUInt32BE(body.length, 1);
      stream.cork();
      stream.write(prefix);
      stream.end(body);
      stream.uncork();
    });
  }

  close(): void {
    this.session?.destroy();
  }

  private open(): ClientHttp2Session {
    const session = connect(`http://${this.authority}`);
    session.on('error', () => undefined);
    session.on('close', () => {
      if (this.session === session) this.session = null;
    });
    return session;
  }
}
