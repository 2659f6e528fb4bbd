import type { EventLine } from '../../src/model/event.js';
import type { Operation } from '../../src/model/operation.js';
import { KIND_CLIENT, KIND_SERVER, type StructuralSpan } from '../../src/model/span.js';
import { WINDOW_MS } from '../../src/model/window.js';

/** What is broken from `fromMs` to `toMs`. slow: own time is multiplied. errors: fails and so does who called. silent: stops calling others. */
export interface Fault {
  kind: 'slow' | 'errors' | 'silent';
  service: string;
  fromMs: number;
  toMs: number;
  factor?: number;
}

interface Step {
  service: string;
  operation: string;
  /** Median own time. */
  ownUs: number;
  calls: Step[];
}

const step = (service: string, operation: string, ownUs: number, ...calls: Step[]): Step => ({
  service,
  operation,
  ownUs,
  calls,
});

/** Two entry points of one small shop; the search index is not connected to the rest. */
export const SHOP: Step[] = [
  step(
    'frontend',
    'POST /checkout',
    4_000,
    step('checkout', 'PlaceOrder', 8_000, step('cart', 'GetCart', 5_000), step('payment', 'Charge', 20_000)),
  ),
  step('frontend', 'GET /product', 3_000, step('catalogue', 'GetProduct', 6_000)),
  step('search', 'GET /search', 15_000, step('index', 'Query', 30_000)),
];

const OPERATIONS = new Map<string, Operation>();
const SERVICES = new Map<string, number>();

/** All operations of the shop by id, as far as traffic was made. */
export function shopOperations(): Map<number, Operation> {
  return new Map([...OPERATIONS.values()].map((operation) => [operation.id, operation]));
}

function operationOf(service: string, name: string, kind: number): Operation {
  const key = `${service}|${name}|${kind}`;
  let operation = OPERATIONS.get(key);
  if (operation === undefined) {
    if (!SERVICES.has(service)) SERVICES.set(service, SERVICES.size + 1);
    operation = { id: OPERATIONS.size + 1, serviceId: SERVICES.get(service)!, service, name, kind };
    OPERATIONS.set(key, operation);
  }
  return operation;
}

export interface TrafficOptions {
  fromMs: number;
  toMs: number;
  /** Traces of each entry point per window. */
  perWindow?: number;
  faults?: Fault[];
  /** Windows without any traffic at all (the collector was away). */
  gaps?: { fromMs: number; toMs: number }[];
  seed?: number;
  /** Error ratio that is normal here. */
  background?: number;
}

/** Seeded traffic of the shop: the spans of each window, by the window in which they end, in order. */
export function* shopTraffic(options: TrafficOptions): Generator<{ windowAtMs: number; spans: StructuralSpan[] }> {
  const random = mulberry32(options.seed ?? 1);
  const pending = new Map<number, StructuralSpan[]>();
  for (let atMs = options.fromMs; atMs < options.toMs; atMs += WINDOW_MS) {
    const isGap = options.gaps?.some((gap) => atMs >= gap.fromMs && atMs < gap.toMs) ?? false;
    if (!isGap) {
      for (const entry of SHOP) {
        for (let i = 0; i < (options.perWindow ?? 20); i++) {
          for (const span of traceOf(entry, (atMs + random() * WINDOW_MS) * 1000, options, random)) {
            const endsIn = Math.floor(span.endUs / 1000 / WINDOW_MS) * WINDOW_MS;
            const list = pending.get(endsIn);
            if (list === undefined) pending.set(endsIn, [span]);
            else list.push(span);
          }
        }
      }
    }
    yield { windowAtMs: atMs, spans: pending.get(atMs) ?? [] };
    pending.delete(atMs);
  }
}

function traceOf(entry: Step, startUs: number, options: TrafficOptions, random: () => number): StructuralSpan[] {
  const spans: StructuralSpan[] = [];
  const hex = (length: number): string => Array.from({ length }, () => Math.floor(random() * 16).toString(16)).join('');
  const traceId = hex(32);
  const add = (span: Omit<StructuralSpan, 'traceId'>): StructuralSpan => {
    const full = { traceId, ...span };
    spans.push(full);
    return full;
  };
  const isOn = (kind: Fault['kind'], service: string): Fault | undefined =>
    options.faults?.find(
      (fault) =>
        fault.kind === kind &&
        fault.service === service &&
        startUs >= fault.fromMs * 1000 &&
        startUs < fault.toMs * 1000,
    );
  const run = (at: Step, fromUs: number, parentSpanId: string): { endUs: number; failed: boolean } => {
    const server = operationOf(at.service, at.operation, KIND_SERVER);
    const spanId = hex(16);
    const own =
      at.ownUs *
      Math.exp((random() + random() + random() - 1.5) * 0.5) *
      (isOn('slow', at.service)?.factor ?? (isOn('slow', at.service) ? 4 : 1));
    let now = fromUs + own / 2;
    let failed = isOn('errors', at.service) !== undefined ? random() < 0.5 : random() < (options.background ?? 0);
    if (isOn('silent', at.service) === undefined) {
      for (const call of at.calls) {
        const client = operationOf(at.service, `call ${call.operation}`, KIND_CLIENT);
        const clientId = hex(16);
        const network = 300 + random() * 200;
        const callee = run(call, now + network, clientId);
        const endUs = callee.endUs + network;
        failed ||= callee.failed;
        add(spanOf(client, clientId, spanId, now, endUs, callee.failed));
        now = endUs;
      }
    }
    now += own / 2;
    add(spanOf(server, spanId, parentSpanId, fromUs, now, failed));
    return { endUs: now, failed };
  };
  run(entry, startUs, '');
  return spans;
}

function spanOf(
  operation: Operation,
  spanId: string,
  parentSpanId: string,
  startUs: number,
  endUs: number,
  isError: boolean,
): Omit<StructuralSpan, 'traceId'> {
  return {
    spanId,
    parentSpanId,
    operationId: operation.id,
    serviceId: operation.serviceId,
    kind: operation.kind,
    startUs: Math.round(startUs),
    endUs: Math.round(endUs),
    isError,
  };
}

/** Tommy Ettinger's mulberry32: small, seeded, good enough to shape test traffic. */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Log lines as a service writes them, one list of texts a span: `{}` is made to change from line to line. */
export type Talk = (span: StructuralSpan, operation: Operation) => { text: string; severity: number }[];

/** The lines that the spans of a window wrote, as the measure stage gets them. */
export function shopLines(spans: readonly StructuralSpan[], talk: Talk): EventLine[] {
  const operations = shopOperations();
  return spans.flatMap((span) =>
    talk(span, operations.get(span.operationId)!).map(({ text, severity }) => ({
      source: 'log' as const,
      serviceId: span.serviceId,
      severity,
      text: text.replace('{}', span.spanId.slice(-6)),
      timeMs: Math.floor(span.endUs / 1_000),
      traceId: span.traceId,
      spanTag: parseInt(span.spanId.slice(-8), 16),
    })),
  );
}
