import { MINUTE_MS } from '../../src/model/window.js';
import type { Random } from './random.js';
import {
  type Call,
  callsOf,
  type Effect,
  effect,
  type Endpoint,
  type Entry,
  type Service,
  type System,
} from './system.js';
import { usageOf, type Usage } from './usage.js';

export const FAULT_KINDS = [
  'slow',
  'slow_instance',
  'network',
  'errors',
  'exception',
  'vanished',
  'timeout',
  'n_plus_one',
  'retry_storm',
  'traffic_drop',
  'surge',
  'database_slow',
  'bad_version',
  'two_faults',
  'two_causes',
  'consumer_slow',
  'consumer_stopped',
  'producer_silent',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** What is true of a fault; the program never sees it. */
export interface Label {
  /** Faults of one moment share a number. */
  no: number;
  kind: FaultKind;
  fromMs: number;
  toMs: number;
  /** Where it is, in words. */
  what: string;
  /** A cause is right when its service or its operation is among these. */
  services: ReadonlySet<number>;
  operations: ReadonlySet<number>;
  effects: readonly Effect[];
  /** Where requests meet it. */
  origins: readonly Endpoint[];
}

/** A fault is put where a window holds so many spans of it, else nobody could notice it in minutes. */
const MIN_PER_WINDOW = 5;
const LENGTH_MS = 5 * MINUTE_MS;

/**
 * Plans `n` faults, one every `everyMs` from `fromMs` on, kind by kind in turn, at places by chance among those with enough traffic, and attaches
 * their effects to the system. A system without a place for a kind goes without it.
 */
export function planFaults(system: System, n: number, fromMs: number, everyMs: number, random: Random): Label[] {
  const planner = new Planner(system, random);
  return Array.from({ length: n }, (_, i) => {
    // Never just at the start of a window.
    const atMs = fromMs + i * everyMs + random.int(1, MINUTE_MS);
    return planner.plan(i, FAULT_KINDS[i % FAULT_KINDS.length]!, atMs, atMs + LENGTH_MS);
  }).flat();
}

class Planner {
  private readonly usage: Usage;

  constructor(
    private readonly system: System,
    private readonly random: Random,
  ) {
    this.usage = usageOf(system);
  }

  plan(no: number, kind: FaultKind, fromMs: number, toMs: number): Label[] {
    const label = (
      what: string,
      services: readonly Service[],
      operations: readonly number[],
      effects: readonly Effect[],
      origins: readonly Endpoint[],
    ): Label => ({
      no,
      kind,
      fromMs,
      toMs,
      what,
      services: new Set(services.map((service) => service.id)),
      operations: new Set(operations),
      effects,
      origins,
    });
    const inService = (service: Service, does: Partial<Effect>): Label => {
      const its = effect(fromMs, toMs, does);
      service.effects.push(its);
      return label(service.name, [service], [], [its], service.endpoints);
    };
    const onCall = (from: Endpoint, call: Call, does: Partial<Effect>, services: readonly Service[]): Label => {
      const its = effect(fromMs, toMs, does);
      // Some make the same call twice: what is wrong with the way there is wrong with both.
      for (const each of from.calls) {
        if (each.client === call.client && each.target === call.target) each.effects.push(its);
      }
      const operations = [
        call.client?.id,
        call.target.operation?.id,
        call.client === null ? from.operation?.id : undefined,
      ];
      const what = `${from.service.name} -> ${call.target.service.name}`;
      return label(
        what,
        services,
        operations.filter((id) => id !== undefined),
        [its],
        [from, call.target],
      );
    };
    const atEntry = (entry: Entry, does: Partial<Effect>): Label => {
      const its = effect(fromMs, toMs, does);
      entry.effects.push(its);
      return label(entry.endpoint.operation!.name, [entry.endpoint.service], [], [its], [entry.endpoint]);
    };
    const slowness = (): Partial<Effect> => ({ slowFactor: 1.5, slowUs: this.random.between(60_000, 400_000) });

    switch (kind) {
      case 'slow':
        return [inService(this.application(), slowness())];
      case 'slow_instance':
        return [inService(this.application(2), { ...slowness(), instances: new Set([0]) })];
      case 'bad_version': {
        const service = this.application(3);
        const instances = new Set([0]);
        return [
          inService(service, this.random.chance(0.5) ? { errorShare: 0.6, instances } : { ...slowness(), instances }),
        ];
      }
      case 'errors':
        return [inService(this.application(), { errorShare: this.random.between(0.2, 0.9) })];
      case 'exception':
        return [inService(this.application(), { abortShare: this.random.between(0.3, 1) })];
      case 'timeout':
        return [inService(this.application(), { hangShare: this.random.between(0.2, 0.6), hangUs: 12e6 })];
      case 'database_slow': {
        const service = this.service(({ name }) => name.startsWith('db-'));
        const slow = inService(service, { slowFactor: 3, slowUs: this.random.between(30_000, 150_000) });
        return [service.isInstrumented ? slow : this.withCallers(slow)];
      }
      case 'network': {
        const { from, call } = this.rpc();
        return [onCall(from, call, { networkUs: this.random.between(80_000, 300_000) }, [call.target.service])];
      }
      case 'vanished': {
        const { from, call } = this.rpc();
        return [onCall(from, call, { skipShare: 1 }, [from.service])];
      }
      case 'n_plus_one': {
        const { from, call } = this.query();
        return [onCall(from, call, { repeats: this.random.int(8, 25) }, [from.service])];
      }
      case 'retry_storm': {
        const { from, call } = this.rpc();
        const its = inService(call.target.service, { errorShare: 0.8 });
        const retries = onCall(from, call, { retries: 6 }, [from.service, call.target.service]);
        const effects = [...its.effects, ...retries.effects];
        return [{ ...its, services: retries.services, effects, origins: [...its.origins, from] }];
      }
      case 'traffic_drop':
        return [atEntry(this.entry(), { rateFactor: this.random.between(0, 0.15) })];
      case 'surge':
        return [atEntry(this.entry(), { rateFactor: this.random.between(4, 8) })];
      case 'consumer_slow':
        return [inService(this.consumer(), slowness())];
      case 'consumer_stopped':
        return [inService(this.consumer(), { stopShare: 1 })];
      case 'producer_silent': {
        // Whoever consumes gets less; that is not the consumer's doing.
        const { from, call } = this.publication();
        const silent = onCall(from, call, { skipShare: 1 }, [from.service]);
        const operations = [call.client?.id, from.operation?.id].filter((id) => id !== undefined);
        return [{ ...silent, operations: new Set(operations) }];
      }
      case 'two_faults': {
        const pair = this.unrelated();
        if (pair === null) return [];
        const [first, second] = pair;
        return [inService(first, slowness()), inService(second, { errorShare: 0.6 })];
      }
      case 'two_causes': {
        const { from, call } = this.rpc();
        return [inService(from.service, slowness()), inService(call.target.service, slowness())];
      }
    }
  }

  /** Of a database that makes no spans, its callers' spans are all that can be blamed. */
  private withCallers(label: Label): Label {
    const clients = [...callsOf(this.system)]
      .filter(({ call }) => label.services.has(call.target.service.id))
      .flatMap(({ call }) => (call.client === null ? [] : [call.client.id]));
    return { ...label, operations: new Set(clients) };
  }

  private service(isWanted: (service: Service) => boolean): Service {
    const busy = this.system.services.filter(
      (service) => isWanted(service) && (this.usage.services.get(service) ?? 0) >= MIN_PER_WINDOW,
    );
    return this.random.pick(busy);
  }

  private application(minInstances = 1): Service {
    return this.service(
      ({ name, instances }) => !/^(db|cache|poller|batch)-/.test(name) && instances.length >= minInstances,
    );
  }

  private calls(isWanted: (target: Service) => boolean): { from: Endpoint; call: Call }[] {
    return [...callsOf(this.system)].filter(
      ({ call }) =>
        call.async === null && isWanted(call.target.service) && (this.usage.calls.get(call) ?? 0) >= MIN_PER_WINDOW,
    );
  }

  private rpc(): { from: Endpoint; call: Call } {
    return this.random.pick(this.calls(({ name }) => !/^(db|cache)-/.test(name)));
  }

  private consumer(): Service {
    const all = this.system.services.filter(({ name }) => name.startsWith('worker-'));
    const rateOf = (service: Service): number => this.usage.services.get(service) ?? 0;
    const busy = all.filter((service) => rateOf(service) >= MIN_PER_WINDOW);
    return busy.length > 0 ? this.random.pick(busy) : all.reduce((a, b) => (rateOf(b) > rateOf(a) ? b : a));
  }

  private publication(): { from: Endpoint; call: Call } {
    const all = [...callsOf(this.system)].filter(({ call }) => call.async !== null);
    const rateOf = ({ call }: { call: Call }): number => this.usage.calls.get(call) ?? 0;
    const busy = all.filter((each) => rateOf(each) >= MIN_PER_WINDOW);
    // Few systems publish much: the busiest has to do then.
    return busy.length > 0 ? this.random.pick(busy) : all.reduce((a, b) => (rateOf(b) > rateOf(a) ? b : a));
  }

  private query(): { from: Endpoint; call: Call } {
    const seen = this.calls(({ name }) => name.startsWith('db-'));
    return this.random.pick(seen.filter(({ call }) => call.client !== null || call.target.operation !== null));
  }

  private entry(): Entry {
    const busy = this.system.entries.filter(
      (entry) =>
        entry.everyMs === null &&
        entry.endpoint.wait === null &&
        (this.usage.entries.get(entry) ?? 0) >= MIN_PER_WINDOW,
    );
    return this.random.pick(busy);
  }

  /** Two services of which no request meets both; null when chance finds none, as where one entry leads everywhere. */
  private unrelated(): [Service, Service] | null {
    for (let tries = 0; tries < 500; tries++) {
      const [first, second] = [this.application(), this.application()];
      const above = this.usage.entriesOf(first);
      if (first !== second && ![...this.usage.entriesOf(second)].some((entry) => above.has(entry)))
        return [first, second];
    }
    return null;
  }
}
