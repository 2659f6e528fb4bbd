import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { createTestDatabase } from '../support/database.js';
import { startService, type Service } from '../support/service.js';
import { Proxy } from '../chaos/proxy.js';
import { itWith, otelcol, run, startCollector, telemetrygen } from './peers.js';

const itWithCollector = itWith({ otelcol, telemetrygen });
const TRACES = 60;
/** Twice: what is under way at once is let in together, what comes after it has to wait. */
const SPANS = TRACES * 4 * 2;
const STORED_WITHIN_MS = 40_000;

function collectorTo(service: Service, protocol: 'http' | 'grpc') {
  return startCollector(
    otelcol!,
    protocol === 'grpc'
      ? { grpcAddress: service.grpcAddress, compression: 'gzip' }
      : { url: service.otlpUrl, encoding: 'proto', compression: 'gzip' },
  );
}

/** Waits until so many are stored, or it has taken too long. */
async function reached(stored: () => Promise<number>, spans: number): Promise<void> {
  for (const giveUpMs = Date.now() + STORED_WITHIN_MS; Date.now() < giveUpMs; await sleep(200)) {
    if ((await stored()) >= spans) return;
  }
}

describe('a tenant that sends too much', () => {
  let database: Awaited<ReturnType<typeof createTestDatabase>>;
  let service: Service;
  let client: pg.Client;

  beforeAll(async () => {
    database = await createTestDatabase('retry');
    const env = { INGEST_MAX_SPANS_PER_SECOND: '150', INGEST_BURST_S: '1' };
    service = await startService({ databaseUrl: database.url, env });
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
  });
  afterAll(async () => {
    await client?.end();
    await service?.stop();
    await database?.drop();
  });

  async function countOf(sql: string): Promise<number> {
    return Number((await client.query<{ n: string }>(sql)).rows[0]!.n);
  }
  const stored = () => countOf(`select coalesce(sum(n), 0) as n from span_counts where outcome = 'stored'`);
  const refused = () => countOf(`select coalesce(sum(n), 0) as n from refused_requests where reason = 'rate_spans'`);

  for (const { protocol, refusal } of [
    { protocol: 'http', refusal: /429|Too Many Requests/ },
    { protocol: 'grpc', refusal: /ResourceExhausted/ },
  ] as const) {
    itWithCollector(
      `is refused over ${protocol} and loses nothing: the Collector repeats when it was told to`,
      async () => {
        const before = { stored: await stored(), refused: await refused() };
        const collector = await collectorTo(service, protocol);
        let log: string;
        try {
          const size = ['--traces', String(TRACES), '--child-spans', '3', '--rate', '0'];
          const to = ['--otlp-http', '--otlp-insecure', '--otlp-endpoint', collector.endpoint];
          for (let times = 0; times < 2; times++) {
            await run(telemetrygen!, ['traces', ...to, ...size, '--service', `hurried over ${protocol}`]);
            await sleep(500);
          }
          await reached(stored, before.stored + SPANS);
        } finally {
          log = await collector.stop();
        }
        expect(log).toMatch(/Will retry the request after interval/);
        expect(log).toMatch(refusal);
        expect(log).not.toMatch(/Dropping data/);
        expect((await stored()) - before.stored).toBe(SPANS);
        await sleep(1_200);
        expect(await refused()).toBeGreaterThan(before.refused);
      },
    );
  }
});

describe('a database that is away for some seconds', () => {
  const AWAY_MS = 4_000;
  let database: Awaited<ReturnType<typeof createTestDatabase>>;
  let proxy: Proxy;
  let service: Service;
  let client: pg.Client;

  beforeAll(async () => {
    database = await createTestDatabase('away');
    const url = new URL(database.url);
    proxy = await Proxy.start(Number(url.port));
    url.hostname = '127.0.0.1';
    url.port = String(proxy.port);
    service = await startService({ databaseUrl: url.href });
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
  });
  afterAll(async () => {
    await client?.end();
    await service?.stop();
    await proxy?.close();
    await database?.drop();
  });

  for (const { protocol, refusal } of [
    { protocol: 'http', refusal: /503|Service Unavailable/ },
    { protocol: 'grpc', refusal: /Unavailable/ },
  ] as const) {
    itWithCollector(`is said over ${protocol}, and the Collector repeats until all is stored once`, async () => {
      const name = `steady over ${protocol}`;
      const stored = async () => {
        const { rows } = await client.query<{ n: string }>(
          `select coalesce(sum(p.n), 0) as n from posting_totals p where tenant_id = 1`,
        );
        return Number(rows[0]!.n);
      };
      const before = await stored();
      const collector = await collectorTo(service, protocol);
      let log: string;
      try {
        proxy.goAway();
        const to = ['--otlp-http', '--otlp-insecure', '--otlp-endpoint', collector.endpoint];
        const size = ['--traces', String(TRACES), '--child-spans', '3', '--rate', '0', '--service', name];
        await run(telemetrygen!, ['traces', ...to, ...size]);
        await sleep(AWAY_MS);
        expect(await stored()).toBe(before);
        proxy.comeBack();
        await reached(stored, before + SPANS / 2);
        await sleep(1_000);
      } finally {
        log = await collector.stop();
      }
      expect(log).toMatch(/Will retry the request after interval/);
      expect(log).toMatch(refusal);
      expect(log).not.toMatch(/Dropping data/);
      expect((await stored()) - before).toBe(SPANS / 2);
    });
  }
});
