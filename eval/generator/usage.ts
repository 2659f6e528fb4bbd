import { WINDOW_MS } from '../../src/model/window.js';
import { type Call, callsOf, type Endpoint, type Entry, type Service, type System } from './system.js';

/** How much of a system's traffic meets what: expected numbers a window on a working day, after head sampling. */
export interface Usage {
  services: Map<Service, number>;
  calls: Map<Call, number>;
  entries: Map<Entry, number>;
  /** Entries whose requests may reach the service. */
  entriesOf: (service: Service) => Set<Entry>;
}

/** Follows every entry's requests down the calls; a call beyond the first hundredth of a request is not followed. */
export function usageOf(system: System): Usage {
  const usage = {
    services: new Map<Service, number>(),
    calls: new Map<Call, number>(),
    entries: new Map<Entry, number>(),
  };
  const reached = new Map<Service, Set<Entry>>();
  for (const entry of system.entries) {
    const perMs = entry.everyMs === null ? entry.perSecond / 1000 : 1 / entry.everyMs;
    const perWindow = perMs * WINDOW_MS * entry.sampling;
    usage.entries.set(entry, perWindow);
    const follow = (endpoint: Endpoint, times: number): void => {
      add(usage.services, endpoint.service, times * perWindow);
      let its = reached.get(endpoint.service);
      if (its === undefined) reached.set(endpoint.service, (its = new Set()));
      its.add(entry);
      for (const call of endpoint.calls) {
        add(usage.calls, call, times * perWindow * call.probability);
        if (times * call.probability > 0.01) follow(call.target, times * call.probability);
      }
    };
    follow(entry.endpoint, 1);
  }
  return { ...usage, entriesOf: (service) => reached.get(service) ?? new Set() };
}

/** Ids of the operations whose requests pass through one of `origins`, and of those that work for it: where a fault there may show. */
export function operationsAround(system: System, origins: readonly Endpoint[]): Set<number> {
  const callers = new Map<Endpoint, { from: Endpoint; call: Call }[]>();
  for (const each of callsOf(system)) {
    const list = callers.get(each.call.target);
    if (list === undefined) callers.set(each.call.target, [each]);
    else list.push(each);
  }
  const around = new Set<number>();
  const note = (endpoint: Endpoint): void => {
    if (endpoint.operation !== null) around.add(endpoint.operation.id);
  };
  const visit = (next: (endpoint: Endpoint) => { call: Call; other: Endpoint }[]): void => {
    const seen = new Set(origins);
    for (const endpoint of seen) {
      note(endpoint);
      for (const { call, other } of next(endpoint)) {
        if (call.client !== null) around.add(call.client.id);
        seen.add(other);
      }
    }
  };
  visit((endpoint) => (callers.get(endpoint) ?? []).map(({ from, call }) => ({ call, other: from })));
  visit((endpoint) => endpoint.calls.map((call) => ({ call, other: call.target })));
  return around;
}

function add<K>(map: Map<K, number>, key: K, by: number): void {
  map.set(key, (map.get(key) ?? 0) + by);
}
