import { KIND_CLIENT, KIND_SERVER } from '../../src/model/span.js';
import type { Random } from './random.js';
import { callsOf, type Call, type Service, type System } from './system.js';

/** Instances are replaced one after the other. */
const ROLL_MS = 20_000;
const COLD_US = 20e6;
/** A release that does a little more than the one before it. */
const SHIFT = 1.08;

/**
 * A harmless deploy: every instance gets a new name and version, one every 20 seconds, each slower for its first 20; own time grows by 8 %
 * for good, and one of the service's callers begins to use a new operation.
 */
export class Deploy {
  private replaced = 0;

  private constructor(
    readonly atMs: number,
    readonly service: Service,
    private readonly version: string,
    private readonly newCall: Call,
    private readonly newCallShare: number,
    private readonly suffix: string,
  ) {}

  /** Plans a deploy of a service that others call; its new operation exists from now on and is called from `atMs` on. */
  static plan(system: System, atMs: number, no: number, random: Random): Deploy {
    const calls = [...callsOf(system)].filter(
      ({ call }) =>
        call.async === null && call.target.operation !== null && !/^(db|cache)-/.test(call.target.service.name),
    );
    const { from, call } = random.pick(calls);
    const { service } = call.target;
    const name = `New${no}`;
    const id = system.operations.size + 1;
    const operation = { id, serviceId: service.id, service: service.name, name, kind: KIND_SERVER };
    system.operations.set(operation.id, operation);
    const client = {
      id: id + 1,
      serviceId: from.service.id,
      service: from.service.name,
      name: `call ${service.name}/${name}`,
      kind: KIND_CLIENT,
    };
    system.operations.set(client.id, client);
    const target = { ...call.target, operation, calls: [] };
    const newCall: Call = { ...call, client, target, probability: 0, isParallel: false, effects: [] };
    from.calls.push(newCall);
    service.endpoints.push(target);
    return new Deploy(atMs, service, `1.${no + 1}.0`, newCall, random.between(0.2, 1), random.hex16());
  }

  /** Does what is due at the window that starts at `atMs`; `basePace` is that of all services in order. */
  apply(atMs: number, basePace: number[]): void {
    if (atMs < this.atMs) return;
    const { instances } = this.service;
    while (this.replaced < instances.length && atMs >= this.atMs + this.replaced * ROLL_MS) {
      const instance = instances[this.replaced]!;
      instances[this.replaced] = {
        ...instance,
        name: `${this.service.name}-${this.suffix.slice(this.replaced, this.replaced + 5)}`,
        version: this.version,
        coldUntilUs: atMs * 1000 + COLD_US,
      };
      this.replaced++;
      if (this.replaced < instances.length) continue;
      basePace[this.service.id - 1]! *= SHIFT;
      this.newCall.probability = this.newCallShare;
    }
  }
}
