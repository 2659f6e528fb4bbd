// Sockets on which connections arrive, kept by the supervisor: while one process of the service ends and another begins,
// connections wait or go to the other one, and none is refused. The service opens them, since it knows its settings.

export class KeptSockets {
  #sockets = new Map();

  /** Gives a child the sockets that it asks for, and keeps those that it opens. Returns the addresses that it uses. */
  serve(child) {
    const used = new Set();
    child.on('message', (message, socket) => {
      const { tracehound: what, address } = message;
      if (what === 'ask') {
        const kept = this.#sockets.get(address);
        if (kept) used.add(address);
        child.send({ tracehound: 'socket', address }, kept, () => undefined);
      }
      if (what === 'keep' && socket) {
        used.add(address);
        this.#sockets.get(address)?.close();
        this.#sockets.set(address, socket);
      }
    });
    return used;
  }

  /** Closes those that nobody takes connections from any more. */
  closeAllBut(used) {
    for (const [address, socket] of this.#sockets) {
      if (used.has(address)) continue;
      socket.close();
      this.#sockets.delete(address);
    }
  }
}
