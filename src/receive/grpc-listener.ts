import type { Http2Server } from 'node:http2';
import { type AddressInfo, type Server, type Socket, createServer } from 'node:net';

const MAX_CONNECTIONS = 4_096;
const FIRST_BYTES_WITHIN_MS = 10_000;
const KEEP_ALIVE_MS = 60_000;

/**
 * Takes connections and hands them to an HTTP/2 server that does not listen itself. Whoever speaks HTTP/1 is told so in HTTP/1: the most
 * frequent mistake with OTLP is the wrong one of its two ports, and HTTP/2 alone would just hang up.
 */
export class GrpcListener {
  private readonly server: Server;
  /** Connections that have sent nothing yet. */
  private readonly silent = new Set<Socket>();

  constructor(http2: Http2Server, advice: string) {
    const refusal = refusalInHttp1(advice);
    this.server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS }, (socket) => {
      this.silent.add(socket);
      socket.once('close', () => this.silent.delete(socket));
      socket.on('error', () => undefined);
      socket.setTimeout(FIRST_BYTES_WITHIN_MS, () => socket.destroy());
      socket.once('readable', () => {
        const first = socket.read() as Buffer | null;
        if (first === null) return socket.destroy();
        if (!isHttp2(first)) return socket.end(refusal, () => socket.destroySoon());
        this.silent.delete(socket);
        socket.setTimeout(0);
        socket.unshift(first);
        http2.emit('connection', socket);
      });
    });
    this.server.maxConnections = MAX_CONNECTIONS;
  }

  /** Listens and returns the address, as in 127.0.0.1:4317. */
  listen(host: string, port: number): Promise<string> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(port, host, () => {
        this.server.off('error', reject);
        const { address, family, port: bound } = this.server.address() as AddressInfo;
        resolve(`${family === 'IPv6' ? `[${address}]` : address}:${bound}`);
      });
    });
  }

  /** Takes no more connections; resolves when those that it handed over have ended. */
  close(): Promise<void> {
    for (const socket of this.silent) socket.destroy();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }
}

/** Whether a connection may begin with PRI, as all of HTTP/2 do. */
function isHttp2(first: Buffer): boolean {
  return first.subarray(0, 3).equals(Buffer.from('PRI').subarray(0, first.length));
}

function refusalInHttp1(advice: string): string {
  const head = ['HTTP/1.1 400 Bad Request', 'content-type: text/plain', `content-length: ${Buffer.byteLength(advice)}`];
  return [...head, 'connection: close', '', advice].join('\r\n');
}
