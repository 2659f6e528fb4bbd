import type { Server } from 'node:net';
import { type Listen, listen, listening } from './listen.js';

const ANSWER_WITHIN_MS = 5_000;

/** What the supervisor says; a socket comes with its message, unless the supervisor has none of this address. */
type FromSupervisor = { tracehound: 'socket'; address: string } | { tracehound: 'retire' };

type Handle = object | undefined;

/**
 * The service's end of the channel to scripts/start.mjs. The supervisor keeps the sockets on which connections arrive: while one process
 * ends and the next begins, connections wait or go to the other one, and none is refused.
 */
export class Supervisor {
  private readonly asked = new Map<string, (socket: Handle) => void>();

  /** `onRetire` is called when another process has taken over. */
  constructor(onRetire: () => void) {
    process.on('message', (message: FromSupervisor, socket: unknown) => {
      if (message.tracehound === 'retire') onRetire();
      else this.asked.get(message.address)?.(socket as Handle);
    });
  }

  /** On the socket that the supervisor keeps for this address, or else on a new one, which it then keeps. */
  readonly listen: Listen = async (server, host, port) => {
    const address = `${host} ${port}`;
    const kept = await this.ask(address);
    if (kept) return listening(server, () => server.listen(kept));
    const where = await listen(server, host, port);
    // The socket itself: a server that is sent would begin to take connections where it arrives.
    const { _handle } = server as Server & { _handle: never };
    process.send?.({ tracehound: 'keep', address }, _handle, undefined, () => undefined);
    return where;
  };

  /** Tells that this process takes what comes. */
  serves(): void {
    process.send?.({ tracehound: 'serves' });
  }

  private ask(address: string): Promise<Handle> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ANSWER_WITHIN_MS, undefined);
      this.asked.set(address, (socket) => {
        clearTimeout(timer);
        this.asked.delete(address);
        resolve(socket);
      });
      process.send?.({ tracehound: 'ask', address });
    });
  }
}
