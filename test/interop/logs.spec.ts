import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import type { TraceLogs } from '../../src/query/traces-contract.js';
import { createTestDatabase } from '../support/database.js';
import { startService } from '../support/service.js';
import { itWith, otelcol, pythonWithLogs, run, startCollector } from './peers.js';

const RECORDS = 50;

/** Writes RECORDS lines within one span by Python's own logging, sends both by OTLP/HTTP to `sys.argv[1]`, and prints the trace's id. */
const PROGRAM = `
import logging, sys
from opentelemetry import trace
from opentelemetry._logs import set_logger_provider
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
to, name = sys.argv[1], sys.argv[2]
resource = Resource.create({"service.name": name})
spans = TracerProvider(resource=resource)
spans.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=to + "/v1/traces")))
logs = LoggerProvider(resource=resource)
logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(endpoint=to + "/v1/logs")))
logger = logging.getLogger("shop")
logger.setLevel(logging.INFO)
logger.addHandler(LoggingHandler(level=logging.INFO, logger_provider=logs))
with spans.get_tracer("test").start_as_current_span("order") as span:
    for i in range(${RECORDS} - 1):
        logger.info("order %d accepted", i)
    logger.error("payment refused")
    print("trace=%032x" % span.get_span_context().trace_id)
spans.shutdown()
logs.shutdown()
`;

describe('logs of the OpenTelemetry SDK and the Collector', () => {
  let database: Awaited<ReturnType<typeof createTestDatabase>>;
  let service: Awaited<ReturnType<typeof startService>>;

  beforeAll(async () => {
    database = await createTestDatabase('interop_logs');
    service = await startService({ databaseUrl: database.url, env: {} });
  });
  afterAll(async () => {
    await service?.stop();
    await database?.drop();
  });

  const write = async (to: string, name: string): Promise<string> => {
    const said = await run(pythonWithLogs!, ['-c', PROGRAM, to, name]);
    return /trace=([0-9a-f]{32})/.exec(said)![1]!;
  };
  const expectLogs = async (traceId: string, name: string): Promise<void> => {
    const answer = await fetch(`${service.apiUrl}/api/v1/traces/${traceId}/logs`);
    const { logs, isComplete } = (await answer.json()) as TraceLogs;
    expect(isComplete).toBe(true);
    expect(logs).toHaveLength(RECORDS);
    expect(new Set(logs.map((log) => log.service))).toEqual(new Set([name]));
    expect(logs.filter(({ severityNumber }) => severityNumber >= 17).map(({ body }) => body)).toEqual([
      'payment refused',
    ]);
    expect(new Set(logs.map(({ spanId }) => spanId)).size).toBe(1);
  };

  itWith({ pythonWithLogs })('stores every line that the Python SDK sends straight to it', async () => {
    await expectLogs(await write(service.otlpUrl, 'straight'), 'straight');
  });

  itWith({ pythonWithLogs, otelcol })('stores every line that comes through the Collector', async () => {
    const collector = await startCollector(otelcol!, { url: service.otlpUrl, encoding: 'proto', compression: 'gzip' });
    let traceId: string;
    let log: string;
    try {
      traceId = await write(`http://${collector.endpoint}`, 'collected');
    } finally {
      log = await collector.stop();
    }
    expect(log).not.toMatch(/\terror\t|Exporting failed|Partial success/i);
    await expectLogs(traceId, 'collected');
  });
});
