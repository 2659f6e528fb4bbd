/** One keep-alive connection that sends one request at a time; as little work as HTTP/1.1 allows, for the sender shares the machine. */
import { type Socket, connect } from 'node:net';

const HEAD_END = Buffer.from('\r\n\r\n');

export interface Target {
  host: string;
  port: number;
  path: string;
  headers: Record<string, string>;
}

export class Connection {
  private socket: Socket | null = null;
  private received: Buffer = Buffer.alloc(0);
  private waiting: { resolve: (status: number) => void; reject: (error: Error) => void } | null = null;
  private readonly head: string;

  constructor(private readonly target: Target) {
    const fields = Object.entries(target.headers).map(([name, value]) => `${name}: ${value}\r\n`);
    this.head = `POST ${target.path} HTTP/1.1\r\nhost: ${target.host}:${target.port}\r\n${fields.join('')}content-length: `;
  }

  /** Status of the answer. Throws when the connection cannot be made or is lost. */
  send(body: Buffer): Promise<number> {
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject };
      const socket = (this.socket ??= this.open());
      socket.cork();
      socket.write(`${this.head}${body.length}\r\n\r\n`, 'latin1');
      socket.write(body);
      socket.uncork();
    });
  }

  close(): void {
    this.socket?.destroy();
  }

  private open(): Socket {
    const socket = connect({ host: this.target.host, port: this.target.port, noDelay: true });
    const lose = (error?: Error) => {
      if (this.socket !== socket) return;
      this.socket = null;
      this.received = Buffer.alloc(0);
      this.settle()?.reject(error ?? new Error('the connection was closed'));
    };
    socket.on('data', (chunk: Buffer) => this.receive(chunk));
    socket.on('error', lose).on('close', () => lose());
    return socket;
  }

  private receive(chunk: Buffer): void {
    this.received = this.received.length === 0 ? chunk : Buffer.concat([this.received, chunk]);
    const end = this.received.indexOf(HEAD_END);
    if (end < 0) return;
    const head = this.received.toString('latin1', 0, end);
    const bodyAt = end + HEAD_END.length;
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length !== undefined) {
      if (this.received.length < bodyAt + Number(length)) return;
    } else if (/\r\ntransfer-encoding: *chunked/i.test(head)) {
      if (!this.received.subarray(bodyAt).toString('latin1').endsWith('0\r\n\r\n')) return;
    }
    this.received = Buffer.alloc(0);
    if (/\r\nconnection: *close/i.test(head)) {
      const socket = this.socket;
      this.socket = null;
      socket?.end();
    }
    this.settle()?.resolve(Number(head.slice(9, 12)));
  }

  private settle() {
    const { waiting } = this;
    this.waiting = null;
    return waiting;
  }
}
