import { type Server, type Socket, createServer } from 'node:net';
import type { Listen } from '../listen.js';

const MAX_CONNECTIONS = 4_096;
const FIRST_BYTES_WITHIN_MS = 10_000;
const KEEP_ALIVE_MS = 60_000;

/**
 * Takes connections and passes on those that speak HTTP/2. Whoever speaks HTTP/1 is told so in HTTP/1: the most
 * frequent mistake with OTLP is the wrong one of its two ports, and HTTP/2 alone would just hang up.
 */
export class GrpcListener {
  private readonly server: Server;
  /** Connections that have sent nothing yet. */
  private readonly silent = new Set<Socket>();

  constructor(take: (socket: Socket) => void, advice: string) {
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
        take(socket);
      });
    });
    this.server.maxConnections = MAX_CONNECTIONS;
  }

  /** Listens and returns the address, as in 127.0.0.1:4317. */
  listen(host: string, port: number, listen: Listen): Promise<string> {
    return listen(this.server, host, port);
  }

  /** Whether a connection has been taken that has not sent anything yet. */
  get isAwaited(): boolean {
    return this.silent.size > 0;
  }

  /** Takes no more connections; those that are open stay. */
  stopTaking(): void {
    this.server.close();
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
