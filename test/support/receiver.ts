import { once } from 'node:events';
import { connect } from 'node:net';
import { AccessService } from '../../src/access/access.service.js';
import { listen } from '../../src/listen.js';
import { BodyBudget } from '../../src/receive/body-budget.js';
import { ingestHealth } from '../../src/receive/health.js';
import { LogReceiver } from '../../src/receive/log-receiver.js';
import { OtlpHttpServer } from '../../src/receive/otlp-http.controller.js';
import { RateLimits } from '../../src/receive/rate-limits.js';
import { Receiver } from '../../src/receive/receiver.js';
import { Refusals } from '../../src/receive/refusals.js';
import { KeyStore } from '../../src/store/key.store.js';
import { TenantSettingsStore } from '../../src/store/tenant-settings.store.js';
import { TenantStore } from '../../src/store/tenant.store.js';
import { openJournal, type TestJournal } from './journal.js';

/** The OTLP port of one process, without the rest of the service. */
export interface TestReceiver {
  url: string;
  journal: TestJournal;
  access: AccessService;
  close(): Promise<void>;
}

/** Opens a receiver on a database and a free port; `settings` are environment variables. */
export async function openReceiver(databaseUrl: string, settings: Record<string, string> = {}): Promise<TestReceiver> {
  const journal = await openJournal(databaseUrl, settings);
  const access = new AccessService(new KeyStore(journal.db), new TenantStore(journal.db), journal.config);
  const tenantSettings = new TenantSettingsStore(journal.db);
  const refusals = new Refusals(tenantSettings);
  const rates = new RateLimits(tenantSettings, journal.config);
  const receiver = new Receiver(journal.journal, rates, journal.config);
  const logReceiver = new LogReceiver(journal.logs, rates, journal.config);
  const server = new OtlpHttpServer(
    {
      authenticate: async ({ headers }) => (await access.authenticate(headers.authorization, headers)).tenantId,
      refused: (tenantId, error) => refusals.count(tenantId, error),
      export: (request, share) => receiver.export(request, share),
      exportLogs: (request, share) => logReceiver.export(request, share),
      health: () =>
        ingestHealth(
          journal.db.query('select 1').then(() => undefined),
          Promise.resolve(),
        ),
    },
    journal.config.ingest,
    new BodyBudget(journal.config.ingest.maxPendingBytes),
  );
  const url = await server.listen('127.0.0.1', 0, listen);
  return {
    url,
    journal,
    access,
    close: async () => {
      await server.close();
      await refusals.stop();
      await journal.close();
    },
  };
}

export interface RawAnswer {
  status: number;
  contentType: string | null;
  headers: Headers;
  body: Buffer;
}

/** POSTs a body to /v1/traces, or to another path. */
export async function post(
  url: string,
  body: Uint8Array | string,
  headers: Record<string, string>,
  path = '/v1/traces',
): Promise<RawAnswer> {
  const answer = await fetch(`${url}${path}`, { method: 'POST', body: body as BodyInit, headers });
  return {
    status: answer.status,
    contentType: answer.headers.get('content-type'),
    headers: answer.headers,
    body: Buffer.from(await answer.arrayBuffer()),
  };
}

/** Writes bytes to the port as they are and returns all that comes back until the server closes the connection. */
export async function sendRaw(url: string, bytes: string | Buffer, options: { ends?: boolean } = {}): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', () => undefined);
  socket.write(bytes);
  if (options.ends) socket.end();
  await once(socket, 'close');
  return Buffer.concat(chunks).toString('latin1');
}
