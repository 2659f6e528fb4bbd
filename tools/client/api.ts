import { setTimeout as sleep } from 'node:timers/promises';
import type { IncidentDetailView, IncidentList, IncidentView } from '../../src/query/incidents-contract.js';
import type { OperationList } from '../../src/query/services-contract.js';
import type { HealthView, PipelineView } from '../../src/query/system-contract.js';

const ATTEMPT_TIMEOUT_MS = 30_000;
const PAUSE_MS = 500;

/** The service answered, and the answer is no. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

/** Headers that say on whose behalf a request is made. */
export type Identity = Record<string, string>;

export function keyIdentity(key: string | null | undefined): Identity {
  return key ? { authorization: `Bearer ${key}` } : {};
}

export interface CreatedChannel {
  id: string;
  signingSecret?: string;
}

/** A client of Tracehound's own API. Requests wait for a service that is away (restarting) for up to `patienceMs`. */
export class Api {
  constructor(
    readonly url: string,
    private readonly identity: Identity = {},
    private readonly patienceMs = 180_000,
  ) {}

  as(identity: Identity): Api {
    return new Api(this.url, identity, this.patienceMs);
  }

  withPatience(patienceMs: number): Api {
    return new Api(this.url, this.identity, patienceMs);
  }

  health(): Promise<HealthView> {
    return this.ask('GET', '/health');
  }

  pipeline(): Promise<PipelineView> {
    return this.ask('GET', '/api/v1/pipeline');
  }

  operations(): Promise<OperationList> {
    return this.ask('GET', '/api/v1/operations?limit=5000');
  }

  incident(id: string): Promise<IncidentDetailView> {
    return this.ask('GET', `/api/v1/incidents/${id}`);
  }

  /** All incidents of the tenant, latest first. */
  async incidents(): Promise<IncidentView[]> {
    const all: IncidentView[] = [];
    let cursor: string | null = null;
    do {
      const page: IncidentList = await this.ask(
        'GET',
        `/api/v1/incidents?limit=200${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`,
      );
      all.push(...page.incidents);
      cursor = page.nextCursor;
    } while (cursor);
    return all;
  }

  createTenant(name: string): Promise<{ id: number }> {
    return this.ask('POST', '/api/v1/tenants', { name });
  }

  createKey(name: string, scopes: string[], tenantId: number): Promise<{ id: string; key: string }> {
    return this.ask('POST', '/api/v1/keys', { name, scopes, tenantId });
  }

  deleteKey(id: string): Promise<void> {
    return this.ask('DELETE', `/api/v1/keys/${id}`);
  }

  createWebhook(name: string, url: string): Promise<CreatedChannel> {
    return this.ask('POST', '/api/v1/channels', { name, type: 'webhook', url });
  }

  /** Sends a test message; `outcome` is `sent` when the receiver took it. */
  testChannel(id: string): Promise<{ outcome: string; reason: string }> {
    return this.ask('POST', `/api/v1/channels/${id}/test`);
  }

  deleteChannel(id: string): Promise<void> {
    return this.ask('DELETE', `/api/v1/channels/${id}`);
  }

  private async ask<T>(method: string, path: string, body?: unknown): Promise<T> {
    const giveUpAtMs = Date.now() + this.patienceMs;
    for (;;) {
      try {
        return await this.attempt<T>(method, path, body);
      } catch (error) {
        // A request that may have been carried out is not sent again, except a harmless one.
        const away = error instanceof ApiError ? error.status === 503 : method === 'GET' || wasRefused(error);
        if (!away || Date.now() + PAUSE_MS > giveUpAtMs) throw error;
        await sleep(PAUSE_MS);
      }
    }
  }

  private async attempt<T>(method: string, path: string, body?: unknown): Promise<T> {
    let response: Response;
    try {
      response = await fetch(this.url + path, {
        method,
        headers: {
          ...this.identity,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(ATTEMPT_TIMEOUT_MS),
      });
    } catch (error) {
      throw new Error(`${this.url} does not answer (${reasonOf(error)})`, { cause: error });
    }
    const text = await response.text();
    const json = parse(text);
    if (response.ok) return json as T;
    const { code, message } = (json as { error?: { code?: string; message?: string } } | null)?.error ?? {};
    throw new ApiError(
      response.status,
      code ?? 'unknown',
      `${method} ${this.url}${path} was answered with ${response.status}: ${message ?? text.slice(0, 300)}`,
    );
  }
}

function wasRefused(error: unknown): boolean {
  return reasonOf((error as Error).cause).includes('ECONNREFUSED');
}

/** Why a request got no answer: the system's code where there is one. */
export function reasonOf(error: unknown): string {
  const { cause, message } = error as Error & { cause?: { code?: string; message?: string } };
  return cause?.code ?? cause?.message ?? message;
}

function parse(text: string): unknown {
  try {
    return text === '' ? null : (JSON.parse(text) as unknown);
  } catch {
    return null;
  }
}
