import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import pg from 'pg';
import { createTestDatabase } from '../support/database.js';
import { startService } from '../support/service.js';
import { goWithSdk, itWith, javaWithSdk, run } from './peers.js';
import { expectStored, knownServices } from './read-back.js';
import { startWireTap } from './wire-tap.js';

const SPANS = 400;
/** Go links the program first, Java compiles it: some seconds, more on a busy machine. */
const ENDS_WITHIN_MS = 55_000;

type Protocol = 'http' | 'grpc';

interface Sender {
  name: string;
  itIf: ReturnType<typeof itWith>;
  send(protocol: Protocol, url: string, service: string): Promise<string>;
}

const SENDERS: Sender[] = [
  {
    name: 'Go',
    itIf: itWith({ 'go with the modules of test/interop/sdk-go (go mod download)': goWithSdk }),
    send: (protocol, url, service) =>
      run(
        goWithSdk!,
        ['-C', 'test/interop/sdk-go', 'run', '.', protocol, new URL(url).host, service, String(SPANS)],
        { GOPROXY: 'off' },
        ENDS_WITHIN_MS,
      ),
  },
  {
    name: 'Java',
    itIf: itWith({ 'java with the class path of test/interop/sdk-java (see its pom.xml)': javaWithSdk?.program }),
    send: (protocol, url, service) =>
      run(
        javaWithSdk!.program,
        ['-cp', javaWithSdk!.classPath, 'test/interop/sdk-java/Sender.java', protocol, url, service, String(SPANS)],
        { JAVA_TOOL_OPTIONS: '-Xmx256m -Dfile.encoding=UTF-8' },
        ENDS_WITHIN_MS,
      ),
  },
];

describe('OpenTelemetry SDKs of other languages', () => {
  let database: Awaited<ReturnType<typeof createTestDatabase>>;
  let service: Awaited<ReturnType<typeof startService>>;
  let client: pg.Client;

  beforeAll(async () => {
    database = await createTestDatabase('sdk_others');
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
  });
  afterAll(async () => {
    await client?.end();
    await database?.drop();
  });

  const urlFor = (protocol: Protocol) => (protocol === 'http' ? service.otlpUrl : `http://${service.grpcAddress}`);
  const cases = SENDERS.flatMap((sender) => (['http', 'grpc'] as const).map((protocol) => ({ ...sender, protocol })));

  describe('with room for all', () => {
    beforeAll(async () => {
      service = await startService({ databaseUrl: database.url, env: {} });
    });
    afterAll(() => service?.stop());

    for (const { name, itIf, send, protocol } of cases) {
      itIf(`stores every span that the ${name} SDK sends over ${protocol}, gzip`, async () => {
        const tap = await startWireTap(urlFor(protocol), protocol);
        const serviceName = `${name} over ${protocol}`;
        try {
          await send(protocol, tap.url, serviceName);
          const sent = await tap.spans(SPANS);
          expect(sent).toHaveLength(SPANS);
          expect(sent[0]).toMatchObject({ name: 'work', statusMessage: 'broken on purpose' });
          expect(tap.requests.every(({ contentEncoding }) => contentEncoding === 'gzip')).toBe(true);
          expect(await knownServices(service.apiUrl)).toContain(serviceName);
          await expectStored(service.apiUrl, sent);
        } finally {
          await tap.stop();
        }
      });
    }
  });

  describe('faster than a tenant may send', () => {
    beforeAll(async () => {
      const env = { INGEST_MAX_SPANS_PER_SECOND: '100', INGEST_BURST_S: '1' };
      service = await startService({ databaseUrl: database.url, env });
    });
    afterAll(() => service?.stop());

    const countOf = async (sql: string) => Number((await client.query<{ n: string }>(sql)).rows[0]!.n);
    const stored = () => countOf(`select coalesce(sum(n), 0) as n from span_counts where outcome = 'stored'`);
    const refused = () => countOf(`select coalesce(sum(n), 0) as n from refused_requests where reason = 'rate_spans'`);

    for (const { name, itIf, send, protocol } of cases) {
      itIf(`loses nothing of what the ${name} SDK repeats over ${protocol}`, async () => {
        const before = { stored: await stored(), refused: await refused() };
        await send(protocol, urlFor(protocol), `hurried ${name} over ${protocol}`);
        expect((await stored()) - before.stored).toBe(SPANS);
        await expect(becomes(refused, before.refused)).resolves.toBe(true);
      });
    }
  });
});

/** Whether a count passes what it was, within three seconds: refusals are written down once a second. */
async function becomes(count: () => Promise<number>, more: number): Promise<boolean> {
  for (let tries = 0; tries < 15; tries++) {
    if ((await count()) > more) return true;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return false;
}
