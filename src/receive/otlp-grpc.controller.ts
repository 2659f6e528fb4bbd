import type { IncomingHttpHeaders } from 'node:http2';
import type { Config } from '../config.js';
import type { Listen } from '../listen.js';
import { TroubleLog } from '../trouble-log.js';
import type { BodyBudget, BodyShare } from './body-budget.js';
import { askedService, healthResponse } from './grpc-health.js';
import type { CallHead } from './grpc-call.js';
import type { GrpcMessage } from './grpc-framing.js';
import { GrpcServer, type UnaryCall, type UnaryMethod } from './grpc-server.js';
import { GrpcFailure } from './grpc-status.js';
import type { ExportRequest } from './receiver.js';
import { RPC } from './rpc-status.js';
import type { Answer } from './status.js';

const TRACE_SERVICE = 'opentelemetry.proto.collector.trace.v1.TraceService';
const LOGS_SERVICE = 'opentelemetry.proto.collector.logs.v1.LogsService';
const EXPORT = `/${TRACE_SERVICE}/Export`;
const EXPORT_LOGS = `/${LOGS_SERVICE}/Export`;
const HEALTH_CHECK = '/grpc.health.v1.Health/Check';
const OTHER_SIGNAL = /^\/opentelemetry\.proto\.collector\.(metrics|profiles)\./;

type Export = (request: ExportRequest, share: BodyShare) => Promise<Answer>;

/** What the server needs of the rest. */
export interface OtlpGrpcPorts {
  /** Tenant of a call that may ingest. Throws Rejected 401 or 403, or Unavailable. */
  authenticate: (fields: IncomingHttpHeaders) => Promise<number>;
  /** Stores a request of spans and says what became of it. Throws Rejected or Unavailable. */
  export: Export;
  /** The same for log records. */
  exportLogs: Export;
  /** Told of a call of a tenant that is refused as a whole. */
  refused: (tenantId: number, error: unknown) => void;
  health: () => Promise<{ status: string }>;
}

/** OTLP/gRPC for traces and logs: TraceService/Export, LogsService/Export and grpc.health.v1.Health/Check, with everything behind the wire as in OTLP/HTTP. */
export class OtlpGrpcServer {
  private readonly log = new TroubleLog(OtlpGrpcServer.name);
  private readonly server: GrpcServer;

  constructor(
    private readonly ports: OtlpGrpcPorts,
    { ingest, listen }: Pick<Config, 'ingest' | 'listen'>,
    budget: BodyBudget,
  ) {
    this.server = new GrpcServer({
      methodAt: (path) => this.methodAt(path),
      maxMessageBytes: ingest.maxBodyBytes,
      budget,
      adviceInHttp1: `this port takes OTLP/gRPC; OTLP/HTTP goes to port ${listen.otlpPort}\n`,
      onTrouble: (error) => this.log.say('could not process a call', error),
    });
  }

  /** Listens and returns the address, as in 127.0.0.1:4317. */
  listen(host: string, port: number, listen: Listen): Promise<string> {
    return this.server.listen(host, port, listen);
  }

  /** As GrpcServer.drain. */
  drain(withinMs: number): Promise<void> {
    return this.server.drain(withinMs);
  }

  /** Answers what is under way, then closes. */
  close(): Promise<void> {
    return this.server.close();
  }

  private methodAt(path: string): UnaryMethod {
    if (path === EXPORT) return (call) => this.export(call, this.ports.export);
    if (path === EXPORT_LOGS) return (call) => this.export(call, this.ports.exportLogs);
    if (path === HEALTH_CHECK) return (call) => this.checkHealth(call);
    const signal = OTHER_SIGNAL.exec(path)?.[1];
    throw new GrpcFailure(
      RPC.UNIMPLEMENTED,
      signal === undefined
        ? `there is nothing here; traces go to ${EXPORT}, logs to ${EXPORT_LOGS}`
        : `Tracehound takes traces and logs only: send ${signal} elsewhere, or switch their exporter off`,
    );
  }

  private async export({ fields, head, message, share }: UnaryCall, store: Export): Promise<Buffer> {
    const tenantId = await this.ports.authenticate(fields);
    try {
      return await this.exportOf(tenantId, head, await message, share, store);
    } catch (error) {
      this.ports.refused(tenantId, error);
      throw error;
    }
  }

  private async exportOf(
    tenantId: number,
    head: CallHead,
    { isCompressed, body }: GrpcMessage,
    share: BodyShare,
    store: Export,
  ): Promise<Buffer> {
    if (isCompressed && head.encoding === 'identity') {
      throw new GrpcFailure(RPC.INTERNAL, 'the message is marked as compressed, and grpc-encoding does not say how');
    }
    const isGzip = isCompressed && body.length > 0;
    const answer = await store({ tenantId, encoding: 'protobuf', isGzip, body }, share);
    return answer.body;
  }

  private async checkHealth({ message }: UnaryCall): Promise<Buffer> {
    const { isCompressed, body } = await message;
    if (isCompressed) throw new GrpcFailure(RPC.UNIMPLEMENTED, 'a health check is taken without compression only');
    const service = askedService(body);
    if (service !== '' && service !== TRACE_SERVICE && service !== LOGS_SERVICE) {
      throw new GrpcFailure(RPC.NOT_FOUND, `there is no service of this name; ask for ${TRACE_SERVICE} or for none`);
    }
    const { status } = await this.ports.health();
    return healthResponse(status === 'ok');
  }
}
