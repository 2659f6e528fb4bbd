import type { Operation } from '../../src/model/operation.js';

/** One running process of a service. A deploy gives it another name and version. */
export interface Instance {
  /** Place among all instances of the system. */
  no: number;
  name: string;
  version: string;
  /** How far its host's clock is off. */
  skewUs: number;
  /** A process that has just started is slower until then. */
  coldUntilUs: number;
}

/** What a fault does, from `fromUs` to `toUs`, to the service, call or entry that it is attached to. */
export interface Effect {
  fromUs: number;
  toUs: number;
  /** Places of the affected instances within the service; null: all. */
  instances: ReadonlySet<number> | null;
  /** Own time: multiplied, then added to. */
  slowFactor: number;
  slowUs: number;
  /** Share of requests that fail at the end of their work, and that break off before they call anybody. */
  errorShare: number;
  abortShare: number;
  /** Share of requests that hang for `hangUs`. */
  hangShare: number;
  hangUs: number;
  /** On the way there and back together. */
  networkUs: number;
  /** Share of calls that are not made. */
  skipShare: number;
  /** Share of published messages that nobody takes up. */
  stopShare: number;
  /** Each call is made so many times more. */
  repeats: number;
  /** Extra attempts after a failed one. */
  retries: number;
  /** Traffic at an entry is multiplied. */
  rateFactor: number;
  /** How often it has changed something so far. */
  touched: number;
}

export interface Service {
  id: number;
  name: string;
  /** False: a database or proxy that makes no spans; its callers' client spans are all that is seen. */
  isInstrumented: boolean;
  instances: Instance[];
  endpoints: Endpoint[];
  /** Own time of all requests is multiplied by it: changes slowly by chance, for good by a deploy. */
  pace: number;
  effects: Effect[];
}

/** A call, publication or query that an endpoint makes. */
export interface Call {
  /** The caller's span; null: the caller's instrumentation makes none. */
  client: Operation | null;
  target: Endpoint;
  probability: number;
  /** Starts together with the call before it. */
  isParallel: boolean;
  /** The caller does not wait, and the work may be a trace of its own that links to this one. */
  async: 'child' | 'link' | null;
  networkUs: number;
  /** An uninstrumented hop (proxy, sidecar) adds this much on the way. */
  hopUs: number;
  timeoutUs: number;
  retries: number;
  /** False: the caller lives with its failure. */
  isCritical: boolean;
  effects: Effect[];
}

/** Something that a service does when asked; makes a span when `operation` is set. */
export interface Endpoint {
  service: Service;
  operation: Operation | null;
  /** Median of its own time and the spread of its logarithm. */
  ownUs: number;
  sigma: number;
  errorRate: number;
  calls: Call[];
  /** Own time is waiting for something to happen, at most so long: long poll, blocking pop, stream. */
  wait: { meanUs: number; capUs: number; isLongerWhenQuiet: boolean } | null;
  /** Mean number of spans of one request. */
  expectedSpans: number;
}

export interface Season {
  /** Peak over mean, less 1. */
  dayAmplitude: number;
  peakHour: number;
  /** Traffic on Saturday and Sunday over that of a working day. */
  weekend: number;
}

/** Where requests come from outside: users, or a timer. */
export interface Entry {
  endpoint: Endpoint;
  /** Mean over a working day. */
  perSecond: number;
  /** Not by chance but every so many milliseconds. */
  everyMs: number | null;
  season: Season;
  /** Share of traces that head sampling keeps: a power of two, at least 1/16. */
  sampling: number;
  effects: Effect[];
}

export interface System {
  services: Service[];
  entries: Entry[];
  operations: Map<number, Operation>;
}

/** All calls of a system with the endpoint that makes them. */
export function* callsOf(system: System): Generator<{ from: Endpoint; call: Call }> {
  for (const service of system.services) {
    for (const from of service.endpoints) for (const call of from.calls) yield { from, call };
  }
}

/** An effect that does nothing, to be filled in. */
export function effect(fromMs: number, toMs: number, what: Partial<Effect>): Effect {
  return {
    fromUs: fromMs * 1000,
    toUs: toMs * 1000,
    instances: null,
    slowFactor: 1,
    slowUs: 0,
    errorShare: 0,
    abortShare: 0,
    hangShare: 0,
    hangUs: 0,
    networkUs: 0,
    skipShare: 0,
    stopShare: 0,
    repeats: 0,
    retries: 0,
    rateFactor: 1,
    touched: 0,
    ...what,
  };
}
