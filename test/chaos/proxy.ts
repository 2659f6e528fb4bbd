import { type Server, type Socket, connect, createServer } from 'node:net';

/** A TCP proxy on loopback that can be a bad network. */
export class Proxy {
  /** Ms that every piece is held up, each way. */
  delayMs = 0;
  /** Bytes to the target after which a connection is cut; null: never. */
  cutAfterBytes: (() => number) | null = null;
  private isAway = false;
  private readonly open = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly targetPort: number,
  ) {}

  static async start(targetPort: number): Promise<Proxy> {
    const server = createServer();
    const proxy = new Proxy(server, targetPort);
    server.on('connection', (socket) => proxy.join(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.server.address() as { port: number }).port;
  }

  /** Cuts what is open and takes nothing new. */
  goAway(): void {
    this.isAway = true;
    for (const socket of this.open) socket.destroy();
  }

  comeBack(): void {
    this.isAway = false;
    this.delayMs = 0;
    this.cutAfterBytes = null;
  }

  async close(): Promise<void> {
    this.goAway();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private join(client: Socket): void {
    if (this.isAway) {
      client.destroy();
      return;
    }
    const target = connect(this.targetPort, '127.0.0.1');
    let left = this.cutAfterBytes?.() ?? Infinity;
    const cut = () => {
      client.destroy();
      target.destroy();
    };
    for (const [from, to] of [
      [client, target],
      [target, client],
    ] as const) {
      this.open.add(from);
      from.setNoDelay(true);
      from.on('error', cut).on('close', () => {
        this.open.delete(from);
        cut();
      });
      let before = Promise.resolve();
      from.on('data', (bytes: Buffer) => {
        // A cut in the middle of a message: the first part still arrives.
        const whole = from === target || bytes.length <= left;
        const part = whole ? bytes : bytes.subarray(0, left);
        if (from === client) left -= part.length;
        const { delayMs } = this;
        before = before.then(async () => {
          if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
          if (!to.destroyed) to.write(part);
          if (!whole) setTimeout(cut, 5);
        });
      });
    }
  }
}
