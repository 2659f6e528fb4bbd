import { Api, ApiError, type Identity, keyIdentity } from './api.js';
import type { Receiver } from './receiver.js';
import { startReceiver } from './receiver.js';
import type { ReceivedMessage } from './receiver.js';

const CLOSE_PATIENCE_MS = 5_000;

/**
 * A tenant of one's own for one run, with an identity and a webhook channel that ends in this process. What is told is up to the
 * default rule, which every tenant has.
 */
export interface Session {
  api: Api;
  /** What requests of this tenant carry: a key of its own, or its name where the service knows no keys yet. */
  identity: Identity;
  tenant: string;
  /** Null when the service cannot reach this process; `unreachable` says why. */
  receiver: Receiver | null;
  unreachable: string | null;
  /** Takes away what would outlive the run: the channel and, unless it is to be kept, the key. */
  close(keepKey: boolean): Promise<void>;
}

/** Makes the tenant, its key and its channel. `api` needs the scope admin (or a service without keys on this machine). */
export async function openSession(
  api: Api,
  tenant: string,
  onMessage?: (message: ReceivedMessage) => void,
): Promise<Session> {
  const { id: tenantId } = await api.createTenant(tenant);
  const made = await createKey(api, tenant, tenantId);
  const identity = made === null ? { 'x-tracehound-tenant': tenant } : keyIdentity(made.key);
  const own = api.as(identity);
  const undo: (() => Promise<void>)[] = [];
  const close = async (keepKey: boolean): Promise<void> => {
    for (const step of undo.reverse()) await step().catch(() => undefined);
    if (made !== null && !keepKey) {
      await own
        .withPatience(CLOSE_PATIENCE_MS)
        .deleteKey(made.id)
        .catch(() => undefined);
    }
  };
  try {
    const receiver = await startReceiver('127.0.0.1', onMessage);
    undo.push(() => receiver.close());
    const unreachable = await connect(own, receiver, undo);
    return { api: own, identity, tenant, receiver: unreachable === null ? receiver : null, unreachable, close };
  } catch (error) {
    await close(false);
    throw error;
  }
}

// Null on a service without keys: the first one would lock out everybody who works without.
async function createKey(api: Api, tenant: string, tenantId: number): Promise<{ id: string; key: string } | null> {
  try {
    return await api.createKey(tenant, ['ingest', 'read', 'admin'], tenantId);
  } catch (error) {
    if (error instanceof ApiError && error.code === 'first_key') return null;
    throw error;
  }
}

// Null when a test message arrived with a right signature, else why not.
async function connect(api: Api, receiver: Receiver, undo: (() => Promise<void>)[]): Promise<string | null> {
  try {
    const channel = await api.createWebhook('receiver', receiver.url);
    undo.push(() => api.withPatience(CLOSE_PATIENCE_MS).deleteChannel(channel.id));
    if (!channel.signingSecret) return 'the service gave no signing secret';
    receiver.useSecret(channel.signingSecret);
    const test = await api.testChannel(channel.id);
    return test.outcome === 'sent' ? null : `a test message did not arrive: ${test.reason}`;
  } catch (error) {
    if (error instanceof ApiError) return error.message;
    throw error;
  }
}
