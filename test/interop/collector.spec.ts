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
const PATHS = { http: '/v1/traces', grpc: '/opentelemetry.proto.collector.trace.v1.TraceService/Export' };

/** Sends TRACES traces of one client span and three server spans each, as fast as it goes, to `endpoint` (host:port). */
function generate(endpoint: string, service: string, protocol: 'http' | 'grpc' = 'http'): Promise<string> {
  const to = [...(protocol === 'http' ? ['--otlp-http'] : []), '--otlp-insecure', '--otlp-endpoint', endpoint];
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

  for (const protocol of ['http', 'grpc'] as const) {
    itWithTelemetrygen(`stores every span that telemetrygen sends straight to it over ${protocol}`, async () => {
      const tap = await startWireTap(targetOf(protocol), protocol);
      const name = `straight-${protocol}`;
      try {
        await generate(new URL(tap.url).host, name, protocol);
        const sent = await tap.spans(SPANS);
        expect(sent).toHaveLength(SPANS);
        expect(sent[0]).toMatchObject({
          service: name,
          statusCode: 2,
          attributes: { count: 42, list: ['a', 'b'] },
        });
        expect(await knownServices(service.apiUrl)).toContain(name);
        await expectStored(service.apiUrl, sent);
      } finally {
        await tap.stop();
      }
    });
  }

  for (const { protocol, encoding, contentType } of [
    { protocol: 'http', encoding: 'proto', contentType: 'application/x-protobuf' },
    { protocol: 'http', encoding: 'json', contentType: 'application/json' },
    { protocol: 'grpc', encoding: 'proto', contentType: 'application/grpc' },
  ] as const) {
    for (const compression of ['gzip', 'none'] as const) {
      itWithCollector(
        `stores every span that the Collector sends over ${protocol} as ${encoding}, compression ${compression}`,
        async () => {
          const name = `collector-${protocol}-${encoding}-${compression}`;
          const tap = await startWireTap(targetOf(protocol), protocol);
          const collector = await startCollector(
            otelcol!,
            protocol === 'grpc'
              ? { grpcAddress: new URL(tap.url).host, compression }
              : { url: tap.url, encoding, compression },
          );
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
                path: PATHS[protocol],
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

  function targetOf(protocol: 'http' | 'grpc'): string {
    return protocol === 'http' ? service.otlpUrl : `http://${service.grpcAddress}`;
  }
});
