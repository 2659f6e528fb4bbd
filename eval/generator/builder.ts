import type { Operation } from '../../src/model/operation.js';
import type { Random } from './random.js';
import type { Call, Endpoint, Entry, Service, System } from './system.js';

/** Puts a system together and gives everything its number. */
export class Builder {
  readonly system: System = { services: [], entries: [], operations: new Map() };
  private readonly byName = new Map<string, Operation>();
  private instances = 0;

  constructor(readonly random: Random) {}

  service(name: string, isInstrumented = true): Service {
    const { random } = this;
    const id = this.system.services.length + 1;
    const service: Service = {
      id,
      name,
      isInstrumented,
      instances: [],
      endpoints: [],
      pace: 1,
      effects: [],
    };
    for (let i = random.int(1, 6); i > 0; i--) {
      service.instances.push({
        no: this.instances++,
        name: `${name}-${random.hex16().slice(0, 5)}`,
        version: '1.0.0',
        // Most hosts keep time; one in ten is off by up to a fifth of a second.
        skewUs: Math.round(random.chance(0.1) ? random.between(-200_000, 200_000) : 300 * random.normal()),
        coldUntilUs: 0,
      });
    }
    this.system.services.push(service);
    return service;
  }

  operation(service: Service, name: string, kind: number): Operation {
    const key = `${service.id}|${name}|${kind}`;
    let operation = this.byName.get(key);
    if (operation === undefined) {
      const id = this.byName.size + 1;
      operation = { id, serviceId: service.id, service: service.name, name, kind };
      this.byName.set(key, operation);
      this.system.operations.set(id, operation);
    }
    return operation;
  }

  endpoint(
    service: Service,
    what: Pick<Endpoint, 'operation' | 'ownUs' | 'sigma' | 'errorRate'> & Partial<Endpoint>,
  ): Endpoint {
    const endpoint: Endpoint = {
      service,
      calls: [],
      wait: null,
      expectedSpans: what.operation === null ? 0 : 1,
      ...what,
    };
    service.endpoints.push(endpoint);
    return endpoint;
  }

  /** Callees come first: what a call costs is known when it is added. */
  call(from: Endpoint, call: Call): void {
    from.calls.push(call);
    from.expectedSpans += call.probability * ((call.client === null ? 0 : 1) + call.target.expectedSpans);
  }

  entry(endpoint: Endpoint, perSecond: number, what: Partial<Entry>): void {
    const { random } = this;
    this.system.entries.push({
      endpoint,
      perSecond,
      everyMs: null,
      season: {
        dayAmplitude: random.between(0.3, 0.6),
        peakHour: random.between(11, 20),
        weekend: random.between(0.5, 0.9),
      },
      sampling: 1,
      effects: [],
      ...what,
    });
  }

  /** Sets the rates of all entries driven by users so that they make so many spans a second together. Rates keep their proportions. */
  scaleTraffic(spansPerSecond: number): void {
    const byUsers = this.system.entries.filter((entry) => entry.everyMs === null && entry.endpoint.wait === null);
    const now = byUsers.reduce(
      (sum, entry) => sum + entry.perSecond * entry.sampling * entry.endpoint.expectedSpans,
      0,
    );
    for (const entry of byUsers) entry.perSecond *= spansPerSecond / now;
  }
}
