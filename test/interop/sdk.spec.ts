import { SpanKind, SpanStatusCode, context, propagation, trace } from '@opentelemetry/api';
import type { HrTime } from '@opentelemetry/api';
import { OTLPTraceExporter as GrpcExporter } from '@opentelemetry/exporter-trace-otlp-grpc';
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace-node';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createTestDatabase } from '../support/database.js';
import { startService } from '../support/service.js';
import type { Attributes, WireSpan } from './otlp-decode.js';
import { itWith, python, pythonWithGrpc, run } from './peers.js';
import { expectStored, knownServices } from './read-back.js';
import { startWireTap } from './wire-tap.js';

const EXPORTERS = { protobuf: ProtobufExporter, json: JsonExporter, grpc: GrpcExporter };

describe('OpenTelemetry SDKs', () => {
  let database: Awaited<ReturnType<typeof createTestDatabase>>;
  let service: Awaited<ReturnType<typeof startService>>;

  beforeAll(async () => {
    database = await createTestDatabase('sdk');
    service = await startService({ databaseUrl: database.url, env: {} });
    // The global context manager and W3C propagator; tracers are taken from each test's own providers.
    new NodeTracerProvider().register();
  });
  afterAll(async () => {
    context.disable();
    propagation.disable();
    trace.disable();
    await service?.stop();
    await database?.drop();
  });

  for (const encoding of ['protobuf', 'json', 'grpc'] as const) {
    for (const compression of ['gzip', 'none'] as const) {
      it(`stores a trace of two JavaScript services, sent as ${encoding}, compression ${compression}`, async () => {
        const ended: WireSpan[] = [];
        const provide = (name: string) => {
          const url = encoding === 'grpc' ? `http://${service.grpcAddress}` : `${service.otlpUrl}/v1/traces`;
          const exporter = new EXPORTERS[encoding]({ url, compression: compression as never });
          return new NodeTracerProvider({
            resource: resourceFromAttributes({ 'service.name': name, 'service.version': '1.0.0' }),
            spanProcessors: [collectInto(ended), new BatchSpanProcessor(exporter)],
          });
        };
        const names = [`gateway-${encoding}-${compression}`, `payments-${encoding}-${compression}`] as const;
        const providers = [provide(names[0]), provide(names[1])] as const;
        await checkout(providers[0], providers[1]);
        await Promise.all(providers.map((provider) => provider.shutdown()));

        expect(ended).toHaveLength(3);
        expect(new Set(ended.map((span) => span.traceId)).size).toBe(1);
        expect(await knownServices(service.apiUrl)).toEqual(expect.arrayContaining([...names]));
        await expectStored(service.apiUrl, ended);
      });
    }
  }

  for (const { protocol, program } of [
    { protocol: 'http', program: python },
    { protocol: 'grpc', program: pythonWithGrpc },
  ] as const) {
    itWith({ [`python with opentelemetry-exporter-otlp-proto-${protocol}`]: program })(
      `stores every span that the Python SDK sends over ${protocol}`,
      async () => {
        const tap = await startWireTap(
          protocol === 'http' ? service.otlpUrl : `http://${service.grpcAddress}`,
          protocol,
        );
        const name = `python-${protocol}`;
        try {
          await run(program!, ['-c', PYTHON_PROGRAM.replace('PROTOCOL', protocol)], {
            OTEL_EXPORTER_OTLP_ENDPOINT: tap.url,
            OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
            OTEL_SERVICE_NAME: name,
          });
          const sent = await tap.spans(100);
          expect(sent).toHaveLength(100);
          expect(sent.filter((span) => span.events[0]?.name === 'exception')).toHaveLength(50);
          expect(await knownServices(service.apiUrl)).toContain(name);
          await expectStored(service.apiUrl, sent);
        } finally {
          await tap.stop();
        }
      },
    );
  }
});

/** One request from a gateway to a payment service over HTTP: server span, client span, and a failing server span behind it. */
async function checkout(gateway: NodeTracerProvider, payments: NodeTracerProvider): Promise<void> {
  const server = createServer((request, response) => {
    const parent = propagation.extract(context.active(), request.headers);
    const span = payments.getTracer('payments').startSpan('POST /charge', { kind: SpanKind.SERVER }, parent);
    span.recordException(new Error('card declined: "☂"'));
    span.setStatus({ code: SpanStatusCode.ERROR, message: 'declined' });
    span.end();
    response.writeHead(402).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/charge`;
  const tracer = gateway.getTracer('gateway');
  const links = [
    {
      context: { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceFlags: 1 },
      attributes: { n: 1 },
    },
  ];
  const attributes = {
    text: 'naïve ☂',
    count: 42,
    ratio: 0.25,
    flag: true,
    list: ['a', 'b'],
    'http.route': '/checkout',
  };
  await tracer.startActiveSpan('POST /checkout', { kind: SpanKind.SERVER, links, attributes }, async (root) => {
    await tracer.startActiveSpan('POST', { kind: SpanKind.CLIENT }, async (client) => {
      const headers: Record<string, string> = {};
      propagation.inject(context.active(), headers);
      const response = await fetch(url, { method: 'POST', headers });
      client.setAttribute('http.response.status_code', response.status);
      client.end();
    });
    root.addEvent('answered', { attempt: 1 });
    root.end();
  });
  await new Promise((resolve) => server.close(resolve));
}

/** Keeps what the SDK says it recorded: what must come back. */
function collectInto(ended: WireSpan[]): SpanProcessor {
  return {
    onStart: () => undefined,
    onEnd: (span) => void ended.push(asWire(span)),
    forceFlush: () => Promise.resolve(),
    shutdown: () => Promise.resolve(),
  };
}

function asWire(span: ReadableSpan): WireSpan {
  const resource = span.resource.attributes as Attributes;
  const { traceId, spanId } = span.spanContext();
  return {
    traceId,
    spanId,
    parentSpanId: span.parentSpanContext?.spanId ?? '',
    name: span.name,
    service: String(resource['service.name']),
    // The API counts kinds from 0 (internal), OTLP from 1.
    kind: span.kind + 1,
    startTimeUnixNano: nanos(span.startTime),
    endTimeUnixNano: nanos(span.endTime),
    statusCode: span.status.code,
    statusMessage: span.status.message ?? '',
    attributes: span.attributes,
    resource,
    events: span.events.map(({ name, time, attributes }) => ({
      name,
      timeUnixNano: nanos(time),
      attributes: attributes ?? {},
    })),
    links: span.links.map((link) => ({
      traceId: link.context.traceId,
      spanId: link.context.spanId,
      attributes: link.attributes ?? {},
    })),
  };
}

function nanos([seconds, nanoseconds]: HrTime): string {
  return String(BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds));
}

const PYTHON_PROGRAM = `
from opentelemetry.exporter.otlp.proto.PROTOCOL.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
tracer = provider.get_tracer("check")
for number in range(50):
    with tracer.start_as_current_span("handle", kind=SpanKind.SERVER, attributes={"number": number, "ratio": 0.25}):
        try:
            with tracer.start_as_current_span("work", attributes={"list": ["a", "b"]}):
                raise ValueError("no such item")
        except ValueError:
            pass
provider.shutdown()
`;
