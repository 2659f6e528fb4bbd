import { KIND_CLIENT, KIND_CONSUMER, KIND_SERVER } from '../../src/model/span.js';
import { Builder } from './builder.js';
import { Random } from './random.js';
import type { Call, Endpoint, Service, System } from './system.js';

const KIND_INTERNAL = 1;
const KIND_PRODUCER = 4;
/** A request that makes more spans than this is rare in practice and would drown the rest. */
const MAX_SPANS_A_REQUEST = 60;
const LAYERS = 4;
const NOUNS = 'cart order user price stock offer route media label quote badge claim event asset draft panel'.split(
  ' ',
);
const VERBS = 'Get List Create Update Check Find Reserve Confirm'.split(' ');

interface Tiers {
  stores: Service[];
  caches: Service[];
  consumers: Endpoint[];
  /** Endpoints by layer; the last is the deepest. */
  layers: Endpoint[][];
}

/**
 * A system of `services` services, the same for the same seed: gateways, four layers of applications, databases and caches (every other one
 * makes no spans), consumers behind queues, timers, long polls and blocking pops. Traffic is scaled to `spansPerSecond` on a working day.
 */
export function buildSystem(services: number, spansPerSecond: number, seed: number): System {
  if (services < 12) throw new Error('a system has 12 services or more');
  const random = new Random(seed, 'system');
  const builder = new Builder(random);
  const share = (part: number): number => Math.max(1, Math.round(services * part));
  const tiers: Tiers = { stores: [], caches: [], consumers: [], layers: [] };
  for (let i = 0; i < share(0.1); i++) tiers.stores.push(store(builder, `db-${NOUNS[i % NOUNS.length]}-${i}`, i, 900));
  for (let i = 0; i < share(0.04); i++) tiers.caches.push(store(builder, `cache-${i}`, i, 250));

  const apps = services - share(0.1) - share(0.04) - share(0.08) - share(0.03) - share(0.02);
  for (let depth = LAYERS - 1; depth >= 0; depth--) {
    const below = tiers.layers.flat();
    const layer: Endpoint[] = [];
    const n = depth === 0 ? apps - Math.floor(apps / LAYERS) * (LAYERS - 1) : Math.floor(apps / LAYERS);
    for (let i = 0; i < n; i++) {
      const service = builder.service(`${random.pick(NOUNS)}-${depth}${String(i).padStart(2, '0')}`);
      for (let k = random.int(1, 4); k > 0; k--) layer.push(appEndpoint(builder, service, below, tiers));
    }
    tiers.layers.push(layer);
    if (depth === LAYERS - 1) addConsumers(builder, share(0.08), layer, tiers);
  }
  addGateways(builder, share(0.03), tiers);
  addTimersAndWaits(builder, share(0.02), tiers);
  builder.scaleTraffic(spansPerSecond);
  return builder.system;
}

function store(builder: Builder, name: string, i: number, ownUs: number): Service {
  const { random } = builder;
  const isInstrumented = i % 2 === 0;
  const service = builder.service(name, isInstrumented);
  for (const what of ['read', 'write']) {
    builder.endpoint(service, {
      operation: isInstrumented ? builder.operation(service, what, KIND_SERVER) : null,
      ownUs: ownUs * random.between(0.5, 2) * (what === 'write' ? 2 : 1),
      sigma: random.between(0.4, 0.8),
      errorRate: 1e-5,
    });
  }
  return service;
}

function appEndpoint(builder: Builder, service: Service, below: readonly Endpoint[], tiers: Tiers): Endpoint {
  const { random } = builder;
  const name = `${random.pick(VERBS)}${service.endpoints.length}`;
  const endpoint = builder.endpoint(service, {
    operation: builder.operation(service, name, KIND_SERVER),
    ownUs: 4_000 * random.lognormal(0.9),
    sigma: random.between(0.25, 0.7),
    // Most hardly ever fail, a few do all day.
    errorRate: Math.min(0.03, 0.0003 * random.lognormal(1.6)),
  });
  if (random.chance(0.45))
    addCall(builder, endpoint, random.pick(random.pick(tiers.caches).endpoints), { isCritical: false });
  for (let i = random.chance(0.65) ? random.int(1, 3) : 0; i > 0; i--) {
    addCall(builder, endpoint, random.pick(random.pick(tiers.stores).endpoints), {
      probability: random.between(0.3, 1),
    });
  }
  if (below.length > 0) {
    for (let i = random.int(1, 4); i > 0; i--) {
      // The first of a layer are called by many: every system has its user service.
      const at = Math.floor(below.length * random.next() ** 2);
      const target = below[at]!;
      if (target.service === service) continue;
      if (endpoint.expectedSpans + 1 + target.expectedSpans > MAX_SPANS_A_REQUEST) continue;
      addCall(builder, endpoint, target, {
        probability: random.chance(0.5) ? 1 : random.between(0.1, 0.9),
        isParallel: endpoint.calls.length > 0 && random.chance(0.35),
        isCritical: random.chance(0.75),
      });
    }
  }
  if (tiers.consumers.length > 0 && random.chance(0.15)) {
    publish(builder, endpoint, random.pick(tiers.consumers));
  }
  return endpoint;
}

function addCall(builder: Builder, from: Endpoint, target: Endpoint, what: Partial<Call>): void {
  const { random } = builder;
  const isStore = target.service.name.startsWith('db-') || target.service.name.startsWith('cache-');
  const name = `${isStore ? (target.service.endpoints.indexOf(target) === 0 ? 'SELECT' : 'INSERT') : 'call'} ${target.service.name}${isStore ? '' : `/${target.operation!.name}`}`;
  // Some instrumentations make no client span; of a database without spans, it is all there is.
  const hasClientSpan = target.operation === null || random.chance(0.9);
  builder.call(from, {
    client: hasClientSpan ? builder.operation(from.service, name, KIND_CLIENT) : null,
    target,
    probability: 1,
    isParallel: false,
    async: null,
    networkUs: 400 * random.lognormal(0.5),
    hopUs: !isStore && random.chance(0.1) ? random.between(300, 3_000) : 0,
    timeoutUs: random.pick([2, 5, 10]) * 1e6,
    retries: isStore || random.chance(0.6) ? 0 : random.int(1, 2),
    isCritical: true,
    effects: [],
    ...what,
  });
}

function publish(builder: Builder, from: Endpoint, consumer: Endpoint): void {
  const { random } = builder;
  builder.call(from, {
    client: builder.operation(from.service, `publish ${consumer.service.name}`, KIND_PRODUCER),
    target: consumer,
    probability: random.between(0.3, 1),
    isParallel: false,
    async: random.chance(0.5) ? 'child' : 'link',
    networkUs: 1_500,
    hopUs: 20_000 * random.lognormal(0.8),
    timeoutUs: Infinity,
    retries: 0,
    isCritical: false,
    effects: [],
  });
}

function addConsumers(builder: Builder, n: number, below: readonly Endpoint[], tiers: Tiers): void {
  const { random } = builder;
  for (let i = 0; i < n; i++) {
    const service = builder.service(`worker-${NOUNS[i % NOUNS.length]}-${i}`);
    const endpoint = builder.endpoint(service, {
      operation: builder.operation(service, `process ${service.name}`, KIND_CONSUMER),
      ownUs: 15_000 * random.lognormal(0.8),
      sigma: random.between(0.4, 0.9),
      errorRate: 0.0005 * random.lognormal(1),
    });
    addCall(builder, endpoint, random.pick(random.pick(tiers.stores).endpoints), {});
    if (random.chance(0.5)) addCall(builder, endpoint, random.pick(below), {});
    tiers.consumers.push(endpoint);
  }
}

function addGateways(builder: Builder, n: number, tiers: Tiers): void {
  const { random } = builder;
  const gateways = Array.from({ length: n }, (_, i) => builder.service(`gateway-${i}`));
  // What nobody calls yet is what users ask for; others are entered from outside as well as from inside.
  const front = tiers.layers.at(-1)!;
  front.forEach((target, rank) => {
    const service = gateways[rank % n]!;
    const endpoint = builder.endpoint(service, {
      operation: builder.operation(service, `GET /${target.service.name}/${target.operation!.name}`, KIND_SERVER),
      ownUs: 2_500 * random.lognormal(0.4),
      sigma: 0.4,
      errorRate: 0.0002,
    });
    addCall(builder, endpoint, target, {});
    // Zipf: the busiest entry has a hundred times the traffic of the hundredth.
    builder.entry(endpoint, 1 / (rank + 1), { sampling: random.chance(0.3) ? random.pick([0.5, 0.25, 0.0625]) : 1 });
  });
}

function addTimersAndWaits(builder: Builder, n: number, tiers: Tiers): void {
  const { random } = builder;
  const below = tiers.layers.flat();
  for (let i = 0; i < n; i++) {
    const batch = builder.service(`batch-${i}`);
    const job = builder.endpoint(batch, {
      operation: builder.operation(batch, `run nightly-${i}`, KIND_INTERNAL),
      ownUs: 400_000 * random.lognormal(0.6),
      sigma: 0.5,
      errorRate: 0.002,
    });
    for (let k = random.int(5, 15); k > 0; k--) {
      addCall(builder, job, random.pick(random.pick(tiers.stores).endpoints), {});
    }
    addCall(builder, job, random.pick(below), {});
    builder.entry(job, 0, { everyMs: random.pick([60_000, 300_000, 3_600_000]) });

    const worker = builder.service(`poller-${i}`);
    const waiting = (name: string, kind: number, meanUs: number, capUs: number, isLongerWhenQuiet: boolean): Endpoint =>
      builder.endpoint(worker, {
        operation: builder.operation(worker, name, kind),
        ownUs: 500,
        sigma: 0.3,
        errorRate: 0.0001,
        wait: { meanUs, capUs, isLongerWhenQuiet },
      });
    builder.entry(waiting(`BRPOP jobs-${i}`, KIND_CLIENT, 1.5e6, 5e6, true), 0.6, {});
    builder.entry(waiting('GET /poll', KIND_SERVER, 20e6, 30e6, false), 0.4, {});
    builder.entry(waiting('Watch/Stream', KIND_SERVER, 60e6, 300e6, false), 0.1, {});
  }
}
