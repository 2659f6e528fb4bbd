import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import type { FaultKind, Listening, Order, ServiceName } from './messages.js';
import { continueTrace, inSpan, startTracing, traceHeaders } from './tracing.js';

/** One service of the demo's shop: a process of its own, told what to be by its parent. */

const SLOW_MS = 300;
const ERROR_SHARE = 0.5;
const CALL_TIMEOUT_MS = 10_000;
const FLUSH_MS = 3_000;

let peers: Record<ServiceName, string> | undefined;
let fault: FaultKind | null = null;
let endTracing: () => Promise<void> = () => Promise.resolve();

type Handler = () => Promise<void>;

const ROUTES: Record<ServiceName, Record<string, Handler>> = {
  frontend: {
    'GET /': async () => {
      await Promise.all([call('catalogue', 'GET /products'), call('cart', 'GET /cart')]);
      await compute(3);
    },
    'GET /product': async () => {
      await call('catalogue', 'GET /products/{id}');
      await call('cart', 'GET /cart');
      await compute(2);
    },
    'POST /cart': async () => {
      await call('catalogue', 'GET /products/{id}');
      await call('cart', 'POST /cart');
    },
    'POST /checkout': async () => {
      await call('checkout', 'POST /orders');
      await compute(2);
    },
  },
  checkout: {
    'POST /orders': async () => {
      await call('cart', 'GET /cart');
      await call('catalogue', 'GET /products/{id}');
      await call('payment', 'POST /charges');
      await call('cart', 'DELETE /cart');
      await compute(2);
    },
  },
  cart: {
    'GET /cart': async () => {
      if (fault === 'slow') await compute(SLOW_MS);
      if (fault === 'errors' && Math.random() < ERROR_SHARE) throw new Error('cart store refused the connection');
      await query('HGETALL cart', 'redis', 3);
    },
    'POST /cart': () => query('HSET cart', 'redis', 4),
    'DELETE /cart': () => query('DEL cart', 'redis', 2),
  },
  catalogue: {
    'GET /products': () => query('SELECT products', 'postgresql', 8),
    'GET /products/{id}': () => query('SELECT product', 'postgresql', 4),
  },
  payment: {
    'POST /charges': async () => {
      await inSpan('check card', SpanKind.INTERNAL, {}, () => compute(10));
    },
  },
};

// Time taken, around `ms`: never twice the same, never negative.
async function compute(ms: number): Promise<void> {
  await sleep(ms * Math.exp((Math.random() + Math.random() + Math.random() - 1.5) * 0.4));
}

function query(name: string, system: string, ms: number): Promise<void> {
  return inSpan(name, SpanKind.CLIENT, { 'db.system.name': system, 'db.query.summary': name }, () => compute(ms));
}

async function call(service: ServiceName, route: string): Promise<void> {
  const [method = '', template = ''] = route.split(' ');
  const url = `${peers?.[service]}${template.replace('{id}', String(1 + Math.floor(Math.random() * 20)))}`;
  const attributes = { 'http.request.method': method, 'url.full': url, 'url.template': template };
  await inSpan(route, SpanKind.CLIENT, attributes, async (span) => {
    const response = await fetch(url, {
      method,
      headers: traceHeaders(),
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    });
    await response.arrayBuffer();
    span.setAttribute('http.response.status_code', response.status);
    if (response.status >= 500) throw new Error(`${service} answered ${response.status}`);
  });
}

function serve(service: ServiceName): void {
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://shop').pathname.replace(/\/\d+$/, '/{id}');
    const route = `${request.method} ${path}`;
    const handle = ROUTES[service][route];
    if (!handle) return void response.writeHead(404).end();
    const attributes = { 'http.request.method': request.method ?? '', 'http.route': path };
    void continueTrace(request.headers, () =>
      inSpan(route, SpanKind.SERVER, attributes, async (span) => {
        let status = 200;
        try {
          await handle();
        } catch (error) {
          status = 500;
          span.recordException(error as Error);
          span.setStatus({ code: SpanStatusCode.ERROR, message: (error as Error).message });
        }
        span.setAttribute('http.response.status_code', status);
        response.writeHead(status).end();
      }),
    );
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo;
    process.send?.({ kind: 'listening', url: `http://127.0.0.1:${port}` } satisfies Listening);
  });
}

async function stop(): Promise<never> {
  await Promise.race([endTracing().catch(() => undefined), sleep(FLUSH_MS)]);
  process.exit(0);
}

process.on('message', (order: Order) => {
  switch (order.kind) {
    case 'start':
      endTracing = startTracing(order.service, order.otlpUrl, order.identity);
      return serve(order.service);
    case 'peers':
      peers = order.urls;
      return;
    case 'fault':
      fault = order.fault;
      return;
    case 'stop':
      void stop();
  }
});
// Ctrl-C reaches the whole group; the parent decides when to end. Without a parent there is nobody to work for.
process.on('SIGINT', () => undefined);
process.on('disconnect', () => void stop());
