/** What a Collector would send: seeded spans, as OTLP protobuf whose ids and times can be changed in place, and as Zipkin's JSON. */
import { randomOf } from '../spans.js';

export interface Shape {
  /** Distinct operations, over 20 services. */
  operations: number;
  /** `plain`: values that repeat, as most synthetic loads have; `realistic`: ids, addresses and statements that do not. */
  attributes: 'plain' | 'realistic';
  /** About so many in a request; 50 and fewer come from one service, as SDKs send them. */
  spansARequest: number;
}

export interface BenchSpan {
  service: number;
  traceId: Buffer;
  spanId: Buffer;
  parentId: Buffer | null;
  name: string;
  kind: number;
  /** From the start of the request's time. */
  startUs: number;
  durationUs: number;
  isError: boolean;
  attributes: [string, string][];
}

/** A request's bytes, and where in them ids and times stand. */
export interface Template {
  bytes: Buffer;
  spans: number;
  /** Eight bytes each that tell one copy's traces and spans from another's. */
  idsAt: number[];
  /** fixed64 nanoseconds each. */
  timesAt: number[];
}

const SERVICES = 20;
const HOSTS_A_SERVICE = 3;
const VERBS = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH'];
const SPREAD_US = 200_000;

/** The spans of `requests` requests: traces of 4 to 18 spans, each split over two requests that follow one another. */
export function makeRequests(shape: Shape, requests: number, seed: number): BenchSpan[][] {
  const random = randomOf(seed);
  const made: BenchSpan[][] = Array.from({ length: requests }, () => []);
  if (shape.spansARequest <= 50) {
    return made.map(() => makeTrace(shape, random, shape.spansARequest, Math.floor(random() * SERVICES)));
  }
  made.forEach((request, i) => {
    const next = made[i + 1];
    while (request.length < shape.spansARequest) {
      const trace = makeTrace(shape, random, 4 + Math.floor(random() * 15));
      const cut = next ? Math.ceil(trace.length / 2) : trace.length;
      request.push(...trace.slice(0, cut));
      next?.push(...trace.slice(cut));
    }
  });
  return made;
}

function makeTrace(shape: Shape, random: () => number, size: number, service?: number): BenchSpan[] {
  const traceId = bytesOf(random, 16);
  const startUs = Math.floor(random() * SPREAD_US);
  const spans: BenchSpan[] = [];
  for (let i = 0; i < size; i++) {
    const owner = service ?? Math.floor(random() * SERVICES);
    const operation = Math.floor(random() * (shape.operations / SERVICES));
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    const isError = random() < 0.015;
    spans.push({
      service: owner,
      traceId,
      spanId: bytesOf(random, 8),
      parentId: i === 0 ? null : spans[Math.floor(random() * i)]!.spanId,
      name: `${VERBS[operation % 5]} /api/v1/resource-${operation}/{id}`,
      kind: 1 + (operation % 3),
      startUs: startUs + i * 150,
      durationUs: Math.round(1_000 * (1 + owner) * Math.exp(0.6 * normal)),
      isError,
      attributes: attributesOf(shape, random, owner, operation, isError),
    });
  }
  return spans;
}

function attributesOf(
  { attributes }: Shape,
  random: () => number,
  service: number,
  operation: number,
  isError: boolean,
): [string, string][] {
  const some = (n: number) => Math.floor(random() * n);
  const hex = (bytes: number) => bytesOf(random, bytes).toString('hex');
  const common: [string, string][] = [
    ['http.request.method', VERBS[operation % 5]!],
    ['http.route', `/api/v1/resource-${operation}/{id}`],
    ['http.response.status_code', isError ? '500' : '200'],
    ['server.address', `service-${service}.shop.svc.cluster.local`],
    ['network.protocol.version', '1.1'],
    ['url.scheme', 'http'],
    ['db.system.name', 'postgresql'],
    ['db.namespace', 'shop'],
  ];
  if (attributes === 'plain') {
    return [
      ...common,
      ['url.path', `/api/v1/resource-${operation}/${some(1_000)}`],
      ['user.id', `user-${some(1_000)}`],
      ['client.address', `10.0.${some(4)}.${some(50)}`],
      ['thread.id', String(some(32))],
    ];
  }
  return [
    ...common,
    ['url.full', `http://service-${service}.shop/api/v1/resource-${operation}/${some(1e9)}?cursor=${hex(8)}`],
    ['user.id', hex(8)],
    ['client.address', `${10 + some(200)}.${some(256)}.${some(256)}.${some(256)}:${1_024 + some(60_000)}`],
    ['db.query.text', `select * from orders where id = ${some(1e9)} and customer = ${some(1e7)}`],
  ];
}

function bytesOf(random: () => number, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size; at += 4) bytes.writeUInt32LE(Math.floor(random() * 2 ** 32), at);
  return bytes;
}

/** Encodes a request as ExportTraceServiceRequest, resources in order of service. */
export function encodeOtlp(spans: readonly BenchSpan[]): Template {
  const idsAt: number[] = [];
  const timesAt: number[] = [];
  const out = new Message([idsAt, timesAt]);
  const services = [...new Set(spans.map(({ service }) => service))].sort((a, b) => a - b);
  for (const service of services) {
    out.nested(1, () => {
      out.nested(1, () => {
        for (const [key, value] of resourceOf(service)) attribute(out, 1, key, value);
      });
      out.nested(2, () => {
        out.nested(1, () => {
          out.text(1, '@opentelemetry/instrumentation-http');
          out.text(2, '0.57.0');
        });
        for (const span of spans.filter((each) => each.service === service)) {
          out.nested(2, () => encodeSpan(out, span, idsAt, timesAt));
        }
      });
    });
  }
  return { bytes: out.finish(), spans: spans.length, idsAt, timesAt };
}

function encodeSpan(out: Message, span: BenchSpan, idsAt: number[], timesAt: number[]): void {
  idsAt.push(out.raw(1, span.traceId));
  idsAt.push(out.raw(2, span.spanId));
  if (span.parentId) idsAt.push(out.raw(4, span.parentId));
  out.text(5, span.name);
  out.varint(6, span.kind);
  timesAt.push(out.fixed64(7, span.startUs * 1_000));
  timesAt.push(out.fixed64(8, (span.startUs + span.durationUs) * 1_000));
  for (const [key, value] of span.attributes) attribute(out, 9, key, value);
  if (!span.isError) return;
  out.nested(11, () => {
    timesAt.push(out.fixed64(1, (span.startUs + span.durationUs) * 1_000));
    out.text(2, 'exception');
    attribute(out, 3, 'exception.type', 'TimeoutError');
    attribute(
      out,
      3,
      'exception.stacktrace',
      'at handler (/app/src/handler.js:42:11)\n    at next (/app/node_modules/x.js)',
    );
  });
  out.nested(15, () => out.varint(3, 2));
}

function attribute(out: Message, field: number, key: string, value: string): void {
  out.nested(field, () => {
    out.text(1, key);
    out.nested(2, () => out.text(1, value));
  });
}

function resourceOf(service: number): [string, string][] {
  const host = service * HOSTS_A_SERVICE;
  return [
    ['service.name', `service-${service}`],
    ['service.version', '1.14.2'],
    ['service.instance.id', `627cc493-f310-47de-96bd-7141${String(host).padStart(8, '0')}`],
    ['host.name', `ip-10-0-0-${host}`],
    ['k8s.pod.name', `service-${service}-7d9c6bf64c-x${host}`],
    ['k8s.namespace.name', 'shop'],
    ['deployment.environment.name', 'production'],
    ['telemetry.sdk.language', 'nodejs'],
    ['telemetry.sdk.version', '2.0.1'],
  ];
}

/** The same request as Zipkin takes it: a JSON array of spans. */
export function encodeZipkin(spans: readonly BenchSpan[], salt: Buffer, atUs: number): Buffer {
  const kinds = [undefined, undefined, 'SERVER', 'CLIENT'];
  const hex = (id: Buffer) => {
    const salted = Buffer.from(id);
    for (let i = 0; i < 8; i++) salted[i]! ^= salt[i]!;
    return salted.toString('hex');
  };
  const all = spans.map((span) => ({
    traceId: hex(span.traceId),
    id: hex(span.spanId),
    ...(span.parentId && { parentId: hex(span.parentId) }),
    name: span.name,
    kind: kinds[span.kind],
    timestamp: atUs + span.startUs,
    duration: Math.max(1, span.durationUs),
    localEndpoint: { serviceName: `service-${span.service}` },
    tags: Object.fromEntries([
      ...span.attributes,
      ...resourceOf(span.service),
      ...(span.isError ? [['error', 'true']] : []),
    ]),
  }));
  return Buffer.from(JSON.stringify(all));
}

/** Writes a protobuf message front to back, with lengths as short as senders make them. `marks`: lists of places that move with what they mark. */
class Message {
  private bytes = Buffer.alloc(64 * 1024);
  private at = 0;

  constructor(private readonly marks: readonly number[][]) {}

  varint(field: number, value: number): void {
    this.number((field << 3) >>> 0);
    this.number(value);
  }

  text(field: number, value: string): void {
    this.raw(field, Buffer.from(value));
  }

  /** Returns where the bytes begin. */
  raw(field: number, value: Buffer): number {
    this.number((field << 3) | 2);
    this.number(value.length);
    this.reserve(value.length);
    value.copy(this.bytes, this.at);
    this.at += value.length;
    return this.at - value.length;
  }

  fixed64(field: number, value: number): number {
    this.number((field << 3) | 1);
    this.reserve(8);
    this.bytes.writeBigUInt64LE(BigInt(value), this.at);
    this.at += 8;
    return this.at - 8;
  }

  /** What was written moves when its length turns out to need more than one byte; so do the marks within it. */
  nested(field: number, write: () => void): void {
    this.number((field << 3) | 2);
    this.reserve(1);
    const head = this.at++;
    write();
    const size = this.at - head - 1;
    let extra = 0;
    for (let rest = size >>> 7; rest > 0; rest >>>= 7) extra++;
    if (extra > 0) {
      this.reserve(extra);
      this.bytes.copyWithin(head + 1 + extra, head + 1, this.at);
      for (const marks of this.marks) {
        for (let i = marks.length - 1; i >= 0 && marks[i]! > head; i--) marks[i]! += extra;
      }
    }
    this.at = head;
    this.number(size);
    this.at += size;
  }

  finish(): Buffer {
    return Buffer.from(this.bytes.subarray(0, this.at));
  }

  private number(value: number): void {
    this.reserve(5);
    let rest = value;
    for (; rest > 127; rest >>>= 7) this.bytes[this.at++] = (rest & 127) | 128;
    this.bytes[this.at++] = rest;
  }

  private reserve(size: number): void {
    if (this.at + size <= this.bytes.length) return;
    const grown = Buffer.alloc(this.bytes.length * 2 + size);
    this.bytes.copy(grown);
    this.bytes = grown;
  }
}
