/** A seeded stream of traces, and its form as OTLP protobuf. The same seed makes the same bytes. */

export const SERVICES = 20;
export const OPERATIONS = 10;
const SPANS_A_TRACE = 10;
const SIGMA = 0.6;
const HTTP = ['GET', 'POST', 'PUT', 'DELETE'];

export const serviceName = (service: number) => `service-${String(service).padStart(2, '0')}`;
export const operationName = (operation: number) => `${HTTP[operation % 4]} /resource-${operation}/{id}`;

/** Quantile of the durations of an operation (µs): they are log-normal. `z` is that of the normal distribution. */
export function durationUs(service: number, operation: number, z: number): number {
  return Math.round(1_000 * (1 + service) * (1 + operation) ** 0.5 * Math.exp(SIGMA * z));
}

/** Id of trace `n`. */
export function traceId(n: number): Buffer {
  const id = Buffer.alloc(16);
  const random = randomOf(n ^ 0x5bd1e995);
  for (let i = 0; i < 4; i++) id.writeUInt32BE(Math.floor(random() * 2 ** 32), 4 * i);
  return id;
}

/** Numbers in [0, 1), mulberry32. */
export function randomOf(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Requests of about `spansARequest` spans as a Collector would send them: whole traces in order of time, by service. */
export function* requests(spans: number, fromMs: number, lengthMs: number, spansARequest: number): Generator<Buffer> {
  const random = randomOf(20_251_121);
  const traces = Math.floor(spans / SPANS_A_TRACE);
  let byService = new Map<number, Buffer[]>();
  let pending = 0;
  for (let n = 0; n < traces; n++) {
    const startUs = (fromMs + (n / traces) * lengthMs) * 1_000;
    addTrace(byService, traceId(n), Math.round(startUs), random);
    pending += SPANS_A_TRACE;
    if (pending >= spansARequest || n === traces - 1) {
      yield encodeRequest(byService);
      byService = new Map();
      pending = 0;
    }
  }
}

function addTrace(byService: Map<number, Buffer[]>, id: Buffer, startUs: number, random: () => number): void {
  let parent: Buffer | null = null;
  for (let i = 0; i < SPANS_A_TRACE; i++) {
    const service = Math.floor(random() * SERVICES);
    const operation = Math.floor(random() * OPERATIONS);
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    const spanId = Buffer.alloc(8);
    spanId.writeUInt32BE(Math.floor(random() * 2 ** 32), 0);
    spanId.writeUInt32BE(i + 1, 4);
    const encoded = encodeSpan(
      id,
      spanId,
      parent,
      operation,
      startUs + i * 200,
      durationUs(service, operation, normal),
      random,
    );
    const others = byService.get(service);
    if (others) others.push(encoded);
    else byService.set(service, [encoded]);
    parent = spanId;
  }
}

function encodeSpan(
  id: Buffer,
  spanId: Buffer,
  parent: Buffer | null,
  operation: number,
  startUs: number,
  tookUs: number,
  random: () => number,
): Buffer {
  const isError = random() < 0.01;
  return Buffer.concat([
    field(1, id),
    field(2, spanId),
    ...(parent ? [field(4, parent)] : []),
    field(5, Buffer.from(operationName(operation))),
    Buffer.from([0x30, 2]),
    fixed64(7, BigInt(startUs) * 1_000n),
    fixed64(8, BigInt(startUs + tookUs) * 1_000n),
    attribute('http.request.method', HTTP[operation % 4]!),
    attribute('url.path', `/resource-${operation}/${Math.floor(random() * 1e6)}`),
    attribute('http.response.status_code', isError ? '500' : '200'),
    attribute('user.id', Math.floor(random() * 2 ** 32).toString(16)),
    attribute('server.address', `10.0.${operation}.${Math.floor(random() * 50)}`),
    ...(isError ? [Buffer.from([0x7a, 2, 0x18, 2])] : []),
  ]);
}

function encodeRequest(byService: ReadonlyMap<number, Buffer[]>): Buffer {
  const parts = [...byService].map(([service, spans]) => {
    const resource = Buffer.concat([
      attributeAs(1, 'service.name', serviceName(service)),
      attributeAs(1, 'host.name', `host-${service}`),
    ]);
    const scope = field(1, field(1, Buffer.from('bench')));
    const scopeSpans = Buffer.concat([scope, ...spans.map((span) => field(2, span))]);
    return field(1, Buffer.concat([field(1, resource), field(2, scopeSpans)]));
  });
  return Buffer.concat(parts);
}

const attribute = (key: string, value: string) => attributeAs(9, key, value);

function attributeAs(number: number, key: string, value: string): Buffer {
  return field(number, Buffer.concat([field(1, Buffer.from(key)), field(2, field(1, Buffer.from(value)))]));
}

function field(number: number, bytes: Buffer): Buffer {
  const head = [(number << 3) | 2];
  let rest = bytes.length;
  for (; rest > 127; rest >>>= 7) head.push((rest & 127) | 128);
  head.push(rest);
  return Buffer.concat([Buffer.from(head), bytes]);
}

function fixed64(number: number, value: bigint): Buffer {
  const bytes = Buffer.alloc(9);
  bytes[0] = (number << 3) | 1;
  bytes.writeBigUInt64LE(value, 1);
  return bytes;
}
