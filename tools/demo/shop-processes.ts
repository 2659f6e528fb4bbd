import type { Identity } from '../client/api.js';
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { SERVICES } from './messages.js';
import type { FaultKind, Listening, Order, ServiceName } from './messages.js';

const START_MS = 20_000;
const STOP_MS = 6_000;

/** The shop's five processes. */
export class Shop {
  private constructor(
    private readonly children: Map<ServiceName, ChildProcess>,
    /** Where customers come in. */
    readonly url: string,
  ) {}

  /** Starts the processes and introduces them to each other. */
  static async start(otlpUrl: string, identity: Identity): Promise<Shop> {
    const children = new Map<ServiceName, ChildProcess>();
    try {
      const started = SERVICES.map(async (service) => {
        const child = fork(fileURLToPath(new URL('./shop.js', import.meta.url)), {
          stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
        });
        children.set(service, child);
        const listening = once(child, 'message', { signal: AbortSignal.timeout(START_MS) });
        tell(child, { kind: 'start', service, otlpUrl, identity });
        const [{ url }] = (await listening) as [Listening];
        return [service, url] as const;
      });
      const urls = Object.fromEntries(await Promise.all(started)) as Record<ServiceName, string>;
      for (const child of children.values()) tell(child, { kind: 'peers', urls });
      return new Shop(children, urls.frontend);
    } catch (error) {
      for (const child of children.values()) child.kill('SIGKILL');
      throw new Error(`the shop did not start: ${(error as Error).message}`, { cause: error });
    }
  }

  /** Breaks a service, or repairs it with null. */
  setFault(service: ServiceName, fault: FaultKind | null): void {
    const child = this.children.get(service);
    if (child) tell(child, { kind: 'fault', fault });
  }

  /** Ends every process, by force if need be. */
  async stop(): Promise<void> {
    await Promise.all([...this.children.values()].map((child) => end(child)));
  }
}

function tell(child: ChildProcess, order: Order): void {
  if (child.connected) child.send(order, () => undefined);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  tell(child, { kind: 'stop' });
  const force = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await exited;
  clearTimeout(force);
}
