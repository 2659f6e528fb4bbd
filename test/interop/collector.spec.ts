import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { createTestDatabase } from '../support/database.js';
import { startService } from '../support/service.js';
import { itWith, otelcol, run, startCollector, telemetrygen } from './peers.js';
import { expectStored, knownServices } from './read-back.js';
import { startWireTap } from './wire-tap.js';

const itWithTelemetrygen = itWith({ telemetrygen });
const itWithCollector = itWith({ otelcol, telemetrygen });

const TRACES = 40;
const SPANS = TRACES * 4;

/** Sends TRACES traces of one client span and three server spans each, as fast as it goes, to `endpoint` (host:port). */
function generate(endpoint: string, service: string): Promise<string> {
  const to = ['--otlp-http', '--otlp-insecure', '--otlp-endpoint', endpoint];
  const size = ['--traces', String(TRACES), '--child-spans', '3', '--span-links', '1', '--rate', '0'];
  const resource = ['--service', service, '--otlp-attributes', 'service.version="2.4.1"'];
  const content = ['text="naïve ☂"', 'count=42', 'flag=true', 'list=["a", "b"]'];
  const attributes = content.flatMap((attribute) => ['--telemetry-attributes', attribute]);
  return run(telemetrygen!, ['traces', ...to, ...size, '--status-code', 'Error', ...resource, ...attributes]);
}

describe('telemetrygen and the OpenTelemetry Collector', () => {
  let database: Awaited<ReturnType<typeof createTestDatabase>>;
  let service: Awaited<ReturnType<typeof startService>>;

  beforeAll(async () => {
    database = await createTestDatabase('collector');
    service = await startService({ databaseUrl: database.url, env: {} });
  });
  afterAll(async () => {
    await service?.stop();
    await database?.drop();
  });

  itWithTelemetrygen('stores every span that telemetrygen sends straight to it', async () => {
    const tap = await startWireTap(service.otlpUrl);
    try {
      await generate(new URL(tap.url).host, 'straight');
      const sent = await tap.spans(SPANS);
      expect(sent).toHaveLength(SPANS);
      expect(sent[0]).toMatchObject({
        service: 'straight',
        statusCode: 2,
        attributes: { count: 42, list: ['a', 'b'] },
      });
      expect(await knownServices(service.apiUrl)).toContain('straight');
      await expectStored(service.apiUrl, sent);
    } finally {
      await tap.stop();
    }
  });

  for (const { encoding, contentType } of [
    { encoding: 'proto', contentType: 'application/x-protobuf' },
    { encoding: 'json', contentType: 'application/json' },
  ] as const) {
    for (const compression of ['gzip', 'none'] as const) {
      itWithCollector(
        `stores every span that the Collector sends as ${encoding}, compression ${compression}`,
        async () => {
          const name = `collector-${encoding}-${compression}`;
          const tap = await startWireTap(service.otlpUrl);
          const collector = await startCollector(otelcol!, tap.url, encoding, compression);
          let log: string;
          try {
            await generate(collector.endpoint, name);
          } finally {
            // Stopping flushes what it still holds; its log would show a refusal or a partial success.
            log = await collector.stop();
          }
          try {
            const sent = await tap.spans(SPANS);
            expect(log).not.toMatch(/\terror\t|Exporting failed|Partial success/i);
            expect(sent).toHaveLength(SPANS);
            for (const request of tap.requests) {
              expect(request).toMatchObject({
                path: '/v1/traces',
                contentType,
                contentEncoding: compression === 'gzip' ? 'gzip' : '',
              });
            }
            expect(await knownServices(service.apiUrl)).toContain(name);
            await expectStored(service.apiUrl, sent);
          } finally {
            await tap.stop();
          }
        },
      );
    }
  }
});
