import type { AddressInfo, Server } from 'node:net';

/** Makes a server listen and returns where it does, as in 127.0.0.1:4317. Throws when it cannot. */
export type Listen = (server: Server, host: string, port: number) => Promise<string>;

/** Injection token of the `Listen` of this process. */
export const LISTEN = Symbol('listen');

/** On a socket of this process's own. */
export const listen: Listen = (server, host, port) => listening(server, () => server.listen(port, host));

/** Waits until what `begin` begins has made the server listen. */
export function listening(server: Server, begin: () => void): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.off('error', reject);
      const { address, family, port } = server.address() as AddressInfo;
      resolve(`${family === 'IPv6' ? `[${address}]` : address}:${port}`);
    });
    begin();
  });
}
